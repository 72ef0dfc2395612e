"""A memory of policies that ends with the process."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred, succeed

from mailext.trust.mta_sts.means import KnownPolicy

__all__ = ["MemoryStsPolicyStore"]


class MemoryStsPolicyStore:
    """
    A :class:`~mailext.trust.mta_sts.means.StsPolicyStore` for a program that
    looks at few domains, and not for long. Its Deferreds have fired already.
    """

    def __init__(self) -> None:
        self._known: dict[str, KnownPolicy] = {}
        self._refresh_at: dict[str, float] = {}

    def find(self, domain: str) -> Deferred[KnownPolicy | None]:
        """See :meth:`StsPolicyStore.find`."""
        return succeed(self._known.get(domain))

    def keep(self, known: KnownPolicy, refresh_at: float) -> Deferred[None]:
        """See :meth:`StsPolicyStore.keep`."""
        self._known[known.domain] = known
        return self.postpone(known.domain, refresh_at)

    def note_use(self, domain: str, when: float) -> Deferred[None]:
        """See :meth:`StsPolicyStore.note_use`."""
        self._known[domain] = replace(self._known[domain], used=when)
        return succeed(None)

    def postpone(self, domain: str, refresh_at: float) -> Deferred[None]:
        """See :meth:`StsPolicyStore.postpone`."""
        self._refresh_at[domain] = refresh_at
        return succeed(None)

    def due(self, now: float, used_since: float, limit: int) -> Deferred[list[KnownPolicy]]:
        """See :meth:`StsPolicyStore.due`."""
        due = [
            known
            for domain, known in self._known.items()
            if self._refresh_at[domain] <= now and known.used >= used_since
        ]
        due.sort(key=lambda known: known.expires)
        return succeed(due[:limit])

    def forget_expired(self, now: float) -> Deferred[None]:
        """See :meth:`StsPolicyStore.forget_expired`."""
        self._known = {domain: known for domain, known in self._known.items() if known.expires > now}
        return succeed(None)
