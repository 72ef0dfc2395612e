"""Names on disk: of the folders of a mailbox, and of the messages in it."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from random import Random
from urllib.parse import quote

from twisted.internet.interfaces import IReactorTime

from mailext.values import Mailbox

__all__ = ["MessageNames", "account_folder", "folder_name"]

_SAFE_CHARACTERS = "+="
_MICROSECONDS = 1_000_000
_RANDOM_BITS = 64


def folder_name(part: str) -> str:
    """
    A file name for a part of a canonical address, different for each part.

    Whatever is not a letter, a digit or one of ``-_~+=.`` becomes ``%XX`` by
    octet (RFC 3986 section 2.1), and so does a dot at the beginning: no name
    means another folder, or is hidden. A canonical address has no upper-case
    ASCII letter, so names that differ also differ to a file system that does
    not tell upper from lower case.
    """
    name = quote(part, safe=_SAFE_CHARACTERS)
    return "%2E" + name[1:] if name.startswith(".") else name


def account_folder(root: Path, account: Mailbox) -> Path:
    """
    The folder ``root/domain/local part``.

    :param account: the canonical address of an account. Its local part has 1
        to 64 octets, so no name exceeds the 255 that file systems allow.
    """
    return root / folder_name(account.domain) / folder_name(account.local_part)


class MessageNames:
    """
    Makes the names of messages in Maildirs. The random part alone would do to
    make them unique, also where containers share host name and process id.

    :param clock: its ``seconds()`` is the wall clock.
    :param hostname: this host's name.
    """

    def __init__(self, clock: IReactorTime, hostname: str, random: Random) -> None:
        self._clock = clock
        # The Maildir specification's own escapes.
        self._hostname = hostname.replace("/", r"\057").replace(":", r"\072")
        self._random = random
        self._numbers = itertools.count()

    def __call__(self) -> str:
        seconds, microseconds = divmod(int(self._clock.seconds() * _MICROSECONDS), _MICROSECONDS)
        middle = (
            f"M{microseconds}P{os.getpid()}Q{next(self._numbers)}R{self._random.getrandbits(_RANDOM_BITS):x}"
        )
        return f"{seconds}.{middle}.{self._hostname}"
