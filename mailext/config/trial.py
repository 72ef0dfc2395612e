# ruff: noqa: ARG002 - a registry that answers nothing looks at nothing
"""What plugins are made with for trial, before anything is opened."""

from __future__ import annotations

from typing import NoReturn

from attrs import field, frozen
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from mailext.clientid.counters import MemoryCounterStore
from mailext.interfaces import (
    ICounterStore,
    IIdentityRegistry,
    ILicenceRegistry,
    IRelayServices,
    IRequireTlsSupport,
)
from mailext.values import Circumstances, ClientIdentity, Mailbox, Place

__all__ = ["TrialServices"]


@implementer(IIdentityRegistry)
class _ClosedRegistry:
    """A plugin that asks it while it is being made is not fit for use."""

    def fingerprint(self, identity: ClientIdentity) -> NoReturn:
        """See :meth:`IIdentityRegistry.fingerprint`."""
        _refuse()

    def find(self, account: str, identity: ClientIdentity) -> NoReturn:
        """See :meth:`IIdentityRegistry.find`."""
        _refuse()

    def record(
        self,
        account: str,
        identity: ClientIdentity,
        when: float,
        circumstances: Circumstances = Circumstances(),  # noqa: B008 - it is frozen
    ) -> NoReturn:
        """See :meth:`IIdentityRegistry.record`."""
        _refuse()

    def enrol(self, account: str, identity: ClientIdentity, when: float, most: int) -> NoReturn:
        """See :meth:`IIdentityRegistry.enrol`."""
        _refuse()

    def holdForApproval(self, account: str, identity: ClientIdentity, when: float) -> NoReturn:
        """See :meth:`IIdentityRegistry.holdForApproval`."""
        _refuse()

    def trustedCount(self, account: str) -> NoReturn:
        """See :meth:`IIdentityRegistry.trustedCount`."""
        _refuse()

    def otherAccountsOf(self, account: str, identity: ClientIdentity, limit: int) -> NoReturn:
        """See :meth:`IIdentityRegistry.otherAccountsOf`."""
        _refuse()

    def placesOf(self, identity: ClientIdentity, since: float) -> NoReturn:
        """See :meth:`IIdentityRegistry.placesOf`."""
        _refuse()

    def churn(self, account: str, place: Place, since: float) -> NoReturn:
        """See :meth:`IIdentityRegistry.churn`."""
        _refuse()


@implementer(ILicenceRegistry)
class _ClosedLicences:
    """As the registry of identities."""

    def find(self, identity: ClientIdentity) -> NoReturn:
        """See :meth:`ILicenceRegistry.find`."""
        _refuse()

    def used(self, identity: ClientIdentity, when: float) -> NoReturn:
        """See :meth:`ILicenceRegistry.used`."""
        _refuse()


@implementer(IRequireTlsSupport)
class _UnknownSupport:
    """As the registry of identities."""

    def supports(self, recipient: Mailbox) -> NoReturn:
        """See :meth:`IRequireTlsSupport.supports`."""
        _refuse()


def _refuse() -> NoReturn:
    raise ValueError("nothing can be asked before the server runs")


@implementer(IRelayServices)
@frozen
class TrialServices:
    """
    Enough to make checkers and policies, and to find their mistakes.

    :param clock: the clock that the server will use.
    """

    clock: IReactorTime
    identities: IIdentityRegistry = field(factory=_ClosedRegistry)
    licences: ILicenceRegistry = field(factory=_ClosedLicences)
    support: IRequireTlsSupport = field(factory=_UnknownSupport)
    counters: ICounterStore = field(init=False)

    @counters.default
    def _counters_at_zero(self) -> ICounterStore:
        return MemoryCounterStore(self.clock)
