"""A stored message, as Twisted's IMAP4 knows messages."""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import formatdate
from io import BytesIO
from typing import BinaryIO

from twisted.mail.imap4 import IMessage, IMessageFile, IMessagePart
from zope.interface import implementer

from mailext.access.flags import flags_of, size_of
from mailext.access.folder import MaildirFolder, StoredFile
from mailext.access.mime import Octets, Part, octets_of, read_structure

__all__ = ["MessagePart", "StoredMessage"]


@implementer(IMessagePart)
class MessagePart:
    """A part of a message. What is asked of it blocks."""

    def __init__(self, octets: Octets, part: Part) -> None:
        self._octets = octets
        self._part = part

    def getHeaders(self, negate: bool, *names: str) -> dict[str, str]:  # noqa: FBT001 - Twisted's signature
        wanted = {name.lower().encode("utf-8") for name in names}
        found: dict[str, str] = {}
        for name, _ in self._part.header:
            if (name in wanted) is not bool(negate):
                found.setdefault(name.decode("ascii"), self._part.header.values(name)[0])
        return found

    def getBodyFile(self) -> BinaryIO:
        return BytesIO(self._octets[self._part.body : self._part.end])

    def getSize(self) -> int:
        return self._part.end - self._part.body

    def isMultipart(self) -> bool:
        return self._part.is_multipart

    def getSubPart(self, part: int) -> MessagePart:
        """
        :raise IndexError: if there is none of this number.
        :raise TypeError: if the message has no parts.
        """
        if not self._part.children:
            raise TypeError("no multipart")
        return MessagePart(self._octets, self._part.children[part])


@implementer(IMessage, IMessageFile)
class StoredMessage:
    """
    A message of a folder. Identifier and flags are known; what else is asked
    of it blocks.

    :param file: as the session knows it.
    :param is_recent: whether it is recent to the session.
    :ivar folder: as given.
    """

    def __init__(self, folder: MaildirFolder, file: StoredFile, *, is_recent: bool) -> None:
        self.folder = folder
        self._file = file
        self._is_recent = is_recent

    def getUID(self) -> int:
        return self._file.uid

    def getFlags(self) -> Iterable[str]:
        flags = flags_of(self._file.letters)
        return (*flags, "\\Recent") if self._is_recent else flags

    def getInternalDate(self) -> bytes:
        return formatdate(self.folder.stat(self._file.uid).st_mtime).encode("ascii")

    def getSize(self) -> int:
        size = size_of(self._file.base)
        return self.folder.stat(self._file.uid).st_size if size is None else size

    def open(self) -> BinaryIO:
        return self.folder.open(self._file.uid)

    def getHeaders(self, negate: bool, *names: str) -> dict[str, str]:  # noqa: FBT001 - Twisted's signature
        return self._whole().getHeaders(negate, *names)

    def getBodyFile(self) -> BinaryIO:
        return self._whole().getBodyFile()

    def isMultipart(self) -> bool:
        return self._whole().isMultipart()

    def getSubPart(self, part: int) -> MessagePart:
        return self._whole().getSubPart(part)

    def _whole(self) -> MessagePart:
        with self.open() as file:
            octets = octets_of(file)
        return MessagePart(octets, read_structure(octets))
