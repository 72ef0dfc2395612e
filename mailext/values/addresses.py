"""Whose mail it is: mailboxes by their addresses (RFC 5321 section 4.1.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Mailbox"]

_DOT_STRING = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+"
    r"(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+)*"
)


_QUOTED_PAIR = re.compile(r'(["\\])')


@dataclass(frozen=True, slots=True)
class Mailbox:
    """
    A mail address (RFC 5321 section 4.1.2, ``Mailbox``).

    :param local_part: what stands before the last unquoted ``@``, its quoting
        removed.
    :param domain: what follows, as it was given: a domain name or an address
        literal in brackets. Empty for the bare ``postmaster`` alone.

    ``str()`` gives the form for an envelope, quoted where it has to be.
    """

    local_part: str
    domain: str

    def __str__(self) -> str:
        local = self.local_part
        if not _DOT_STRING.fullmatch(local):
            local = '"' + _QUOTED_PAIR.sub(r"\\\1", local) + '"'
        return f"{local}@{self.domain}" if self.domain else local

    @property
    def is_ascii(self) -> bool:
        """Whether the address can be said without SMTPUTF8 (RFC 6531)."""
        return self.local_part.isascii() and self.domain.isascii()
