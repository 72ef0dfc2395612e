"""
The registry of identities under many sightings.

    python -m benchmarks.registry [--sightings N] [--accounts N] [--devices N]

Each sighting is a login as the server records it: looked up, then recorded in
the registry and in the log of logins, through the committer, in a state
directory of its own. Every tenth is by a stranger with a wrong password. It
prints, ten times on the way, what a look-up and a record cost and how large
the database is, and at the end how long the store takes to open and what
forgetting costs.
"""

from __future__ import annotations

import argparse
import queue
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure
from zope.interface import implementer

from mailext.clientid.entries import LoginEntry
from mailext.storage.store import Store, open_store
from mailext.values import Circumstances, ClientIdentity, LoginOutcome, Place, Protocol

_START = 1_700_000_000.0
_BETWEEN = 3.0
_UNDER_WAY = 400
_SAMPLE = 500
_STEPS = 10


@implementer(IReactorFromThreads)
class Reactor:
    """As much of one as the store's threads need."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    def callFromThread(self, callable: Callable[..., object], *args: object, **kwargs: object) -> None:  # noqa: A002
        self._calls.put(lambda: callable(*args, **kwargs))

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
        # A device comes from one of three networks.
        network = chance.randrange(3) * accounts + account
        place = Place.of(f"10.{network >> 16 & 255}.{network >> 8 & 255}.{network & 255}")
        identity = ClientIdentity("UUID", f"{account:08x}-{device:032x}")
        yield f"user{account}@example.org", identity, place, not stranger


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


def run(folder: Path, count: int, accounts: int, devices: int) -> None:
    reactor = Reactor()
    store = open_store(folder, reactor)
    stream = sightings(accounts, devices)
    print("sightings  record/s  look-ups, us: find, shared, places, churn    MiB  octets/sighting")
    seen, sample = 0, [next(stream) for _ in range(_SAMPLE)]
    for _ in range(_STEPS):
        began = time.perf_counter()
        step = count // _STEPS
        for first in range(0, step, _UNDER_WAY):
            chunk = range(min(_UNDER_WAY, step - first))
            reactor.wait(
                DeferredList(
                    [see(store, _START + (seen + n) * _BETWEEN, next(stream)) for n in chunk],
                    fireOnOneErrback=True,
                )
            )
            seen += len(chunk)
        rate = step / (time.perf_counter() - began)
        size = sum(path.stat().st_size for path in folder.glob("mailext.sqlite*"))
        told = measure(reactor, store, sample)
        print(f"{seen:9} {rate:9.0f}  {told}  {size / 2**20:14.1f} {size / seen:12.0f}", flush=True)
    reactor.wait(store.close())
    began = time.perf_counter()
    store = open_store(folder, reactor)
    print(f"opening: {(time.perf_counter() - began) * 1000:.0f} ms")
    began = time.perf_counter()
    gone = reactor.wait(store.pruning.prune(_START + seen * _BETWEEN))
    print(f"forgetting: {time.perf_counter() - began:.1f} s for {gone} rows of it that were too old")
    reactor.wait(store.close())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sightings", type=int, default=200_000, metavar="N")
    parser.add_argument("--accounts", type=int, default=100_000, metavar="N")
    parser.add_argument("--devices", type=int, default=4, metavar="N", help="of each account")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder) / "state", arguments.sightings, arguments.accounts, arguments.devices)


if __name__ == "__main__":
    main()
