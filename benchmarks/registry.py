"""
The registry of identities under many sightings.

    python -m benchmarks.registry [--sightings N] [--accounts N] [--devices N] [--filled N] [--shared DIR]

Each sighting is a login as the server records it: looked up, then recorded in
the registry and in the log of logins, through the committer, in a state
directory of its own. Every tenth is by a stranger with a wrong password. It
prints, ten times on the way, what a look-up and a record cost and how large
the database is, and at the end how long the store takes to open and what
forgetting costs.

With ``--filled`` it does so for the given number of sightings, then puts into
the tables, without any recording, what that many sightings would have left of
all devices, and does the same again: an hour's recording takes minutes so.

With ``--shared`` the registry is in a directory that several processes may
share: start two of them to see what they cost each other.
"""

from __future__ import annotations

import argparse
import queue
import random
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from sqlalchemy import Table, insert
from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from mailext.clientid.entries import LoginEntry
from mailext.storage.engine import DATABASE_NAME, Database, open_database
from mailext.storage.identity_keys import load_identity_keys
from mailext.storage.identity_rows import row_values
from mailext.storage.places import place_values
from mailext.storage.schema import identity, identity_place
from mailext.storage.shared_directory import REGISTRY_NAME
from mailext.storage.store import Store, open_store
from mailext.values import (
    Circumstances,
    ClientIdentity,
    IdentityRecord,
    IdentityStatus,
    LoginOutcome,
    Place,
    Protocol,
)

_START = 1_700_000_000.0
_BETWEEN = 3.0
_UNDER_WAY = 400
_SAMPLE = 500
_STEPS = 10
_NETWORKS = 3
_FILLED_AT_A_TIME = 10_000
_DATABASES = (DATABASE_NAME, REGISTRY_NAME)


