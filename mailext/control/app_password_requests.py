"""The requests about app passwords."""

from __future__ import annotations

from attrs import frozen

from mailext.control.requests import Request

__all__ = ["AddAppPassword", "ListAppPasswords", "RevokeAppPassword"]


@frozen
class AddAppPassword(Request):
    """
    Make an app password.

    :param name: what it is called.
    :param identity_id: the first digits of the id of the device that it is
        for; empty for the first device that uses it; None for any client.
    """

    operation = "account app-password add"
    address: str
    name: str
    identity_id: str | None = None


@frozen
class ListAppPasswords(Request):
    """List the app passwords of an account."""

    operation = "account app-password list"
    address: str


@frozen
class RevokeAppPassword(Request):
    """Take an app password back, and end the account's sessions."""

    operation = "account app-password revoke"
    address: str
    name: str
