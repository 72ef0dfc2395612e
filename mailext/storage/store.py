"""A state directory, open."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from twisted.internet.defer import Deferred

from mailext.per_turn import IThreadsReactor
from mailext.private_files import refuse_public
from mailext.storage import messages
from mailext.storage.accounts import SqlAccountStore
from mailext.storage.alerts import AlertLedger
from mailext.storage.app_passwords import SqlAppPasswords
from mailext.storage.attack_modes import SqlAttackModes
from mailext.storage.background import BackgroundTransactions
from mailext.storage.content import ContentFolder
from mailext.storage.engine import Database, open_database
from mailext.storage.errors import StoreError
from mailext.storage.holder_digest import DigestMark
from mailext.storage.identities import SqlIdentityRegistry
from mailext.storage.identity_admin import IdentityAdmin
from mailext.storage.identity_keys import IdentityKeys, load_identity_keys
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
from mailext.storage.tls_results import SqlTlsResults
from mailext.storage.transactions import DirectTransactions, Transactions

__all__ = ["Store", "open_store", "open_store_offline"]

_KEY_FILE = "identity.key"


class Store:
    """
    Everything that a state directory holds.

    :ivar queue: the queue, for the queue target and the queue manager.
    :ivar queue_admin: the operator's questions about it.
    :ivar accounts: the accounts.
    :ivar app_passwords: their app passwords.
    :ivar scram_secret: what SCRAM's salts of those who do not exist are made with.
    :ivar identities: the client identities of each account.
    :ivar identity_admin: what an operator does with them.
    :ivar licences: the identities that the operator has set up.
    :ivar attack_modes: where attack mode was set by hand.
    :ivar logins: the attempts to log in.
    :ivar alerts: whom messages about identities were sent to.
    :ivar digest_mark: up to which login holders were sent their logs.
    :ivar pruning: forgets what is old.
    :ivar sts_policies: the MTA-STS policies of other domains.
    :ivar requiretls_support: which destinations keep the promise of REQUIRETLS.
    :ivar tls_results: what became of TLS, for reports.
    """

    def __init__(
        self,
        lock: StateLock,
        database: Database,
        folder: ContentFolder,
        keys: IdentityKeys,
        transactions: Transactions,
    ) -> None:
        self._lock = lock
        self._database = database
        self._transactions = transactions
        self.queue = SqlQueueStore(transactions, folder)
        self.queue_admin = QueueAdmin(transactions, folder)
        self.accounts = SqlAccountStore(transactions)
        self.scram_secret = keys.secret(b"salts of SCRAM")
        self.app_passwords = SqlAppPasswords(transactions, keys)
        self.identities = SqlIdentityRegistry(transactions, keys)
        self.identity_admin = IdentityAdmin(transactions, keys)
        self.licences = SqlLicenceRegistry(transactions, keys)
        self.attack_modes = SqlAttackModes(transactions)
        self.logins = SqlLoginLog(transactions)
        self.alerts = AlertLedger(transactions)
        self.digest_mark = DigestMark(transactions)
        self.pruning = RegistryPruning(transactions)
        self.sts_policies = SqlStsPolicyStore(transactions)
        self.requiretls_support = SqlSupportStore(transactions)
        self.tls_results = SqlTlsResults(transactions)

    def probe(self) -> Deferred[None]:
        """
        Commit a change of no meaning, and read it.

        :return: a Deferred that fails if that cannot be done.
        """
        return probe(self._transactions)

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
        return self._transactions.close().addCallback(self._closed)

    def _closed(self, _: None) -> None:
        self._database.dispose()
        self._lock.release()


def open_store(directory: Path, reactor: IThreadsReactor) -> Store:
    """
    Open a state directory for a server, made and migrated as needed. What a
    server that died has left is put in order: its leases are given back, and
    contents that no message names are removed. This blocks, so it is done
    before the reactor has anything to do; and it starts threads, so it is done
    after the process has become a daemon.

    :param directory: the state directory; where it is missing it is made, for
        its owner alone.
    :param reactor: in whose thread every Deferred fires.
    :raise mailext.storage.errors.StoreError: if another process owns the
        directory, or its database or its key file cannot be used.
    :raise OSError: if a file cannot be made or opened.
    """

    def start(database: Database, folder: ContentFolder) -> Transactions:
        with database.writer.begin() as connection:
            messages.release_leases(connection)
            known = messages.messages_without_row_content(connection)
        folder.remove_orphans(known)
        return BackgroundTransactions(database, reactor)

    return _open(directory, start)


def open_store_offline(directory: Path) -> Store:
    """
    Open a state directory for a command, while no server runs. Every Deferred
    of this store has fired when it is returned.

    Parameters and errors are those of :func:`open_store`.
    """

    def start(database: Database, _: ContentFolder) -> Transactions:
        return DirectTransactions(database)

    return _open(directory, start)


def _open(directory: Path, start: Callable[[Database, ContentFolder], Transactions]) -> Store:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        refuse_public(directory)
    except ValueError as error:
        raise StoreError(str(error)) from error
    lock = StateLock(directory)
    with ExitStack() as opened:
        opened.callback(lock.release)
        keys = load_identity_keys(directory / _KEY_FILE, secrets.token_bytes)
        database = open_database(directory)
        opened.callback(database.dispose)
        folder = ContentFolder(directory)
        store = Store(lock, database, folder, keys, start(database, folder))
        opened.pop_all()
    return store
