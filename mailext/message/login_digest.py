"""The log of an account's logins, as a message to its holder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from mailext.message.harmless import ascii_line
from mailext.message.headers import HeaderSection
from mailext.message.to_holder import note_headers
from mailext.values import Mailbox

__all__ = ["LoginDigest", "compose_login_digest"]

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class LoginDigest:
    """
    What there is to tell.

    :param hostname: the name of this server.
    :param unique: makes the ``Message-ID`` unlike any other.
    :param to: the account.
    :param when: wall clock, seconds since the epoch.
    :param lines: one for each login, the latest last.
    :param earlier: how many came before these.
    """

    hostname: str
    unique: str
    to: Mailbox
    when: float
    lines: Sequence[str]
    earlier: int = 0


def compose_login_digest(digest: LoginDigest) -> tuple[HeaderSection, bytes]:
    """
    :return: the message: its header section, and its body as canonical CRLF
        lines.
    """
    time = datetime.fromtimestamp(digest.when, UTC)
    headers = note_headers(digest.hostname, digest.unique, digest.to, "Logins to your account", time)
    text = [
        f"Logins to {ascii_line(str(digest.to), _LONGEST)}, up to {format_datetime(time)}.",
        "",
        *([f"({digest.earlier} earlier ones are left out)"] if digest.earlier else []),
        *(ascii_line(each, _LONGEST) for each in digest.lines),
        "",
        "If one of them was not you, change your password, and have the device revoked.",
        "",
    ]
    return headers, "\r\n".join(text).encode("ascii")
