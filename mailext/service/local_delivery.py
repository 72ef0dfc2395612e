"""Where mail for our own addresses goes: Maildirs, mailboxes of others by LMTP, programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from twisted.internet.defer import Deferred, DeferredSemaphore

from mailext.accounts.addresses import AddressBook
from mailext.accounts.canonical import canonical_domain
from mailext.config.delivering import lmtp_hop, program_address, runnable
from mailext.config.model import Configuration
from mailext.config.relaying import client_settings, trust_roots
from mailext.delivery.lmtp import LmtpTarget
from mailext.delivery.local import LocalDispatch, LocalWays
from mailext.delivery.program import ProgramMeans, ProgramTarget
from mailext.delivery.running import IProgramReactor
from mailext.delivery.tagging import TaggingTarget
from mailext.interfaces import IDeliveryTarget
from mailext.message.field_names import own_field_name
from mailext.net.client.connector import Connector, dialler
from mailext.net.client.pool import ConnectionPool
from mailext.service.next_hops import IRelayReactor
from mailext.threads import RunInThread
from mailext.trust.pkix import PkixAuthenticator
from mailext.values import Protocol, RequireTlsMode

__all__ = ["ILocalReactor", "LocalDelivery"]

# How many programs run at one time.
_PROGRAMS = 10


class ILocalReactor(IRelayReactor, IProgramReactor):
    """What local delivery asks of a reactor."""


class LocalDelivery:
    """
    What lives between the queue and our own addresses.

    :param addresses: gives the address book.
    :param maildirs: the queue's own target.
    :param in_thread: where files are worked on.
    :raise ValueError: if the configuration cannot be used after all.

    :ivar dispatch: tells the queue who does not go to the Maildirs.
    """

    def __init__(
        self,
        configuration: Configuration,
        reactor: ILocalReactor,
        addresses: Callable[[], AddressBook],
        maildirs: IDeliveryTarget,
        in_thread: RunInThread,
    ) -> None:
        self._reactor = reactor
        self._maildirs = maildirs
        self._programs = _program_means(reactor, configuration.state_dir, in_thread)
        self.dispatch = LocalDispatch(addresses, lambda: self._ways)
        self._pool = self._make_pool(configuration)
        self._ways = self._make_ways(configuration, self._pool)

    def configure(self, configuration: Configuration) -> None:
        """
        Go on with another configuration. Messages on their way keep the
        connections they have.

        :raise ValueError: if it cannot be used after all; then nothing changes.
        """
        pool = self._make_pool(configuration)
        self._ways = self._make_ways(configuration, pool)
        former, self._pool = self._pool, pool
        former.close()

    def stop(self) -> Deferred[None]:
        """
        Part with who takes mail by LMTP.

        :return: a Deferred that fires when that is done.
        """
        return self._pool.close()

    def _make_pool(self, configuration: Configuration) -> ConnectionPool:
        # The login is meant for the smarthost alone.
        settings = replace(client_settings(configuration), protocol=Protocol.LMTP, credentials=None)
        dial = dialler(self._reactor, settings.timeouts.connect)
        connector = Connector(dial, settings, trust_roots(configuration.relay), self._reactor)
        return ConnectionPool(connector, self._reactor)

    def _make_ways(self, configuration: Configuration, pool: ConnectionPool) -> LocalWays:
        said = configuration.delivery

        def store(lmtp: str, requiretls: RequireTlsMode) -> IDeliveryTarget:
            target: IDeliveryTarget = self._maildirs
            if lmtp:
                target = LmtpTarget(lmtp_hop(lmtp), pool, PkixAuthenticator(), requiretls)
            return TaggingTarget(target, own_field_name(said.tag_field)) if said.tag_field else target

        return LocalWays(
            programs={
                program_address(address): ProgramTarget(runnable(program), self._programs)
                for address, program in configuration.programs.items()
            },
            stores={
                canonical_domain(domain): store(own.lmtp or said.lmtp, own.requiretls or said.requiretls)
                for domain, own in said.domains.items()
            },
            other=store(said.lmtp, said.requiretls) if said.lmtp or said.tag_field else None,
        )


def _program_means(reactor: ILocalReactor, spools: Path, in_thread: RunInThread) -> ProgramMeans:
    return ProgramMeans(reactor, DeferredSemaphore(_PROGRAMS), spools, in_thread)
