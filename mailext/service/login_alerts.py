"""The holder of an account is told of logins that somebody should look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mailext.accounts.addresses import AddressBook, AddressKind
from mailext.clientid.entries import LoginEntry
from mailext.delivery.expansion import expand
from mailext.message.login_alert import AlertKind, LoginAlert, compose_login_alert
from mailext.queue.target import QueueTarget
from mailext.values import Envelope, LoginOutcome, Mailbox, MailOptions, Recipient
from mailext.wire.grammar import parse_mailbox

__all__ = ["AlertClaims", "LoginAlerts"]

_log = Logger()


class AlertClaims(Protocol):
    """Says who is to be sent a message: see :class:`mailext.storage.alerts.AlertLedger`."""

    def claim(self, account: str, identity_id: str, when: float, *, succeeded: bool) -> Deferred[bool]: ...


class LoginAlerts:
    """
    A :class:`~mailext.clientid.entries.LoginSink` that sends messages through
    the queue: of each device that is new to an account at most one a day.

    :param claims: says whether it is time for one.
    :param queue: takes them.
    :param addresses: gives the address book: only accounts that have a mailbox
        here are told.
    :param hostname: the name of this server.
    :param unique: makes what no other message has in its ``Message-ID``.
    """

    def __init__(
        self,
        claims: AlertClaims,
        queue: QueueTarget,
        addresses: Callable[[], AddressBook],
        hostname: str,
        unique: Callable[[], str],
    ) -> None:
        self._claims = claims
        self._queue = queue
        self._addresses = addresses
        self._hostname = hostname
        self._unique = unique

    def take(self, entry: LoginEntry) -> Deferred[None]:
        """See :meth:`mailext.clientid.entries.LoginSink.take`."""
        return Deferred.fromCoroutine(self._take(entry))

    async def _take(self, entry: LoginEntry) -> None:
        holder = self._holder(entry)
        if holder is None or not entry.alert or not entry.clientid:
            return
        succeeded = entry.outcome is LoginOutcome.SUCCESS
        if await self._claims.claim(entry.account, entry.clientid, entry.time, succeeded=succeeded):
            await self._send(entry, holder)

    def _holder(self, entry: LoginEntry) -> Mailbox | None:
        try:
            mailbox = parse_mailbox(entry.account)
        except ValueError:
            return None
        resolved = self._addresses().resolve(mailbox)
        return mailbox if resolved.kind is AddressKind.LOCAL else None

    async def _send(self, entry: LoginEntry, holder: Mailbox) -> None:
        headers, body = compose_login_alert(
            LoginAlert(
                kind=_kind(entry),
                hostname=self._hostname,
                unique=self._unique(),
                to=holder,
                when=entry.time,
                where=f"{entry.place.address} {entry.place.country}".rstrip(),
                protocol=entry.protocol.value,
                device_type=entry.type,
                device_id=entry.clientid,
            )
        )
        recipients = expand(self._addresses(), [Recipient(holder)]).recipients
        envelope = Envelope(None, recipients, MailOptions(smtputf8=not holder.is_ascii))
        delivery = self._queue.startDelivery(envelope, headers)
        delivery.write(body)
        outcome = next(iter((await delivery.commit()).values()))
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
