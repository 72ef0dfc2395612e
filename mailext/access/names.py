"""
Names of folders, as clients and as the disk know them.

On the disk they are those of Maildir++: ``.Work.Reports`` in the Maildir, in
the modified UTF-7 of RFC 3501 section 5.1.3. The Maildir itself is ``INBOX``.
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.mail.imap4 import MailboxException

__all__ = [
    "DELIMITER",
    "INBOX",
    "FolderNameError",
    "canonical",
    "decode_name",
    "disk_name",
    "encode_name",
    "from_disk_name",
    "matches",
    "superiors",
]

#: The one mailbox that is always there.
INBOX = "INBOX"
#: What stands between the levels of a name.
DELIMITER = "."

_CODEC = "imap4-utf-7"
_LONGEST = 200


class FolderNameError(MailboxException):
    """A folder cannot have this name."""


def decode_name(octets: bytes) -> str:
    """
    A name as a client spells it.

    :raise FolderNameError: if it is not in modified UTF-7.
    """
    try:
        name = octets.decode(_CODEC)
        # Of one name there is one spelling.
        if name.encode(_CODEC) == octets:
            return name
    except UnicodeError:
        pass
    raise FolderNameError("the name is not in modified UTF-7")


def encode_name(name: str) -> bytes:
    """A name as clients are told it."""
    return name.encode(_CODEC)


def canonical(name: str) -> str:
    """
    The one spelling of a name.

    :raise FolderNameError: if no folder can have it.
    """
    levels = name.split(DELIMITER)
    if levels[0].upper() == INBOX:
        levels[0] = INBOX
    # A slash would be another folder on the disk.
    if not all(level and level.isprintable() and "/" not in level for level in levels):
        raise FolderNameError("no folder can have this name")
    name = DELIMITER.join(levels)
    if len(encode_name(name)) > _LONGEST:
        raise FolderNameError("the name is too long")
    return name


def disk_name(name: str) -> str:
    """The folder in the Maildir, for a canonical name; empty for ``INBOX``."""
    return "" if name == INBOX else DELIMITER + encode_name(name).decode("ascii")


def from_disk_name(folder: str) -> str | None:
    """The canonical name of a folder in the Maildir, None where it is none of ours."""
    try:
        name = canonical(decode_name(folder.removeprefix(DELIMITER).encode("ascii")))
    except (UnicodeError, FolderNameError):
        return None
    return name if disk_name(name) == folder else None


def superiors(name: str) -> Iterator[str]:
    """The names above a canonical name, from the top down."""
    levels = name.split(DELIMITER)
    for depth in range(1, len(levels)):
        yield DELIMITER.join(levels[:depth])


def matches(pattern: str, name: str) -> bool:
    """
    Whether a canonical name is one of those that a pattern of LIST means (RFC
    3501 section 6.3.8). It takes time in proportion to both, whatever the
    pattern: no regular expression.
    """
    if pattern[: len(INBOX)].upper() == INBOX and pattern[len(INBOX) :][:1] in ("", DELIMITER, "*", "%"):
        pattern = INBOX + pattern[len(INBOX) :]
    # Where in the name one may be, having read so much of the pattern.
    places = {0}
    for character in pattern:
        if character == "*":
            places = set(range(min(places), len(name) + 1))
        elif character == "%":
            places = _within_a_level(places, name)
        else:
            places = {place + 1 for place in places if name[place : place + 1] == character}
        if not places:
            return False
    return len(name) in places


def _within_a_level(places: set[int], name: str) -> set[int]:
    reached: set[int] = set()
    for place in sorted(places):
        while place not in reached:
            reached.add(place)
            if name[place : place + 1] in ("", DELIMITER):
                break
            place += 1  # noqa: PLW2901 - the walk begins there
    return reached
