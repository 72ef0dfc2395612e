"""What a worker process does: SMTP before a site that is in the main process."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore, IReactorSocket

from mailext.net.factory import SMTPFactory
from mailext.net.tls import ServerContextFactory
from mailext.service.certificates import CertificateWatch
from mailext.service.clock_watch import ClockWatch
from mailext.service.draining import drain
from mailext.service.listeners import Listeners
from mailext.service.local_delivery import ILocalReactor
from mailext.service.smtp import smtp_factory
from mailext.service.tls import in_tls, make_tls
from mailext.service.worker_site import WorkerJudging, WorkerSite
from mailext.workers.channel import Channel, Handlers
from mailext.workers.crew import FIRST_SOCKET
from mailext.workers.log_events import EventSender
from mailext.workers.messages import (
    Begin,
    ConnectionBegun,
    ConnectionEnded,
    Drain,
    EndSessions,
    NewAddresses,
    NewConfiguration,
    NewVerifiers,
    Ping,
    Terms,
)
from mailext.workers.ports import AdoptingReactor

__all__ = ["IWorkerReactor", "Worker"]


class IWorkerReactor(ILocalReactor, IReactorSocket, IReactorCore):
    """What a worker asks of a reactor."""


class Worker:
    """
    The worker, from the first thing that it is told on.

    :param random: :class:`random.SystemRandom` in a server.
    :param lost: called when the main process is gone.
    :ivar channel: to the main process.
    :ivar log: sends log events there.
    """

    def __init__(self, reactor: IWorkerReactor, random: Random, lost: Callable[[], object]) -> None:
        self._reactor = reactor
        self._random = random
        self._handlers: dict[type[object], Callable[[Any], object]] = {Begin: self._begin}
        self.channel = Channel(reactor, self._handlers, lost)
        self.log = EventSender(reactor, self.channel.tell)

    def _begin(self, begin: Begin) -> None:
        site = WorkerSite(begin, self._reactor, self.channel, self._random)
        front = _Front(begin, self._reactor, site, self.log)
        self._handlers |= front.handlers
        front.start()


class _Front:
    """
    A worker's doors behind its sockets; see :class:`mailext.service.serving.Serving`.

    :ivar handlers: what is done with what the main process says.
    """

    def __init__(self, begin: Begin, reactor: IWorkerReactor, site: WorkerSite, log: EventSender) -> None:
        self.handlers: Handlers = {
            Ping: lambda _: None,
            NewConfiguration: lambda said: self._configure(said.terms),
            NewAddresses: lambda said: site.take_accounts(said.accounts),
            NewVerifiers: lambda said: site.scram.replace(said.verifiers),
            ConnectionBegun: site.elsewhere.begun,
            ConnectionEnded: site.elsewhere.ended,
            EndSessions: lambda said: self._end_sessions(said.account),
            Drain: lambda _: Deferred.fromCoroutine(self._stop()),
        }
        self._site = site
        self._log = log
        self._reactor = reactor
        self._listeners = Listeners(_adopting(begin, reactor), begin.endpoints)
        self._tls: ServerContextFactory | None = None
        self._factories: list[SMTPFactory] = []
        self._open(begin.terms)
        self._certificates = CertificateWatch(reactor, lambda: self._tls)
        self._clock_watch = ClockWatch(reactor)

    def start(self) -> None:
        """Begin to serve."""
        self._site.delivery.start()
        self._certificates.start()
        self._clock_watch.start()
        self._listeners.bind()

    def _configure(self, terms: Terms) -> None:
        self._open(terms)
        self._site.configure(terms.configuration)

    def _end_sessions(self, account: str) -> None:
        for factory in self._factories:
            factory.end_sessions(account)

    async def _stop(self) -> None:
        self._certificates.stop()
        await self._listeners.stop()
        await drain(self._factories, self._reactor)
        await self._site.delivery.stop()
        self._clock_watch.stop()

    def _open(self, terms: Terms) -> None:
        configuration = terms.configuration
        self._log.configure(terms.least)
        tls = make_tls(configuration.tls)
        judging = WorkerJudging(terms, self._site)
        mail = {
            name: smtp_factory(
                configuration, configuration.listeners[name], self._site, self._reactor, tls, judging=judging
            )
            for name in self._site.counts
        }
        self._tls = tls
        self._factories = [each for each in self._factories if each.has_connections]
        self._factories += mail.values()
        self._listeners.serve(in_tls(mail, tls))


def _adopting(begin: Begin, reactor: IWorkerReactor) -> IReactorCore:
    number = sum(map(len, begin.endpoints.values()))
    return cast("IReactorCore", AdoptingReactor(reactor, range(FIRST_SOCKET, FIRST_SOCKET + number)))
