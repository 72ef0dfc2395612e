"""What an operator does about attacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypedDict

from attrs import frozen

from mailext.clientid.attack import AttackScope, ScopeKind
from mailext.clientid.checkers.attack_mode import AttackModeCheckerFactory
from mailext.clientid.checkers.choose import ChoosingCheckerFactory
from mailext.clientid.modes import Mode
from mailext.config.model import Configuration
from mailext.control.addresses import CurrentAddresses
from mailext.control.as_json import rfc3339
from mailext.control.attack_requests import SetAttackMode, ShowAttackModes
from mailext.control.requests import RequestRefusedError
from mailext.interfaces import ICounterStore
from mailext.plugins import parse_arguments
from mailext.values import AttackMode

__all__ = ["AttackModeJson", "AttackModeOperations", "AttackStatusJson"]


class AttackModeJson(TypedDict):
    """One scope: what was set by hand, and until when its alarm lasts, or null."""

    scope: str
    name: str
    mode: str
    alarmUntil: str | None


class AttackStatusJson(TypedDict):
    """Every scope that there is something to say of, and the listeners where it has an effect."""

    scopes: list[AttackModeJson]
    enforcedBy: list[str]


@frozen
class AttackModeOperations:
    """
    :param counters: know of alarms, and of what was set by hand.
    :param addresses: says which account a name means.
    :param configuration: gives the configuration as it is now.
    """

    counters: ICounterStore
    addresses: CurrentAddresses
    configuration: Callable[[], Configuration]

    async def set(self, request: SetAttackMode) -> AttackStatusJson:
        """:raise RequestRefusedError: if there is no such mode or scope."""
        try:
            mode = AttackMode(request.mode)
        except ValueError as error:
            raise RequestRefusedError(f"there is no mode {request.mode!r}") from error
        scope = self._scope(request, mode)
        await self.counters.setAttackMode(str(scope), mode)
        return await self._status([scope])

    async def status(self, request: ShowAttackModes) -> AttackStatusJson:  # noqa: ARG002 - it says all
        """Of every scope where something was set, or an alarm lasts."""
        by_hand, alarms = await self.counters.attackModes(), await self.counters.alarms()
        return await self._status([AttackScope.parse(each) for each in sorted({*by_hand, *alarms})])

    async def _status(self, scopes: Sequence[AttackScope]) -> AttackStatusJson:
        by_hand, alarms = await self.counters.attackModes(), await self.counters.alarms()
        return AttackStatusJson(
            scopes=[
                AttackModeJson(
                    scope=scope.kind.value,
                    name=scope.name,
                    mode=by_hand.get(str(scope), AttackMode.AUTO).value,
                    alarmUntil=rfc3339(alarms[str(scope)]) if str(scope) in alarms else None,
                )
                for scope in scopes
            ],
            enforcedBy=[
                name
                for name, listener in self.configuration().listeners.items()
                if listener.keys.auth and any(map(_is_enforced, _named(listener.clientid.checkers)))
            ],
        )

    def _scope(self, request: SetAttackMode, mode: AttackMode) -> AttackScope:
        try:
            kind = ScopeKind(request.kind)
            if kind is ScopeKind.NETWORK:
                return AttackScope.of_network(request.name)
            name = request.name
            if kind is ScopeKind.ACCOUNT and mode is AttackMode.AUTO:
                # What was set for an account can be taken back when that is gone.
                name = str(self.addresses().account_named(name))
            elif kind is ScopeKind.ACCOUNT:
                name = self.addresses.existing_account(name)
        except ValueError as error:
            raise RequestRefusedError(str(error)) from error
        if kind is ScopeKind.LISTENER and name not in self.configuration().listeners:
            raise RequestRefusedError(f"there is no listener {name!r}")
        return AttackScope(kind, name)


def _named(checkers: Sequence[str]) -> Iterator[str]:
    """The plugin strings of all checkers, those that ``choose`` chooses from among them."""
    for string in checkers:
        name, _, argstring = string.partition(":")
        if name == ChoosingCheckerFactory.name:
            chosen = parse_arguments(argstring, ChoosingCheckerFactory.keys)
            yield from _named([*chosen.get("then", ()), *chosen.get("otherwise", ())])
        else:
            yield string


def _is_enforced(string: str) -> bool:
    name, _, argstring = string.partition(":")
    return (
        name == AttackModeCheckerFactory.name and AttackModeCheckerFactory.mode_of(argstring) is Mode.ENFORCE
    )
