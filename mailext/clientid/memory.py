"""
A registry of client identities that needs no disk: for tests, for replays, and
for programs that are content with what one process has seen.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from mailext.interfaces import IIdentityRegistry
from mailext.values import (
    Circumstances,
    ClientIdentity,
    IdentityChurn,
    IdentityRecord,
    IdentityStatus,
    LoginOutcome,
    Place,
    SeenPlace,
)

__all__ = ["MemoryIdentityRegistry"]

_MOST_PLACES = 20
_ID_SIZE = 8
_KEY_SIZE = 32
_TRUSTED = frozenset({IdentityStatus.ENROLLED, IdentityStatus.APPROVED})


@implementer(IIdentityRegistry)
class MemoryIdentityRegistry:
    """
    A registry that forgets all when it goes, and nothing before. Its Deferreds
    have fired already.

    :param fingerprint: gives the id of an identity. Without it ids are hashes
        with a key of this process.
    """

    def __init__(self, fingerprint: Callable[[ClientIdentity], str] | None = None) -> None:
        self._fingerprint = fingerprint or _keyed_hash(secrets.token_bytes(_KEY_SIZE))
        # By account, then by id.
        self._records: defaultdict[str, dict[str, IdentityRecord]] = defaultdict(dict)
        # By id: accounts that have logged in, and by network and account where.
        self._accounts: defaultdict[str, set[str]] = defaultdict(set)
        self._places: defaultdict[str, dict[tuple[str, str], SeenPlace]] = defaultdict(dict)
        # By account and by network, then by id: when strangers were seen last.
        self._strangers: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)

    @property
    def records(self) -> tuple[IdentityRecord, ...]:
        """What was recorded."""
        return tuple(record for records in self._records.values() for record in records.values())

    def put(self, record: IdentityRecord) -> None:
        """What the operator may do, and no checker: set what is known of an identity."""
        self._records[record.account][record.id] = record
        if record.count:
            self._accounts[record.id].add(record.account)

    def fingerprint(self, identity: ClientIdentity) -> str:
        """See :meth:`IIdentityRegistry.fingerprint`."""
        return self._fingerprint(identity)

    def find(self, account: str, identity: ClientIdentity) -> Deferred[IdentityRecord | None]:
        """See :meth:`IIdentityRegistry.find`."""
        return succeed(self._of(account).get(self._fingerprint(identity)))

    def record(
        self,
        account: str,
        identity: ClientIdentity,
        when: float,
        circumstances: Circumstances = Circumstances(),  # noqa: B008 - it is frozen
    ) -> Deferred[None]:
        """See :meth:`IIdentityRegistry.record`."""
        place, outcome = circumstances.place, circumstances.outcome
        name = self._fingerprint(identity)
        if name not in self._of(account) and not circumstances.proved:
            network = place.network if place is not None else ""
            self._strangers["account", account][name] = when
            self._strangers["network", network][name] = when
            return succeed(None)
        known = self._known(account, identity, when)
        seen = replace(
            known,
            count=known.count + (outcome is LoginOutcome.SUCCESS),
            failures=known.failures + (outcome is LoginOutcome.BAD_CREDENTIALS),
            refusals=known.refusals + (outcome is LoginOutcome.REFUSED),
        )
        if circumstances.proved:
            protocols = seen.protocols | {circumstances.protocol}
            seen = replace(seen, last_seen=when, place=place, protocols=protocols)
        self.put(seen)
        if place is not None and outcome is LoginOutcome.SUCCESS:
            self._add_place(name, account, place, when)
        return succeed(None)

    def enrol(self, account: str, identity: ClientIdentity, when: float, most: int) -> Deferred[None]:
        """See :meth:`IIdentityRegistry.enrol`."""
        if self._trusted(account) >= most:
            return succeed(None)
        return self._judged(account, identity, when, IdentityStatus.ENROLLED)

    def holdForApproval(self, account: str, identity: ClientIdentity, when: float) -> Deferred[None]:
        """See :meth:`IIdentityRegistry.holdForApproval`."""
        return self._judged(account, identity, when, IdentityStatus.PENDING)

    def trustedCount(self, account: str) -> Deferred[int]:
        """See :meth:`IIdentityRegistry.trustedCount`."""
        return succeed(self._trusted(account))

    def otherAccountsOf(self, account: str, identity: ClientIdentity, limit: int) -> Deferred[int]:
        """See :meth:`IIdentityRegistry.otherAccountsOf`."""
        others = set(self._accounts.get(self._fingerprint(identity), ())) - {account}
        return succeed(min(limit, len(others)))

    def placesOf(self, identity: ClientIdentity, since: float) -> Deferred[tuple[SeenPlace, ...]]:
        """See :meth:`IIdentityRegistry.placesOf`."""
        places = self._places.get(self._fingerprint(identity), {}).values()
        oldest_first = sorted(places, key=lambda place: place.when)
        latest = {seen.place.network: seen for seen in oldest_first if seen.when >= since}
        recent = sorted(latest.values(), key=lambda seen: -seen.when)
        return succeed(tuple(recent[:_MOST_PLACES]))

    def churn(self, account: str, place: Place, since: float) -> Deferred[IdentityChurn]:
        """See :meth:`IIdentityRegistry.churn`."""

        def recent(*key: str) -> int:
            strangers = self._strangers.get((key[0], key[1]), {}).values()
            return sum(when >= since for when in strangers)

        return succeed(IdentityChurn(recent("account", account), recent("network", place.network)))

    def _judged(
        self, account: str, identity: ClientIdentity, when: float, status: IdentityStatus
    ) -> Deferred[None]:
        known = self._known(account, identity, when)
        self.put(replace(known, status=status) if known.status is IdentityStatus.OBSERVED else known)
        return succeed(None)

    def _trusted(self, account: str) -> int:
        return sum(record.status in _TRUSTED for record in self._of(account).values())

    def _of(self, account: str) -> dict[str, IdentityRecord]:
        return self._records.get(account, {})

    def _known(self, account: str, identity: ClientIdentity, when: float) -> IdentityRecord:
        name = self._fingerprint(identity)
        return self._of(account).get(name) or IdentityRecord(
            id=name,
            account=account,
            type=identity.type,
            label="",
            status=IdentityStatus.OBSERVED,
            first_seen=when,
            last_seen=when,
            count=0,
        )

    def _add_place(self, name: str, account: str, place: Place, when: float) -> None:
        places = self._places[name]
        known = places.get((place.network, account))
        places[place.network, account] = SeenPlace(place, account, when, known.count + 1 if known else 1)
        mine = [key for key in places if key[1] == account]
        if len(mine) > _MOST_PLACES:
            del places[min(mine, key=lambda key: places[key].when)]


def _keyed_hash(key: bytes) -> Callable[[ClientIdentity], str]:
    def fingerprint(identity: ClientIdentity) -> str:
        said = f"{identity.type}\0{identity.token}".encode()
        return hashlib.blake2b(said, digest_size=_ID_SIZE, key=key).hexdigest()

    return fingerprint
