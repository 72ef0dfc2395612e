"""Puts the operations together on an open store."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred

from mailext.accounts.passwords import Passwords
from mailext.accounts.scram import ScramVerifiers
from mailext.config.model import Configuration
from mailext.control.accounts import AccountOperations
from mailext.control.addresses import CurrentAddresses
from mailext.control.app_passwords import AppPasswordOperations
from mailext.control.attack_mode import AttackModeOperations
from mailext.control.dispatch import Dispatcher, Operations
from mailext.control.identities import IdentityOperations
from mailext.control.licences import LicenceOperations
from mailext.control.queue import QueueOperations
from mailext.control.replay import ReplayOperations
from mailext.control.submission import SubmissionOperations
from mailext.control.tls_figures import TlsFigureOperations
from mailext.interfaces import ICounterStore
from mailext.queue.target import QueueTarget
from mailext.storage.store import Store

__all__ = ["make_dispatcher"]


def make_dispatcher(
    store: Store,
    passwords: Passwords,
    addresses: CurrentAddresses,
    target: QueueTarget,
    counters: ICounterStore,
    *,
    scram: ScramVerifiers,
    configuration: Callable[[], Configuration],
    log_out: Callable[[str], object],
    abandon: Callable[[str], object],
    forget_destinations: Callable[[Iterable[str]], object],
    flush_tls_results: Callable[[], Deferred[None]],
) -> Dispatcher:
    """
    :param passwords: hashes passwords.
    :param addresses: the address book.
    :param target: the queue.
    :param counters: what identity checkers count, and attack mode.
    :param scram: the verifiers of the accounts.
    :param configuration: gives the configuration as it is now.
    :param log_out: called with an account whose password is to be remembered no
        more, and whose sessions are to end.
    :param abandon: called with the queue id of a message that was dropped.
    :param forget_destinations: called with domains that are to be tried at
        once, even if they are left alone for a while.
    :param flush_tls_results: brings what became of TLS, as far as it is counted
        in memory, into the store.
    """
    return Dispatcher(
        Operations(
            accounts=AccountOperations(
                store.accounts,
                passwords,
                addresses,
                log_out,
                store.identity_admin,
                store.app_passwords,
                scram,
            ),
            app_passwords=AppPasswordOperations(
                store.app_passwords,
                store.identity_admin,
                addresses,
                target.clock.wall,
                secrets.randbelow,
                log_out,
            ),
            identities=IdentityOperations(
                store.identity_admin, store.logins, addresses, target.clock.wall, log_out
            ),
            replay=ReplayOperations(store.identity_admin, store.logins, store.licences),
            licences=LicenceOperations(store.licences, addresses, target.clock.wall),
            attack_mode=AttackModeOperations(counters, addresses, configuration),
            queue=QueueOperations(
                store.queue_admin, target.clock, target.intake.wake, abandon, forget_destinations
            ),
            submission=SubmissionOperations(
                target,
                addresses,
                hostname=lambda: configuration().hostname,
                unique=target.ids,
                message_size=lambda: configuration().limits.message_size,
            ),
            tls_figures=TlsFigureOperations(store.tls_results, flush_tls_results, target.clock.wall),
        )
    )
