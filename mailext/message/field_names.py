"""Names of header fields that an operator may choose."""

from __future__ import annotations

import re

from mailext.message.headers import HeaderSection
from mailext.values import HeaderField

__all__ = ["own_field_name"]

# Of IANA's message header fields those that somebody goes by, on the way or
# where it ends, and what servers write there. The first are whole families.
_MEANT = re.compile(
    r"""
      (?: arc | bimi | content | disposition-notification | dkim | list | resent | tls-report | x-original )-.*
    | apparently-to | authentication-results | auto-submitted | autocrypt | bcc | cc | comments | date
    | delivered-to | encrypted | envelope-to | errors-to | expires | followup-to | from | in-reply-to | keywords
    | mail-followup-to | mail-reply-to | message-id | mime-version | newsgroups | original-recipient | path
    | precedence | received | received-spf | references | reply-to | require-recipient-valid-since | return-path
    | return-receipt-to | sender | subject | tls-required | to
    """,
    re.VERBOSE,
)
_LONGEST = 76


def own_field_name(text: str) -> str:
    """
    A name for a field that a site uses among its own.

    :raise ValueError: if no field can be called that, or mail goes by fields
        of that name already.
    """
    try:
        HeaderSection().with_on_top(HeaderField(text, "x"))
    except ValueError:
        raise ValueError(f"no header field can be called {text[:_LONGEST]!r}") from None
    if len(text) > _LONGEST:
        raise ValueError(f"longer than {_LONGEST} characters: {text[:_LONGEST]!r}...")
    if _MEANT.fullmatch(text.lower()):
        raise ValueError(f"mail goes by the field {text} already: choose another name, as X-{text}")
    return text
