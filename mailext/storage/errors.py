"""What can go wrong with the store, beside what the disk and the database say."""

from __future__ import annotations

__all__ = [
    "NoMessageError",
    "SchemaTooNewError",
    "StoreBusyError",
    "StoreClosedError",
    "StoreError",
    "StoreInUseError",
]


class StoreError(Exception):
    """The store cannot do what it was asked."""


class StoreInUseError(StoreError):
    """Another process owns the state directory."""


class SchemaTooNewError(StoreError):
    """The database was written by a newer version of this program."""


class StoreBusyError(StoreError):
    """More is waiting to be stored or read than the store takes on."""


class StoreClosedError(StoreError):
    """The store was closed."""


class NoMessageError(StoreError):
    """There is no message of this queue id."""
