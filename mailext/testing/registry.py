"""
Registries of client identities, and of licences, that need no disk.
"""

from __future__ import annotations

import hmac
from dataclasses import replace

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from mailext.interfaces import IIdentityRegistry, ILicenceRegistry
from mailext.values import (
    Circumstances,
    ClientIdentity,
    IdentityChurn,
    IdentityRecord,
    IdentityStatus,
    Licence,
    LoginOutcome,
    Place,
    SeenPlace,
)

__all__ = ["MemoryIdentityRegistry", "MemoryLicenceRegistry"]


@implementer(IIdentityRegistry)
class MemoryIdentityRegistry:
    """
    A registry that forgets all when it goes, and nothing before. Its Deferreds
    have fired already.
    """

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], IdentityRecord] = {}
        self._places: dict[tuple[str, str, str], SeenPlace] = {}
        # Account, identity and network of strangers, and when they were seen last.
        self._strangers: dict[tuple[str, str, str], float] = {}

    @property
    def records(self) -> tuple[IdentityRecord, ...]:
        """What was recorded, in the order of first use."""
        return tuple(self._records.values())

    def put(self, account: str, identity: ClientIdentity, record: IdentityRecord) -> None:
        """What the operator may do, and no checker: set the record of an identity."""
        self._records[account, self.fingerprint(identity)] = record

    def fingerprint(self, identity: ClientIdentity) -> str:
        """See :meth:`IIdentityRegistry.fingerprint`."""
        said = f"{identity.type} {identity.token}".encode()
        return hmac.digest(b"a key of no worth", said, "sha256").hex()[:16]

    def find(self, account: str, identity: ClientIdentity) -> Deferred[IdentityRecord | None]:
        """See :meth:`IIdentityRegistry.find`."""
        return succeed(self._records.get((account, self.fingerprint(identity))))

    def record(
        self,
        account: str,
        identity: ClientIdentity,
        when: float,
        circumstances: Circumstances = Circumstances(),  # noqa: B008 - it is frozen
    ) -> Deferred[None]:
        """See :meth:`IIdentityRegistry.record`."""
        place = circumstances.place
        name = self.fingerprint(identity)
        if (account, name) not in self._records and not circumstances.proved:
            self._strangers[account, name, place.network if place else ""] = when
            return succeed(None)
        known = self._known(account, identity, when)
        outcome = circumstances.outcome
        seen = replace(
            known,
            count=known.count + (outcome is LoginOutcome.SUCCESS),
            failures=known.failures + (outcome is LoginOutcome.BAD_CREDENTIALS),
            refusals=known.refusals + (outcome is LoginOutcome.REFUSED),
        )
        if circumstances.proved:
            seen = replace(
                seen, last_seen=when, place=place, protocols=seen.protocols | {circumstances.protocol}
            )
        self._records[account, name] = seen
        if place is not None and outcome is LoginOutcome.SUCCESS:
            key = account, name, place.network
            count = self._places[key].count if key in self._places else 0
            self._places[key] = SeenPlace(place, account, when, count + 1)
        return succeed(None)

    def enrol(self, account: str, identity: ClientIdentity, when: float) -> Deferred[None]:
        """See :meth:`IIdentityRegistry.enrol`."""
        return self._judged(account, identity, when, IdentityStatus.ENROLLED)

    def holdForApproval(self, account: str, identity: ClientIdentity, when: float) -> Deferred[None]:
        """See :meth:`IIdentityRegistry.holdForApproval`."""
        return self._judged(account, identity, when, IdentityStatus.PENDING)

    def trustedCount(self, account: str) -> Deferred[int]:
        """See :meth:`IIdentityRegistry.trustedCount`."""
        trusted = IdentityStatus.ENROLLED, IdentityStatus.APPROVED
        return succeed(sum(each.account == account and each.status in trusted for each in self.records))

    def accountsOf(self, identity: ClientIdentity, limit: int) -> Deferred[int]:
        """See :meth:`IIdentityRegistry.accountsOf`."""
        name = self.fingerprint(identity)
        return succeed(min(limit, sum(record.id == name and record.count > 0 for record in self.records)))

    def placesOf(self, identity: ClientIdentity, since: float) -> Deferred[tuple[SeenPlace, ...]]:
        """See :meth:`IIdentityRegistry.placesOf`."""
        name = self.fingerprint(identity)
        seen = [place for key, place in self._places.items() if key[1] == name and place.when >= since]
        return succeed(tuple(sorted(seen, key=lambda place: -place.when)[:20]))

    def churn(self, account: str, place: Place, since: float) -> Deferred[IdentityChurn]:
        """See :meth:`IIdentityRegistry.churn`."""
        recent = [key for key, when in self._strangers.items() if when >= since]
        at_account = {name for tried, name, _ in recent if tried == account}
        from_network = {name for _, name, network in recent if network == place.network}
        return succeed(IdentityChurn(len(at_account), len(from_network)))

    def _judged(
        self, account: str, identity: ClientIdentity, when: float, status: IdentityStatus
    ) -> Deferred[None]:
        known = self._known(account, identity, when)
        if known.status is IdentityStatus.OBSERVED:
            known = replace(known, status=status)
        self._records[account, known.id] = known
        return succeed(None)

    def _known(self, account: str, identity: ClientIdentity, when: float) -> IdentityRecord:
        name = self.fingerprint(identity)
        return self._records.get((account, name)) or IdentityRecord(
            id=name,
            account=account,
            type=identity.type,
            label="",
            status=IdentityStatus.OBSERVED,
            first_seen=when,
            last_seen=when,
            count=0,
        )


@implementer(ILicenceRegistry)
class MemoryLicenceRegistry:
    """A registry of licences that forgets all when it goes. Its Deferreds have fired already."""

    def __init__(self) -> None:
        self._licences: dict[ClientIdentity, Licence] = {}

    def put(self, identity: ClientIdentity, licence: Licence) -> None:
        """What the operator may do, and no checker: set up a licence."""
        self._licences[identity] = licence

    def find(self, identity: ClientIdentity) -> Deferred[Licence | None]:
        """See :meth:`ILicenceRegistry.find`."""
        return succeed(self._licences.get(identity))

    def used(self, identity: ClientIdentity, when: float) -> Deferred[None]:
        """See :meth:`ILicenceRegistry.used`."""
        if identity in self._licences:
            self._licences[identity] = replace(self._licences[identity], last_used=when)
        return succeed(None)
