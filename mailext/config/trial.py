# ruff: noqa: ARG002 - a registry that answers nothing looks at nothing
"""What plugins are made with for trial, before anything is opened."""

from __future__ import annotations

from typing import NoReturn

from attrs import field, frozen
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from mailext.interfaces import IIdentityRegistry, IPluginServices
from mailext.values import ClientIdentity

__all__ = ["TrialServices"]


@implementer(IIdentityRegistry)
class _ClosedRegistry:
    """A plugin that asks it while it is being made is not fit for use."""

    def fingerprint(self, identity: ClientIdentity) -> NoReturn:
        """See :meth:`IIdentityRegistry.fingerprint`."""
        raise ValueError("the identities cannot be asked before the server runs")

    def find(self, account: str, identity: ClientIdentity) -> NoReturn:
        """See :meth:`IIdentityRegistry.find`."""
        self.fingerprint(identity)

    def record(self, account: str, identity: ClientIdentity, when: float) -> NoReturn:
        """See :meth:`IIdentityRegistry.record`."""
        self.fingerprint(identity)


@implementer(IPluginServices)
@frozen
class TrialServices:
    """
    Enough to make checkers and policies, and to find their mistakes.

    :param clock: the clock that the server will use.
    """

    clock: IReactorTime
    identities: IIdentityRegistry = field(factory=_ClosedRegistry)
