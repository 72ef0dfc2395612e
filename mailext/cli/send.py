"""``mailext send``."""

from __future__ import annotations

import base64
import sys
from argparse import Namespace
from typing import TYPE_CHECKING, cast

from mailext.cli.asking import ask
from mailext.cli.grammar import Parser
from mailext.cli.letter import read_letter
from mailext.cli.output import Output, Sheet
from mailext.cli.send_options import add_send_options, refuse_server_options
from mailext.config.source import Source, read
from mailext.control.requests import SendMessage

if TYPE_CHECKING:
    from mailext.control.submission import SentJson

__all__ = ["add_to"]


def add_to(parser: Parser) -> None:
    """The arguments of ``send``."""
    add_send_options(parser)
    parser.set_defaults(run=send)


def send(arguments: Namespace, output: Output) -> int:
    """``send [RECIPIENT...]``: through a server, or into the queue."""
    if arguments.server is None:
        refuse_server_options(arguments)
        _put_into_queue(arguments, output)
        return 0
    # A whole client, for those who name a server.
    from mailext.cli.through_server import check_server_options, send_through  # noqa: PLC0415

    check_server_options(arguments)
    sent = send_through(arguments, read_letter(arguments, sys.stdin.buffer))
    rows = [[each["address"], each["reply"]] for each in sent["recipients"]]
    if sent["reply"]:
        output.tell(sent, sent["reply"])
    else:
        output.show(sent, Sheet(["recipient", "reply"], rows, ""))
    return 0 if all(each["accepted"] for each in sent["recipients"]) else 1


def _put_into_queue(arguments: Namespace, output: Output) -> None:
    configuration = read(Source(arguments.config))
    letter = read_letter(arguments, sys.stdin.buffer, configuration.limits.message_size)
    request = SendMessage(
        recipients=letter.recipients,
        content=base64.b64encode(letter.content).decode("ascii"),
        sender=letter.sender,
        requiretls=letter.demand.word,
        full_name=letter.full_name,
        notify=sorted(letter.notify),
        ret=letter.ret,
        envid=letter.envid,
    )
    answer = cast("SentJson", ask(configuration, request))
    output.tell(answer, answer["reply"])
