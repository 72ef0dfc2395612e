"""
Messages to the holder of an account about a login: what, when, where, with
which device, and what can be done.

All that a client can choose of it stands in the body, made harmless; the body
is ASCII.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import Enum

from mailext.message.harmless import ascii_line
from mailext.message.headers import HeaderSection
from mailext.message.to_holder import note_headers
from mailext.values import Mailbox

__all__ = ["AlertKind", "LoginAlert", "compose_login_alert"]

_LONGEST = 200


class AlertKind(Enum):
    """What has happened."""

    #: A device that is new to the account has logged in.
    NEW_DEVICE = "A new device has logged in to your account"
    #: The password was right, and the login was refused for all that.
    REFUSED = "A device with your password was refused"
    #: The password was wrong, or the login was refused before it was looked at.
    FAILED = "A login to your account has failed"


_MEANING = {
    AlertKind.NEW_DEVICE: """\
If it was you, there is nothing to do. If it was not you, change your password,
and have the device revoked. Whoever runs this server does that with:

  mailext identity revoke {account} {device}""",
    AlertKind.REFUSED: """\
If it was you, whoever runs this server can approve the device with:

  mailext identity approve {account} {device}

If it was not you, somebody knows your password: change it now, and have the
device revoked:

  mailext identity revoke {account} {device}""",
    AlertKind.FAILED: """\
If it was you, check the password in your mail program. If it was not you,
nobody has got in. Whoever runs this server sees all attempts with:

  mailext identity log {account} --all""",
}


@dataclass(frozen=True, slots=True)
class LoginAlert:
    """
    What there is to tell.

    :param hostname: the name of this server.
    :param unique: makes the ``Message-ID`` unlike any other.
    :param to: the account.
    :param when: wall clock, seconds since the epoch.
    :param where: the client's address, and its country if it is known.
    :param protocol: the protocol that it spoke.
    :param device_type: the type of the client's identity.
    :param device_id: its id; never the token (C24).
    """

    kind: AlertKind
    hostname: str
    unique: str
    to: Mailbox
    when: float
    where: str
    protocol: str
    device_type: str
    device_id: str


def compose_login_alert(alert: LoginAlert) -> tuple[HeaderSection, bytes]:
    """
    :return: the message: its header section, and its body as canonical CRLF
        lines.
    """
    time = datetime.fromtimestamp(alert.when, UTC)
    headers = note_headers(alert.hostname, alert.unique, alert.to, alert.kind.value, time)
    return headers, _text(alert, time).replace("\n", "\r\n").encode("ascii")


def _text(alert: LoginAlert, time: datetime) -> str:
    account = ascii_line(str(alert.to), _LONGEST)
    device = ascii_line(alert.device_id, _LONGEST)
    return f"""\
{alert.kind.value}.

  Account:   {account}
  Time:      {format_datetime(time)}
  Address:   {ascii_line(alert.where, _LONGEST)}
  Protocol:  {ascii_line(alert.protocol, _LONGEST)}
  Device:    {ascii_line(alert.device_type, _LONGEST)}, id {device}

{_MEANING[alert.kind].format(account=account, device=device)}

About one device there is at most one such message a day.
"""
