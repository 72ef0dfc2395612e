"""The requests about TLS."""

from __future__ import annotations

from attrs import frozen

from mailext.control.requests import Request

__all__ = ["ShowTlsFigures"]


@frozen
class ShowTlsFigures(Request):
    """
    Show what became of TLS on the way to other domains.

    :param days: of how many UTC days; one is today.
    :param domain: on the way to this one; None: to all.
    """

    operation = "tlsrpt show"
    days: int = 1
    domain: str | None = None
