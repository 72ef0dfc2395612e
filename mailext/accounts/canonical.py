"""
The one spelling of an address that accounts are compared by.

ASCII letters are lower-cased, and a domain name is brought to its A-labels.
Nothing else is folded: compatibility forms of a character (RFC 6532 section
3.1) or its relatives in other scripts are other addresses, so that nobody can
pass for an account by a look-alike that folds into it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase

import idna

from mailext.values import Mailbox

__all__ = ["canonical_domain", "canonical_mailbox"]

_TO_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")


# The same domains come with every message.
@lru_cache(maxsize=1024)
def canonical_domain(domain: str) -> str:
    """
    A domain name in lower case and A-labels (RFC 5890 section 2.3.2.1).

    :raise ValueError: if it is not a domain name; an address literal is none.
    """
    lowered = domain.translate(_TO_LOWER)
    if not lowered.isascii():
        # UTS 46 mapping would be the folding that we do not want.
        lowered = idna.encode(lowered, strict=True, uts46=False).decode("ascii")
    if not _DOMAIN.fullmatch(lowered):
        raise ValueError(f"not a domain name: {domain!r}")
    return lowered


def canonical_mailbox(mailbox: Mailbox) -> Mailbox:
    """
    :raise ValueError: if the domain is not a domain name.
    """
    return Mailbox(mailbox.local_part.translate(_TO_LOWER), canonical_domain(mailbox.domain))
