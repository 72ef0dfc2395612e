"""
Where logins can be restricted because of an attack, and where they are.

A *scope* is the whole server, a listener, an account or a network. In each the
operator can set attack mode by hand; where nothing is set, it begins with an
alarm, which failed logins raise, and ends when that has run out
(draft-storey-smtp-client-id-13 section 6.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network

from mailext.clientid.sources import address_of
from mailext.values import AttackMode, LoginAttempt

__all__ = ["AttackScope", "ScopeKind", "mode_by_hand"]


class ScopeKind(StrEnum):
    """What a scope is."""

    GLOBAL = "global"
    LISTENER = "listener"
    ACCOUNT = "account"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class AttackScope:
    """
    A part of the server's logins.

    :param name: of the listener or account; the network with its prefix
        length; empty for the whole server.

    ``str()`` gives what an :class:`~mailext.interfaces.ICounterStore` calls it.
    """

    kind: ScopeKind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" if self.name else self.kind.value

    @classmethod
    def parse(cls, text: str) -> AttackScope:
        """
        The scope that ``str()`` gave as this.

        :raise ValueError: if it is none.
        """
        kind, _, name = text.partition("/")
        return cls(ScopeKind(kind), name)

    @classmethod
    def around(cls, kind: ScopeKind, attempt: LoginAttempt) -> AttackScope:
        """The scope of a kind that an attempt falls into."""
        names = {
            ScopeKind.GLOBAL: "",
            ScopeKind.LISTENER: attempt.session.listener,
            ScopeKind.ACCOUNT: attempt.account,
            ScopeKind.NETWORK: attempt.place.network,
        }
        return cls(kind, names[kind])

    @classmethod
    def of_network(cls, text: str) -> AttackScope:
        """
        :param text: an address, or a network with its prefix length.
        :raise ValueError: if it is neither.
        """
        return cls(ScopeKind.NETWORK, str(ip_network(text, strict=False)))

    def covers(self, attempt: LoginAttempt) -> bool:
        """Whether an attempt falls into it."""
        if self.kind is not ScopeKind.NETWORK:
            return self == AttackScope.around(self.kind, attempt)
        address = address_of(attempt)
        return address is not None and address in ip_network(self.name)

    @property
    def narrowness(self) -> tuple[int, int]:
        """The greater, the more it says of those that it covers."""
        prefix = int(self.name.rpartition("/")[2]) if self.kind is ScopeKind.NETWORK else 0
        return list(ScopeKind).index(self.kind), prefix


def mode_by_hand(modes: Mapping[str, AttackMode], attempt: LoginAttempt) -> AttackMode:
    """
    What holds for an attempt of what was set by hand: the narrowest scope
    beats a wider one, a network an account.

    :param modes: by the ``str()`` of each scope.
    :return: AUTO where nothing was set.
    """
    covering = [scope for scope in map(AttackScope.parse, modes) if scope.covers(attempt)]
    narrowest = max(covering, key=lambda scope: scope.narrowness, default=None)
    return AttackMode.AUTO if narrowest is None else modes[str(narrowest)]
