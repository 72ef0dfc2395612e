"""
What ``[delivery]`` and ``[programs]`` mean. A value that makes no sense raises
:class:`ValueError`.
"""

from __future__ import annotations

import os
from pathlib import Path

from mailext.accounts.canonical import canonical_mailbox
from mailext.config.model import Program
from mailext.config.relaying import next_hop
from mailext.delivery.program import Program as RunnableProgram
from mailext.message.headers import HeaderSection
from mailext.values import HeaderField, Mailbox, NextHop
from mailext.wire.grammar import parse_mailbox

__all__ = ["field_name", "lmtp_hop", "program_address", "runnable"]

_UNIX = "unix:"
_PORT = 24


def lmtp_hop(text: str) -> NextHop:
    """
    Where a program listens that speaks LMTP.

    :param text: ``unix:`` and an absolute path; or host, or host:port.
    :raise ValueError: if it is anything else.
    """
    if text.startswith(_UNIX):
        path = text.removeprefix(_UNIX)
        if not Path(path).is_absolute():
            raise ValueError(f"not an absolute path: {path!r}")
        return NextHop("localhost", 0, path=path)
    said = next_hop(text, _PORT)
    return NextHop(said.host, said.port)


def field_name(text: str) -> str:
    """
    The name of a header field of ours.

    :raise ValueError: if no field can be called that.
    """
    HeaderSection().with_on_top(HeaderField(text, "x"))
    return text


def program_address(text: str) -> Mailbox:
    """
    The address that a program is behind.

    :raise ValueError: if it is no address.
    """
    return canonical_mailbox(parse_mailbox(text))


def runnable(said: Program) -> RunnableProgram:
    """
    A program as it is run.

    :raise ValueError: if it cannot be run.
    """
    if not said.command:
        raise ValueError("there is no program")
    file = Path(said.command[0])
    if not file.is_absolute():
        raise ValueError(f"not an absolute path: {said.command[0]!r}")
    if not (file.is_file() and os.access(file, os.X_OK)):
        raise ValueError(f"not a program that may be run: {file}")
    return RunnableProgram(said.command, said.timeout)
