"""What is known of the identities of clients, and of licences."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailext.values.logins import Place
from mailext.values.sessions import Protocol

__all__ = ["IdentityChurn", "IdentityRecord", "IdentityStatus", "Licence", "SeenPlace"]


class IdentityStatus(StrEnum):
    """How an account and an identity stand to each other."""

    #: Seen, and nobody has judged it.
    OBSERVED = "observed"
    #: A rule took it on, as the first one, or one of the first.
    ENROLLED = "enrolled"
    #: The user or the operator took it on. It is never pruned.
    APPROVED = "approved"
    #: It waits for the user or the operator.
    PENDING = "pending"
    #: It is not to log in any more. It is never pruned.
    REVOKED = "revoked"


_TRUSTED = frozenset({IdentityStatus.ENROLLED, IdentityStatus.APPROVED})


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """
    What the registry knows of one identity of one account. The account's
    password was right at least once when it was used, unless it was put there
    by the operator.

    :param id: the first 16 hexadecimal digits of the identity's keyed hash.
    :param label: a name that the user or the operator gave.
    :param first_seen: wall clock, seconds since the epoch; so is ``last_seen``.
    :param count: how many logins it was seen with.
    :param failures: how many attempts with it failed by wrong credentials.
    :param refusals: how many a checker refused.
    :param place: where it was seen last; None where that is not known.
    :param protocols: those it was seen with.
    :param revoked_until: until when it is revoked, whatever its status; wall
        clock, seconds since the epoch. None: it is not, or for good.
    """

    id: str
    account: str
    type: str
    label: str
    status: IdentityStatus
    first_seen: float
    last_seen: float
    count: int
    failures: int = 0
    refusals: int = 0
    place: Place | None = None
    protocols: frozenset[Protocol] = frozenset()
    revoked_until: float | None = None

    def is_revoked(self, now: float) -> bool:
        """
        Whether it must not log in (C16).

        :param now: wall clock, seconds since the epoch.
        """
        return self.status is IdentityStatus.REVOKED or (
            self.revoked_until is not None and now < self.revoked_until
        )

    def is_trusted(self, now: float) -> bool:
        """
        Whether it is one of the account's own: enrolled or approved, and not
        revoked.

        :param now: wall clock, seconds since the epoch.
        """
        return self.status in _TRUSTED and not self.is_revoked(now)


@dataclass(frozen=True, slots=True)
class SeenPlace:
    """
    Where one identity was used.

    :param account: whose login was the latest there.
    :param when: that login's time; wall clock, seconds since the epoch.
    :param count: how many logins of this account there were from its network.
    """

    place: Place
    account: str
    when: float
    count: int


@dataclass(frozen=True, slots=True)
class IdentityChurn:
    """
    How many identities were presented that the account which was tried does
    not know, with credentials that were wrong (U12).

    :param account: different ones at the account.
    :param network: different ones from the network, whatever the account.
    """

    account: int
    network: int


@dataclass(frozen=True, slots=True)
class Licence:
    """
    An identity that the operator has set up outside of any session (U4).

    :param id: the first 16 hexadecimal digits of the identity's keyed hash.
    :param account: the only account that it is good for; None: any.
    :param label: a name that the operator gave.
    :param valid_from: wall clock, seconds since the epoch.
    :param valid_until: when it ends; None: never.
    :param revoked: whether it was taken back.
    :param last_used: the latest login with it; None: there was none.
    """

    id: str
    type: str
    account: str | None
    label: str
    valid_from: float
    valid_until: float | None = None
    revoked: bool = False
    last_used: float | None = None

    def in_force(self, now: float) -> bool:
        """
        Whether it is good now.

        :param now: wall clock, seconds since the epoch.
        """
        ended = self.valid_until is not None and now >= self.valid_until
        return not self.revoked and now >= self.valid_from and not ended
