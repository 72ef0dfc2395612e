"""
What checkers and policies are made with.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from mailext.interfaces import ICounterStore, IIdentityRegistry, ILicenceRegistry, IPluginServices

__all__ = ["PluginServices"]


@implementer(IPluginServices)
@dataclass(frozen=True)
class PluginServices:
    """
    The services of this server, or of another Twisted program that makes
    checkers of its own accord.

    :param clock: its ``seconds()`` is the wall clock.
    """

    clock: IReactorTime
    identities: IIdentityRegistry
    licences: ILicenceRegistry
    counters: ICounterStore
