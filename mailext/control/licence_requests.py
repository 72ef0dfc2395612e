"""The requests about licences."""

from __future__ import annotations

from attrs import field, frozen

from mailext.control.requests import Request

__all__ = ["AddLicence", "ListLicences", "RevokeLicence"]


@frozen
class AddLicence(Request):
    """
    Set up a licence.

    :param type: the identity type that it is presented as.
    :param token: as the client will present it.
    :param address: the only account that it is good for; None: any.
    :param label: a name for it.
    :param valid_from: RFC 3339; None: from now on.
    :param valid_until: RFC 3339; None: for ever.
    """

    operation = "licence add"
    type: str
    token: str = field(repr=False)
    address: str | None = None
    label: str = ""
    valid_from: str | None = None
    valid_until: str | None = None


@frozen
class ListLicences(Request):
    """List the licences."""

    operation = "licence list"


@frozen
class RevokeLicence(Request):
    """Take a licence back for good."""

    operation = "licence revoke"
    licence_id: str
