"""Brings a report to where its domain wants it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from mailext.interfaces import IDeliveryTarget, IResolver
from mailext.tlsrpt.composing import MEDIA_TYPE, ReportFile, compose_file
from mailext.tlsrpt.mailing import compose_message, report_envelope
from mailext.tlsrpt.record import Destination, HttpsDestination, MailDestination, published_destinations
from mailext.tlsrpt.report import Report, end_of, start_of
from mailext.tlsrpt.store import DomainFigures, PlannedReport
from mailext.values import DnsError, Mailbox

__all__ = ["Courier", "Delivery", "Fate", "PostReport", "ReportRefusedError", "Submitter"]

_log = Logger()

# Whoever publishes a record could have us send to anybody it names.
_MOST_DESTINATIONS = 5


class ReportRefusedError(Exception):
    """A report was not taken; the text says why."""


class PostReport(Protocol):
    """Posts a report over HTTPS (RFC 8460 section 5.4)."""

    def __call__(self, url: str, content: bytes, media_type: str) -> Deferred[None]:
        """
        :return: a Deferred that fires when it was taken; it fails with
            :class:`ReportRefusedError` if it was not.
        """


@dataclass(frozen=True, slots=True)
class Submitter:
    """
    Who sends reports.

    :param contact: whom to ask about them; its domain is the submitter.
    :param organization: who that is.
    :param mail: whether to send reports by mail, too.
    """

    contact: Mailbox
    organization: str
    mail: bool


class Fate(Enum):
    """What came of an attempt to deliver a report."""

    TAKEN = auto()
    #: Nobody wants it, by a way that is open to us.
    UNWANTED = auto()
    #: It may be taken another time.
    NOT_NOW = auto()


@dataclass(frozen=True, slots=True)
class Delivery:
    """
    :param said: what came of it, in words.
    """

    fate: Fate
    said: str


@dataclass(frozen=True, slots=True)
class Courier:
    """
    Delivers reports.

    :param resolver: finds out where they are wanted.
    :param target: where mail goes: the queue.
    :param post: takes them where they are wanted over HTTPS.
    :param seconds: the wall clock.
    """

    resolver: IResolver
    target: IDeliveryTarget
    post: PostReport
    seconds: Callable[[], float]

    async def deliver(self, planned: PlannedReport, figures: DomainFigures, submitter: Submitter) -> Delivery:
        """
        Bring a report to every destination that its domain names. It has been
        delivered if one of them has taken it (RFC 8460 section 3).
        """
        try:
            published = await published_destinations(self.resolver, planned.domain)
        except DnsError as error:
            return Delivery(Fate.NOT_NOW, f"where it is wanted is not known: {error}")
        if not published:
            return Delivery(Fate.UNWANTED, "no report is wanted")
        usable = [each for each in published if submitter.mail or not isinstance(each, MailDestination)]
        if not usable:
            return Delivery(Fate.UNWANTED, "reports are wanted by mail alone, and are not sent by mail")
        file = _file(planned, figures, submitter)
        return await self._deliver(file, usable[:_MOST_DESTINATIONS], submitter.contact)

    async def _deliver(
        self, file: ReportFile, destinations: Sequence[Destination], contact: Mailbox
    ) -> Delivery:
        fate, said = Fate.NOT_NOW, []
        for destination in destinations:
            try:
                await self._bring(file, destination, contact)
            except CancelledError:
                raise
            except ReportRefusedError as error:
                said.append(f"{destination}: {error}")
            except Exception as error:  # noqa: BLE001 - a report is not worth more than a line in the log
                _log.failure("A TLS report could not be sent to {destination}", destination=str(destination))
                said.append(f"{destination}: {type(error).__name__}: {error}")
            else:
                fate = Fate.TAKEN
                said.append(f"{destination}: taken")
        return Delivery(fate, "; ".join(said))

    async def _bring(self, file: ReportFile, destination: Destination, contact: Mailbox) -> None:
        if isinstance(destination, HttpsDestination):
            await self.post(destination.url, file.content, MEDIA_TYPE)
        else:
            await self._mail(file, contact, destination.address)

    async def _mail(self, file: ReportFile, contact: Mailbox, to: Mailbox) -> None:
        date = datetime.fromtimestamp(self.seconds(), UTC)
        headers, body = compose_message(file, contact, to, date)
        delivery = self.target.startDelivery(report_envelope(contact, to), headers)
        if isinstance(delivery, Deferred):
            delivery = await delivery
        try:
            if (taken := delivery.write(body)) is not None:
                await taken
        except BaseException:
            delivery.abort()
            raise
        outcome = (await delivery.commit())[to]
        if not outcome.delivered:
            raise ReportRefusedError(str(outcome))


def _file(planned: PlannedReport, figures: DomainFigures, submitter: Submitter) -> ReportFile:
    domain = submitter.contact.domain
    report = Report(
        organization=submitter.organization,
        contact=str(submitter.contact),
        id=f"{planned.id}@{domain}",
        begin=start_of(planned.day),
        end=end_of(planned.day),
        policies=figures.policies,
    )
    return compose_file(report, planned.domain, domain, planned.id)
