"""
Where an address is, by a database in MaxMind's format: country, and where the
database has them, coordinates.

Without a database an address tells its network alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from mailext.values import Place

__all__ = ["Geography", "NoDatabase", "open_geography"]

_COUNTRY = re.compile(r"[A-Z]{2}")


class Geography(Protocol):
    """Tells where addresses are."""

    def locate(self, address: str) -> Place:
        """
        :param address: an IP address, or a client's name that is none.
        """


class NoDatabase:
    """Knows of an address what it says itself."""

    def locate(self, address: str) -> Place:
        """See :meth:`Geography.locate`."""
        return Place.of(address)


class _Reader(Protocol):
    def get(self, ip_address: str) -> object: ...


class _Database:
    def __init__(self, reader: _Reader) -> None:
        self._reader = reader

    def locate(self, address: str) -> Place:
        """See :meth:`Geography.locate`."""
        place = Place.of(address)
        try:
            found = self._reader.get(address.partition("%")[0])
        except ValueError:
            # No IP address, or IPv6 in a database of IPv4.
            return place
        country = _item(found, "country", "iso_code")
        return replace(
            place,
            country=country if isinstance(country, str) and _COUNTRY.fullmatch(country) else "",
            latitude=_degrees(_item(found, "location", "latitude")),
            longitude=_degrees(_item(found, "location", "longitude")),
        )


def open_geography(path: Path | None) -> Geography:
    """
    :param path: a file in MaxMind's format, of cities or countries; None:
        there is none. It is read into memory, so that it can be replaced.
    :raise ValueError: if it cannot be used.
    """
    if path is None:
        return NoDatabase()
    try:
        import maxminddb  # noqa: PLC0415 - an extra, which few need
    except ImportError:
        raise ValueError("a database of places needs the package maxminddb: mailext[places]") from None
    try:
        return _Database(maxminddb.open_database(path, maxminddb.MODE_MEMORY))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error
    except maxminddb.InvalidDatabaseError as error:
        raise ValueError(f"{path}: not a database of places: {error}") from error


def _item(record: object, *path: str) -> object:
    for key in path:
        if not isinstance(record, Mapping):
            return None
        record = record.get(key)
    return record


def _degrees(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
