"""The TXT record that says that there is a policy, and which (RFC 8461 section 3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["read_record_id", "record_name", "record_text"]

# sts-version, and the delimiter that has to follow it.
_VERSION = re.compile(rb"v=STSv1[ \t]*;")
_SPACE = b" \t"
_FIELD = re.compile(rb"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c\x3e-\x7e]+)")
_ID = re.compile(rb"[A-Za-z0-9]{1,32}")


def record_name(domain: str) -> str:
    """Where the record of a domain stands."""
    return f"_mta-sts.{domain}"


def record_text(policy_id: str) -> str:
    """The record of a policy."""
    return f"v=STSv1; id={policy_id};"


def read_record_id(texts: Iterable[bytes]) -> str | None:
    """
    The id of the policy that a domain has.

    :param texts: the TXT records, of each its strings put together.
    :return: None if the domain has no policy: there is no record, there are
        several, or it makes no sense.
    """
    records = [text for text in texts if _VERSION.match(text)]
    if len(records) != 1:
        return None
    _, *between, last = records[0].split(b";")
    # What is behind the last delimiter ends the record; it may be nothing.
    fields = [*(field.strip(_SPACE) for field in between), *filter(None, [last.lstrip(_SPACE)])]
    read = [_FIELD.fullmatch(field) for field in fields]
    ids = [field[2] for field in read if field is not None and field[1] == b"id"]
    # Section 3.2: of a field that is repeated the first one counts.
    if None in read or not ids or not _ID.fullmatch(ids[0]):
        return None
    return ids[0].decode("ascii")
