"""``mailext send``."""

from __future__ import annotations

import base64
import sys
from argparse import Namespace
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from typing import cast

from mailext.cli.asking import ask
from mailext.cli.output import Output
from mailext.config.model import Configuration
from mailext.control.requests import RequestRefusedError, SendMessage
from mailext.control.submission import SentJson

__all__ = ["send"]

_RECIPIENT_FIELDS = ("To", "Cc", "Bcc")


def send(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``send [-t] [-f ADDRESS] [RECIPIENT...]``."""
    limit = configuration.limits.message_size
    content = sys.stdin.buffer.read(limit + 1)
    if len(content) > limit:
        raise RequestRefusedError(f"the message is larger than {limit} octets")
    recipients = list(arguments.recipients)
    if arguments.read_recipients:
        recipients += _named_in(content)
    request = SendMessage(
        recipients=recipients,
        content=base64.b64encode(content).decode("ascii"),
        sender=arguments.sender,
        requiretls=arguments.requiretls,
    )
    answer = cast("SentJson", ask(configuration, request))
    output.tell(answer, answer["reply"])
    return 0


def _named_in(content: bytes) -> list[str]:
    headers = BytesHeaderParser().parsebytes(content)
    fields = [str(value) for name in _RECIPIENT_FIELDS for value in headers.get_all(name, [])]
    return [address for _, address in getaddresses(fields) if address]