class Reactor:
    """As much of one as the store's threads need."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    def callFromThread(self, callable: Callable[..., object], *args: object, **kwargs: object) -> None:  # noqa: A002
        self._calls.put(lambda: callable(*args, **kwargs))

    def callLater(self, delay: float, callable: Callable[..., object], *args: object) -> None:  # noqa: A002
        """It is asked for the end of this turn, and for nothing later."""
        self._calls.put(lambda: callable(*args))

    def wait(self, deferred: Deferred[object]) -> object:
        results: list[object] = []
        deferred.addBoth(results.append)
        while not results:
            self._calls.get()()
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]


def sightings(accounts: int, devices: int) -> Iterator[tuple[str, ClientIdentity, Place, bool]]:
    """Who logs in, with what, from where, and whether the password is right."""
    chance = random.Random(1)
    while True:
        account = chance.randrange(accounts)
        stranger = chance.random() < 0.1
        device = chance.getrandbits(40) if stranger else chance.randrange(devices)
        place = place_of(account, chance.randrange(_NETWORKS), accounts)
        yield name_of(account), device_of(account, device), place, not stranger


def name_of(account: int) -> str:
    return f"user{account}@example.org"


def device_of(account: int, device: int) -> ClientIdentity:
    return ClientIdentity("UUID", f"{account:08x}-{device:032x}")


def place_of(account: int, which: int, accounts: int) -> Place:
    """Every device comes from one of as many networks as :data:`_NETWORKS`."""
    number = (which * accounts + account) & 0xFFFFFF
    return Place.of(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")


def see(store: Store, when: float, sighting: tuple[str, ClientIdentity, Place, bool]) -> Deferred[object]:
    account, identity, place, known = sighting
    outcome = LoginOutcome.SUCCESS if known else LoginOutcome.BAD_CREDENTIALS
    entry = LoginEntry(
        when, account, known, outcome, "", Protocol.ESMTP, "submission", "PLAIN", place,
        identity.type, store.identities.fingerprint(identity), authenticate=True,
    )  # fmt: skip
    circumstances = Circumstances(outcome, Protocol.ESMTP, place, known)
    return DeferredList(
        [store.logins.take(entry), store.identities.record(account, identity, when, circumstances)],
        fireOnOneErrback=True,
    )


def microseconds(reactor: Reactor, ask: Callable[[int], Deferred[object]], count: int) -> float:
    """What one call costs, one after the other."""
    began = time.perf_counter()
    for number in range(count):
        reactor.wait(ask(number))
    return (time.perf_counter() - began) / count * 1e6


def measure(reactor: Reactor, store: Store, sample: list[tuple[str, ClientIdentity, Place, bool]]) -> str:
    found = microseconds(reactor, lambda n: store.identities.find(*sample[n][:2]), _SAMPLE)
    shared = microseconds(reactor, lambda n: store.identities.otherAccountsOf(*sample[n][:2], 10), _SAMPLE)
    places = microseconds(reactor, lambda n: store.identities.placesOf(sample[n][1], 0.0), _SAMPLE)
    churn = microseconds(reactor, lambda n: store.identities.churn(sample[n][0], sample[n][2], 0.0), _SAMPLE)
    return f"{found:8.0f} {shared:8.0f} {places:8.0f} {churn:8.0f}"


def grow(reactor: Reactor, store: Store, folder: Path, count: int, accounts: int, devices: int) -> None:
    """Record sightings, and print ten times what that costs."""
    stream = sightings(accounts, devices)
    print("sightings  record/s  look-ups, us: find, shared, places, churn    MiB  octets/sighting")
    before = size_of(folder)
    seen, sample = 0, [next(stream) for _ in range(_SAMPLE)]
    for _ in range(_STEPS):
        began = time.perf_counter()
        step = count // _STEPS
        record(reactor, store, step, stream, _START + seen * _BETWEEN)
        seen += step
        rate = step / (time.perf_counter() - began)
        size = size_of(folder)
        told = measure(reactor, store, sample)
        print(
            f"{seen:9} {rate:9.0f}  {told}  {size / 2**20:14.1f} {(size - before) / seen:12.0f}", flush=True
        )


def record(
    reactor: Reactor,
    store: Store,
    count: int,
    stream: Iterator[tuple[str, ClientIdentity, Place, bool]],
    start: float,
) -> None:
    for first in range(0, count, _UNDER_WAY):
        chunk = range(first, min(first + _UNDER_WAY, count))
        under_way = [see(store, start + number * _BETWEEN, next(stream)) for number in chunk]
        reactor.wait(DeferredList(under_way, fireOnOneErrback=True))


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for name in _DATABASES for path in folder.glob(f"{name}*"))


def reopen(reactor: Reactor, store: Store, folder: Path, shared: Path | None) -> Store:
    """Close the store and open it again."""
    reactor.wait(store.close())
    began = time.perf_counter()
    store = open_store(folder, reactor, shared)
    print(f"opening: {(time.perf_counter() - began) * 1000:.0f} ms", flush=True)
    return store


def fill(folder: Path, count: int, accounts: int, devices: int) -> None:
    """Put in what this many sightings leave of all devices, seen equally often."""
    before, began = size_of(folder), time.perf_counter()
    keys = load_identity_keys(folder / "identity.key", secrets.token_bytes)
    times = max(1, count // (accounts * devices))
    networks = min(times, _NETWORKS)

    def rows() -> Iterator[tuple[dict[str, object], list[dict[str, object]]]]:
        for account in range(accounts):
            places = [place_of(account, which, accounts) for which in range(networks)]
            for device in range(devices):
                known = device_of(account, device)
                name = {"hash": keys.hashes(known)[0]}
                record = IdentityRecord(
                    "", name_of(account), known.type, "", IdentityStatus.OBSERVED, _START, _START, times,
                    place=places[0], protocols=frozenset({Protocol.ESMTP}),
                )  # fmt: skip
                seen = {"account": record.account, "last_seen": _START, "count": times // networks}
                yield name | row_values(record), [name | seen | place_values(place) for place in places]

    name = DATABASE_NAME if (folder / DATABASE_NAME).exists() else REGISTRY_NAME
    database = open_database(folder, name)
    source = rows()
    while some := list(islice(source, _FILLED_AT_A_TIME)):
        _insert(database, identity, [row for row, _ in some])
        _insert(database, identity_place, [row for _, places in some for row in places])
    database.dispose()
    grown = size_of(folder) - before
    devices_of_all = accounts * devices
    print(
        f"filled with {devices_of_all} devices that were seen {times} times each, in {networks} networks: "
        f"{grown / 2**20:.0f} MiB, {grown / (devices_of_all * times):.0f} octets/sighting, "
        f"{time.perf_counter() - began:.0f} s",
        flush=True,
    )


def _insert(database: Database, table: Table, rows: list[dict[str, object]]) -> None:
    with database.writer.begin() as connection:
        # Those that were recorded before stay.
        connection.execute(insert(table).prefix_with("OR IGNORE"), rows)


def run(
    folder: Path, count: int, accounts: int, devices: int, filled: int, shared: Path | None = None
) -> None:
    reactor = Reactor()
    store = open_store(folder, reactor, shared)
    held = shared or folder
    grow(reactor, store, held, count, accounts, devices)
    store = reopen(reactor, store, folder, shared)
    if filled:
        reactor.wait(store.close())
        fill(held, filled, accounts, devices)
        store = reopen(reactor, open_store(folder, reactor, shared), folder, shared)
        grow(reactor, store, held, count, accounts, devices)
    began = time.perf_counter()
    gone = reactor.wait(store.pruning.prune(_START + count * _BETWEEN))
    print(f"forgetting: {time.perf_counter() - began:.1f} s for {gone} rows of it that were too old")
    reactor.wait(store.close())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sightings", type=int, default=200_000, metavar="N")
    parser.add_argument("--accounts", type=int, default=100_000, metavar="N")
    parser.add_argument("--devices", type=int, default=4, metavar="N", help="of each account")
    parser.add_argument("--filled", type=int, default=0, metavar="N", help="measure again behind so many")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where the state directory is made")
    parser.add_argument("--shared", type=Path, metavar="DIR", help="where the registry is; made as needed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        run(
            Path(folder) / "state",
            arguments.sightings,
            arguments.accounts,
            arguments.devices,
            arguments.filled,
            arguments.shared,
        )


if __name__ == "__main__":
    main()
