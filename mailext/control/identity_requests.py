"""The requests about client identities."""

from __future__ import annotations

from attrs import field, frozen

from mailext.control.requests import Request

__all__ = [
    "ApproveIdentity",
    "ExportIdentities",
    "ForgetIdentities",
    "ImportIdentities",
    "LabelIdentity",
    "ListIdentities",
    "ListLogins",
    "RevokeIdentity",
    "ShowIdentity",
]


@frozen
class ListIdentities(Request):
    """
    List the client identities.

    :param address: of which account; None for all.
    """

    operation = "identity list"
    address: str | None = None


@frozen
class ShowIdentity(Request):
    """
    Show one identity, with where it was used and its latest logins.

    :param identity_id: the first digits of its id, as many as it takes.
    """

    operation = "identity show"
    address: str
    identity_id: str


@frozen
class LabelIdentity(Request):
    """Give an identity a name; an empty one takes it away."""

    operation = "identity label"
    address: str
    identity_id: str
    label: str


@frozen
class ApproveIdentity(Request):
    """Take an identity on as one of the account's own."""

    operation = "identity approve"
    address: str
    identity_id: str


@frozen
class RevokeIdentity(Request):
    """
    Let an identity log in no more.

    :param seconds: for so long; None: for good.
    """

    operation = "identity revoke"
    address: str
    identity_id: str
    seconds: float | None = None


@frozen
class ForgetIdentities(Request):
    """
    Forget an identity and its logins.

    :param identity_id: None: everything that is held of the account's
        identities and logins.
    """

    operation = "identity forget"
    address: str
    identity_id: str | None = None


@frozen
class ListLogins(Request):
    """
    List an account's logins, the latest first.

    :param everything: those too that do not belong into the holder's own log.
    :param limit: how many at most.
    """

    operation = "identity log"
    address: str
    everything: bool = False
    limit: int = 100


@frozen
class ExportIdentities(Request):
    """
    Give out what is held of an account's identities and logins.

    :param identity_id: of one identity; None: of all.
    """

    operation = "identity export"
    address: str
    identity_id: str | None = None


@frozen
class ImportIdentities(Request):
    """
    Take up identities that were exported.

    :param content: an export, as JSON.
    """

    operation = "identity import"
    content: str = field(repr=False)
