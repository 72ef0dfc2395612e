"""
The unique identifiers of the messages in a folder (RFC 3501 section 2.3.1.1).

A text file in the folder: a line with the validity and the next identifier,
then a line for each message with its identifier and the base of its file's
name. New lines are appended, and are on stable storage before anybody is told
the identifiers; a last line without its end was never told. When most lines
are about messages that are gone, the file is written anew. Without it, or with
one that makes no sense, the folder has another validity, and clients begin
anew. Everything here blocks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from mailext.access.files import append_durably, replace_durably

__all__ = ["UidList"]

_HEAD = re.compile(rb"mailext-uids 1 ([0-9]{1,10}) ([0-9]{1,10})")
_LINE = re.compile(rb"([0-9]{1,10}) ([^\x00-\x1f/]+)")
# So many lines about messages that are gone are no reason to write anew.
_TOLERATED = 1000


class UidList:
    """
    :param path: the file.
    :param validity: makes the validity of a list that begins.
    :ivar validity: 1 to 4294967295, as identifiers are.
    :ivar next_uid: what the next message gets.
    """

    def __init__(self, path: Path, validity: Callable[[], int]) -> None:
        self._path = path
        self._uids: dict[str, int] = {}
        self._lines = 0
        self.validity, self.next_uid = 0, 1
        if not self._read():
            self._uids, self.validity, self.next_uid = {}, validity(), 1
            self._write()

    def update(self, bases: Collection[str]) -> Mapping[str, int]:
        """
        Give identifiers to messages that have none, in this order, and forget
        those that are gone.

        :param bases: of all the messages in the folder.
        :return: the identifier of each.
        :raise OSError: if new ones could not be brought to stable storage;
            then they are not given.
        """
        present = set(bases)
        for gone in self._uids.keys() - present:
            del self._uids[gone]
        new = [base for base in bases if base not in self._uids]
        if new:
            numbered = dict(zip(new, range(self.next_uid, self.next_uid + len(new)), strict=True))
            append_durably(self._path, _lines(numbered.items()))
            self._uids |= numbered
            self._lines += len(numbered)
            self.next_uid += len(numbered)
        if self._lines > 2 * len(self._uids) + _TOLERATED:
            self._write()
        return self._uids

    def _write(self) -> None:
        head = b"mailext-uids 1 %d %d\n" % (self.validity, self.next_uid)
        replace_durably(self._path, head + _lines(self._uids.items()))
        self._lines = len(self._uids)

    def _read(self) -> bool:
        try:
            head, *lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return False
        match = _HEAD.fullmatch(head)
        if match is None or not lines:
            return False
        self.validity, self.next_uid = int(match[1]), int(match[2])
        torn = lines.pop()
        for line in lines:
            match = _LINE.fullmatch(line)
            if match is None:
                return False
            uid = int(match[1])
            self._uids[match[2].decode("utf-8", "surrogateescape")] = uid
            self.next_uid = max(self.next_uid, uid + 1)
        self._lines = len(lines)
        if torn:
            self._write()
        return True


def _lines(uids: Iterable[tuple[str, int]]) -> bytes:
    return b"".join(b"%d %b\n" % (uid, base.encode("utf-8", "surrogateescape")) for base, uid in uids)
