"""What policies are found with: the memory that outlives a restart, and the fetch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred

from mailext.trust.mta_sts.policy import StsPolicy
from mailext.values import TlsFailure

__all__ = ["FetchPolicy", "KnownPolicy", "StsFetchError", "StsPolicyStore"]

#: Gets the text of a domain's policy by HTTPS; fails with
#: :class:`StsFetchError` alone.
FetchPolicy = Callable[[str], Deferred[bytes]]


class StsFetchError(Exception):
    """
    There is said to be a policy, and it cannot be had.

    :param failure: what a TLS report says of it.
    :param temporary: whether it may be had later, for all that is known.
    """

    def __init__(self, failure: TlsFailure, *, temporary: bool) -> None:
        super().__init__(failure.reason)
        self.failure = failure
        self.temporary = temporary


@dataclass(frozen=True, slots=True)
class KnownPolicy:
    """
    A policy that was fetched. Times are those of the wall clock, in seconds
    since the epoch.

    :param domain: in A-labels and lower case.
    :param id: what the TXT record said when it was fetched.
    :param fetched: when that was.
    :param used: when it was last looked at for mail, to the day.
    """

    domain: str
    id: str
    policy: StsPolicy
    fetched: float
    used: float

    @property
    def expires(self) -> float:
        """When it is to be forgotten."""
        return self.fetched + self.policy.max_age


class StsPolicyStore(Protocol):
    """Remembers policies. A change is done when its Deferred fires."""

    def find(self, domain: str) -> Deferred[KnownPolicy | None]:
        """:return: a Deferred of what is remembered, expired or not."""

    def keep(self, known: KnownPolicy, refresh_at: float) -> Deferred[None]:
        """
        Remember a policy, in place of another one of its domain.

        :param refresh_at: when it is to be fetched again.
        """

    def note_use(self, domain: str, when: float) -> Deferred[None]:
        """Note that a policy was looked at for mail."""

    def postpone(self, domain: str, refresh_at: float) -> Deferred[None]:
        """A policy is to be fetched again later than was said."""

    def due(self, now: float, used_since: float, limit: int) -> Deferred[list[KnownPolicy]]:
        """
        :param used_since: leaves out policies that were not used since then.
        :return: a Deferred of policies to be fetched again, the most urgent
            first.
        """

    def forget_expired(self, now: float) -> Deferred[None]:
        """Forget the policies that have expired."""
