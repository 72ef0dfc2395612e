"""The requests of ``clientid replay``."""

from __future__ import annotations

from attrs import frozen

from mailext.control.requests import Request

__all__ = ["ReadAttempts", "ReadIdentities", "ReadLicences"]


@frozen
class ReadAttempts(Request):
    """
    Read attempts to log in, in their order.

    :param after: the number of the last one that is known; 0 for none.
    :param since: none that are older; wall clock, seconds since the epoch.
    :param limit: how many at most.
    """

    operation = "clientid attempts"
    after: int
    since: float
    limit: int


@frozen
class ReadIdentities(Request):
    """
    Read what the registry knows.

    :param after_account: the account of the last one that is known; empty for
        none.
    :param after_id: its id, likewise.
    :param limit: how many at most.
    """

    operation = "clientid identities"
    after_account: str
    after_id: str
    limit: int


@frozen
class ReadLicences(Request):
    """Read the licences."""

    operation = "clientid licences"
