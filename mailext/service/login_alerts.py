"""The holder of an account is told of logins that somebody should look at."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mailext.clientid.entries import LoginEntry
from mailext.message.login_alert import AlertKind, LoginAlert, compose_login_alert
from mailext.service.holder_mail import HolderMail
from mailext.values import LoginOutcome, Mailbox

__all__ = ["AlertClaims", "LoginAlerts"]

_log = Logger()


class AlertClaims(Protocol):
    """Says who is to be sent a message: see :class:`mailext.storage.alerts.AlertLedger`."""

    def claim(
        self, account: str, identity_id: str, when: float, *, proved: bool, succeeded: bool
    ) -> Deferred[bool]: ...


class LoginAlerts:
    """
    A :class:`~mailext.clientid.entries.LoginSink` that sends messages through
    the queue: of each device that is new to an account at most one a day.

    :param claims: says whether it is time for one.
    :param mail: sends them.
    """

    def __init__(self, claims: AlertClaims, mail: HolderMail) -> None:
        self._claims = claims
        self._mail = mail

    def take(self, entry: LoginEntry) -> Deferred[None]:
        """See :meth:`mailext.clientid.entries.LoginSink.take`."""
        return Deferred.fromCoroutine(self._take(entry))

    async def _take(self, entry: LoginEntry) -> None:
        holder = self._mail.holder_of(entry.account)
        if holder is None or not entry.alert or not entry.clientid:
            return
        succeeded = entry.outcome is LoginOutcome.SUCCESS
        if await self._claims.claim(
            entry.account, entry.clientid, entry.time, proved=entry.proved, succeeded=succeeded
        ):
            await self._send(entry, holder)

    async def _send(self, entry: LoginEntry, holder: Mailbox) -> None:
        headers, body = compose_login_alert(
            LoginAlert(
                kind=_kind(entry),
                hostname=self._mail.hostname,
                unique=self._mail.unique(),
                to=holder,
                when=entry.time,
                where=f"{entry.place.address} {entry.place.country}".rstrip(),
                protocol=entry.protocol.value,
                device_type=entry.type,
                device_id=entry.clientid,
            )
        )
        outcome = await self._mail.send(holder, headers, body)
        if not outcome.delivered:
            _log.warn(
                "{account} could not be told of a login: {outcome}",
                account=entry.account,
                outcome=str(outcome),
            )


def _kind(entry: LoginEntry) -> AlertKind:
    if entry.outcome is LoginOutcome.SUCCESS:
        return AlertKind.NEW_DEVICE
    return AlertKind.REFUSED if entry.proved else AlertKind.FAILED
