"""
The checkers of a listener, from the strings of its configuration.
"""

from __future__ import annotations

from collections.abc import Iterable

from mailext.clientid.checkers.history import RevocationChecker
from mailext.clientid.checkers.revoked_meanwhile import RevokedMeanwhileChecker
from mailext.clientid.modes import EnforcingChecker
from mailext.interfaces import IClientIdentityChecker, IPluginServices
from mailext.plugins import make_checker

__all__ = ["make_checkers"]


def make_checkers(strings: Iterable[str], services: IPluginServices) -> list[IClientIdentityChecker]:
    """
    :param strings: plugin strings.
    :return: their checkers, and before and behind them one that nobody has to
        ask for: whoever revokes an identity means it, whatever the others are
        and however long they take (C16).
    :raise mailext.plugins.PluginError: if a string cannot be used.
    """
    revoked = EnforcingChecker(RevocationChecker(services), "revoked")
    configured = (make_checker(string, services) for string in strings)
    return [revoked, *configured, RevokedMeanwhileChecker(services)]
