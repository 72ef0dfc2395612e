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
from mailext.values import Mailbox, NextHop
from mailext.wire.grammar import parse_mailbox

__all__ = ["lmtp_hop", "program_address", "runnable"]

_UNIX = "unix:"
_PORT = 24
# unix(7): sun_path, with the NUL at its end.
_LONGEST_PATH = 107


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
        if len(os.fsencode(path)) > _LONGEST_PATH:
            raise ValueError(f"longer than {_LONGEST_PATH} octets, as the path of a socket may be")
        return NextHop("localhost", 0, path=path)
    said = next_hop(text, _PORT)
    return NextHop(said.host, said.port)


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
