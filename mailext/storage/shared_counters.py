"""The file of what several server processes count together, open."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from twisted.internet.interfaces import IReactorTime

from mailext.per_turn import IThreadsReactor
from mailext.private_files import refuse_public
from mailext.storage.background import BackgroundTransactions
from mailext.storage.counter_schema import make_tables
from mailext.storage.counters import SqlCounterStore
from mailext.storage.engine import Database, connect
from mailext.storage.errors import StoreError
from mailext.storage.lock import alone
from mailext.storage.transactions import DirectTransactions, Transactions

__all__ = ["open_shared_counters", "open_shared_counters_offline"]

# What is lost by a loss of power is counted anew.
_SYNCHRONOUS = "NORMAL"


def open_shared_counters(path: Path, reactor: IThreadsReactor) -> SqlCounterStore:
    """
    Open the file for a server. This starts threads: see
    :func:`mailext.storage.store.open_store`.

    :param path: the file, made as needed, for its owner alone. Several
        processes may have it open at a time.
    :param reactor: in whose thread every Deferred fires.
    :raise mailext.storage.errors.StoreError: if it cannot be used.
    :raise OSError: if it cannot be made or opened.
    """
    return _open(path, reactor, lambda database: BackgroundTransactions(database, reactor))


def open_shared_counters_offline(path: Path, clock: IReactorTime) -> SqlCounterStore:
    """
    Open the file for a command. Every Deferred of this store has fired when it
    is returned.

    Parameters and errors are those of :func:`open_shared_counters`.
    """
    return _open(path, clock, DirectTransactions)


def _open(path: Path, clock: IReactorTime, start: Callable[[Database], Transactions]) -> SqlCounterStore:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    try:
        refuse_public(path)
    except ValueError as error:
        raise StoreError(str(error)) from error
    database = connect(path, _SYNCHRONOUS)
    try:
        # Nobody waits for SQLite while it begins to keep a journal.
        with alone(path.with_name(f"{path.name}.lock")), database.writer.begin() as connection:
            make_tables(connection)
    except DBAPIError as error:
        database.dispose()
        raise StoreError(f"{path}: {error.orig}") from error
    return SqlCounterStore(start(database), clock, secrets.token_hex(8), database.dispose)
