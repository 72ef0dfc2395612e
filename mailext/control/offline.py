"""Asking the state directory itself, while no server runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import SystemRandom
from time import monotonic
from typing import ParamSpec, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred, execute, succeed
from twisted.internet.interfaces import IReactorTime

from mailext.accounts.passwords import Passwords
from mailext.accounts.scram import ScramVerifiers
from mailext.config.model import Configuration
from mailext.control.addresses import CurrentAddresses
from mailext.control.desk import make_dispatcher
from mailext.control.dispatch import Dispatcher
from mailext.queue.clock import QueueClock
from mailext.queue.ids import QueueIds
from mailext.queue.intake import NO_INTAKE
from mailext.queue.target import QueueTarget
from mailext.storage.counters import SqlCounterStore
from mailext.storage.own_counters import OwnCounterStore
from mailext.storage.shared_counters import open_shared_counters_offline
from mailext.storage.shared_directory import counters_of
from mailext.storage.store import Store, open_store_offline
from mailext.values import AttackMode

__all__ = ["Snapshot", "open_offline", "take_snapshot"]

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def open_offline(configuration: Configuration, clock: IReactorTime) -> Iterator[Dispatcher]:
    """
    Open the state directory, made as needed, and close it at the end.

    :param clock: its ``seconds()`` is the wall clock.
    :return: a dispatcher whose Deferreds have fired when it returns them.
    :raise mailext.storage.errors.StoreError: if a process owns the directory,
        or it cannot be used.
    :raise OSError: if a file cannot be made or opened.
    """
    random = SystemRandom()
    store = open_store_offline(configuration.state_dir, configuration.shared_dir)
    counters = _counters(configuration, store, clock)
    try:
        target = QueueTarget(
            store.queue,
            QueueIds(clock.seconds, random),
            QueueClock(clock, monotonic),
            NO_INTAKE,
        )
        addresses = CurrentAddresses(store.accounts, configuration, ())
        # Fired already, like all Deferreds of this store.
        addresses.refresh()
        passwords = Passwords(clock, _run_here, random)
        yield make_dispatcher(
            store,
            passwords,
            addresses,
            target,
            counters,
            # Nobody logs in meanwhile.
            scram=ScramVerifiers(store.scram_secret),
            configuration=lambda: configuration,
            # Without a server there are no sessions, and nothing is under way.
            log_out=lambda _: None,
            abandon=lambda _: None,
            forget_destinations=lambda _: None,
            flush_tls_results=lambda: succeed(None),
        )
    finally:
        counters.close()
        store.close()


def _counters(
    configuration: Configuration, store: Store, clock: IReactorTime
) -> OwnCounterStore | SqlCounterStore:
    if configuration.shared_dir is not None:
        return open_shared_counters_offline(counters_of(configuration.shared_dir), clock)
    known: dict[str, AttackMode] = {}
    store.attack_modes.all().addCallback(known.update)
    return OwnCounterStore(clock, store.attack_modes, known)


@frozen
class Snapshot:
    """
    What a server has to know before it serves.

    :param addresses: of the accounts, the oldest first.
    :param attack_modes: where attack mode was set by hand, by scope.
    :param scram_verifiers: of the accounts that have one, by address.
    """

    addresses: Sequence[str]
    attack_modes: Mapping[str, AttackMode]
    scram_verifiers: Mapping[str, str]


def take_snapshot(configuration: Configuration) -> Snapshot:
    """Read it; errors are those of :func:`open_offline`."""
    store = open_store_offline(configuration.state_dir, configuration.shared_dir)
    addresses: list[str] = []
    attack_modes: dict[str, AttackMode] = {}
    scram_verifiers: dict[str, str] = {}
    try:
        store.accounts.addresses().addCallback(addresses.extend)
        store.attack_modes.all().addCallback(attack_modes.update)
        store.accounts.scram_verifiers().addCallback(scram_verifiers.update)
    finally:
        store.close()
    return Snapshot(addresses, attack_modes, scram_verifiers)


def _run_here(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
    """A thread pool for a program that has nothing else to do."""
    return execute(function, *args, **kwargs)
