"""The requests about attack mode."""

from __future__ import annotations

from attrs import frozen

from mailext.control.requests import Request

__all__ = ["SetAttackMode", "ShowAttackModes"]


@frozen
class SetAttackMode(Request):
    """
    Say by hand whether logins are restricted.

    :param mode: ``"on"``, ``"off"`` or ``"auto"``.
    :param kind: ``"global"``, ``"listener"``, ``"account"`` or ``"network"``.
    :param name: of the listener or account; the network; empty for the whole
        server.
    """

    operation = "attack-mode set"
    mode: str
    kind: str = "global"
    name: str = ""


@frozen
class ShowAttackModes(Request):
    """List where something was set, and where an alarm lasts."""

    operation = "attack-mode status"
