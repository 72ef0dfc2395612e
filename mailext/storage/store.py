"""A state directory, open."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from twisted.internet.defer import Deferred

from mailext.per_turn import IThreadsReactor
from mailext.storage import messages
from mailext.storage.accounts import SqlAccountStore
from mailext.storage.alerts import AlertLedger
from mailext.storage.app_passwords import SqlAppPasswords
from mailext.storage.attack_modes import SqlAttackModes
from mailext.storage.background import BackgroundTransactions
from mailext.storage.content import ContentFolder
from mailext.storage.engine import Database, open_database
from mailext.storage.holder_digest import DigestMark
from mailext.storage.identities import SqlIdentityRegistry
from mailext.storage.identity_admin import IdentityAdmin
from mailext.storage.identity_keys import KEY_FILE_NAME, IdentityKeys, load_identity_keys
from mailext.storage.licences import SqlLicenceRegistry
from mailext.storage.lock import StateLock
from mailext.storage.logins import SqlLoginLog
from mailext.storage.mta_sts import SqlStsPolicyStore
from mailext.storage.probe import probe
from mailext.storage.pruning import RegistryPruning
from mailext.storage.queue import SqlQueueStore
from mailext.storage.queue_admin import QueueAdmin
from mailext.storage.registry_limits import RegistryLimits
from mailext.storage.requiretls_support import SqlSupportStore
from mailext.storage.revocations import Revocations
from mailext.storage.shared_directory import make_private, open_shared_directory, share_no_longer
from mailext.storage.tls_results import SqlTlsResults
from mailext.storage.transactions import DirectTransactions, Transactions

__all__ = ["Store", "open_store", "open_store_offline"]


@dataclass(frozen=True, slots=True)
class _Running:
    """
    A database, and what runs operations on it.
    """

    database: Database
    transactions: Transactions

    async def close(self) -> None:
        await self.transactions.close()
        self.database.dispose()


class Store:
    """
    Everything that a state directory holds, and what several processes share.

    :param own: the state directory's database.
    :param shared: the one with the identities, the licences and the logins; it
        may be the same.
    :ivar queue: the queue, for the queue target and the queue manager.
    :ivar queue_admin: the operator's questions about it.
    :ivar accounts: the accounts.
    :ivar app_passwords: their app passwords.
    :ivar scram_secret: what SCRAM's salts of those who do not exist are made with.
    :ivar identities: the client identities of each account.
    :ivar identity_keys: what hashes them.
    :ivar identity_admin: what an operator does with them.
    :ivar licences: the identities that the operator has set up.
    :ivar attack_modes: where attack mode was set by hand.
    :ivar logins: the attempts to log in.
    :ivar alerts: whom messages about identities were sent to.
    :ivar revocations: whose sessions are to end, for something that another
        process has done.
    :ivar digest_mark: up to which login holders were sent their logs.
    :ivar pruning: forgets what is old.
    :ivar sts_policies: the MTA-STS policies of other domains.
    :ivar requiretls_support: which destinations keep the promise of REQUIRETLS.
    :ivar tls_results: what became of TLS, for reports.
    """

    def __init__(
        self,
        lock: StateLock,
        own: _Running,
        shared: _Running,
        folder: ContentFolder,
        keys: IdentityKeys,
    ) -> None:
        self._lock = lock
        self._running = (own,) if shared is own else (shared, own)
        process = secrets.token_hex(8)
        transactions, registry = own.transactions, shared.transactions
        self.identity_keys = keys
        self.queue = SqlQueueStore(transactions, folder)
        self.queue_admin = QueueAdmin(transactions, folder)
        self.accounts = SqlAccountStore(transactions)
        self.scram_secret = keys.secret(b"salts of SCRAM")
        self.app_passwords = SqlAppPasswords(transactions, keys)
        self.identities = SqlIdentityRegistry(registry, keys)
        self.identity_admin = IdentityAdmin(registry, keys, process)
        self.licences = SqlLicenceRegistry(registry, keys)
        self.attack_modes = SqlAttackModes(transactions)
        self.logins = SqlLoginLog(registry)
        self.alerts = AlertLedger(registry)
        self.revocations = Revocations(registry, process)
        self.digest_mark = DigestMark(transactions)
        self.pruning = RegistryPruning(registry)
        self.sts_policies = SqlStsPolicyStore(transactions)
        self.requiretls_support = SqlSupportStore(transactions)
        self.tls_results = SqlTlsResults(transactions)

    def probe(self) -> Deferred[None]:
        """
        Commit a change of no meaning to each database, and read it.

        :return: a Deferred that fails if that cannot be done.
        """
        return Deferred.fromCoroutine(self._probe())

    async def _probe(self) -> None:
        for each in self._running:
            await probe(each.transactions)

    def limit(self, limits: RegistryLimits) -> None:
        """Keep so much of identities and logins from now on."""
        self.identities.configure(limits)
        self.logins.configure(limits)
        self.pruning.configure(limits)

    def close(self) -> Deferred[None]:
        """
        Finish what was asked, then let others have the directory. To be called
        once.

        :return: a Deferred that fires when that is done.
        """
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        for each in self._running:
            await each.close()
        self._lock.release()


def open_store(directory: Path, reactor: IThreadsReactor, shared: Path | None = None) -> Store:
    """
    Open a state directory for a server, made and migrated as needed. What a
    server that died has left is put in order: its leases are given back, and
    contents that no message names are removed. This blocks, so it is done
    before the reactor has anything to do; and it starts threads, so it is done
    after the process has become a daemon.

    :param directory: the state directory; where it is missing it is made, for
        its owner alone.
    :param reactor: in whose thread every Deferred fires.
    :param shared: the directory of what several processes know together of
        identities, licences and logins, made as needed; None: this one knows
        them by itself.
    :raise mailext.storage.errors.StoreError: if another process owns the
        state directory, or a database or a key file cannot be used.
    :raise OSError: if a file cannot be made or opened.
    """

    def in_threads(database: Database) -> Transactions:
        return BackgroundTransactions(database, reactor)

    store = _open(directory, shared, _put_in_order, in_threads)
    if shared is None:
        share_no_longer(directory)
    return store


def open_store_offline(directory: Path, shared: Path | None = None) -> Store:
    """
    Open a state directory for a command, while no server runs. Every Deferred
    of this store has fired when it is returned.

    Parameters and errors are those of :func:`open_store`.
    """
    return _open(directory, shared, _leave_as_it_is, DirectTransactions)


def _put_in_order(database: Database, folder: ContentFolder) -> None:
    with database.writer.begin() as connection:
        messages.release_leases(connection)
        known = messages.messages_without_row_content(connection)
    folder.remove_orphans(known)


def _leave_as_it_is(database: Database, folder: ContentFolder) -> None:
    """A command takes nothing from a server that died."""


def _open(
    directory: Path,
    shared_directory: Path | None,
    prepare: Callable[[Database, ContentFolder], None],
    transactions_on: Callable[[Database], Transactions],
) -> Store:
    make_private(directory)
    lock = StateLock(directory)
    with ExitStack() as opened:
        opened.callback(lock.release)
        database = open_database(directory)
        opened.callback(database.dispose)
        folder = ContentFolder(directory)
        prepare(database, folder)
        if shared_directory is None:
            keys = load_identity_keys(directory / KEY_FILE_NAME, secrets.token_bytes)
            own = shared = _Running(database, transactions_on(database))
        else:
            common, keys = open_shared_directory(shared_directory, directory, database)
            own = _Running(database, transactions_on(database))
            shared = _Running(common, transactions_on(common))
        opened.pop_all()
    return Store(lock, own, shared, folder, keys)
