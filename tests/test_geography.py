"""Where an address is."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from mailext.geography import open_geography
from mailext.values import Place


@pytest.fixture
def database(tmp_path: Path) -> Path:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-City", float_type="f64")
    berlin = {"country": {"iso_code": "DE"}, "location": {"latitude": 52.5, "longitude": 13.4}}
    writer.insert_network(IPSet(["192.0.2.0/24"]), berlin)
    writer.insert_network(IPSet(["198.51.100.0/24"]), {"country": {"iso_code": "fr\n"}, "location": "?"})
    writer.insert_network(IPSet(["2001:db8::/32"]), {"country": {"iso_code": "NZ"}})
    path = tmp_path / "places.mmdb"
    writer.to_db_file(str(path))
    return path


def test_without_a_database_an_address_tells_its_network() -> None:
    geography = open_geography(None)
    assert geography.locate("192.0.2.7") == Place("192.0.2.7", "192.0.2.0/24")
    assert geography.locate("::ffff:192.0.2.7") == Place("::ffff:192.0.2.7", "192.0.2.0/24")
    assert geography.locate("2001:db8:1:2::3") == Place("2001:db8:1:2::3", "2001:db8:1::/56")
    assert geography.locate("fe80::1%eth0").network == "fe80::/56"
    assert geography.locate("local") == Place("local", "local")


@pytest.mark.parametrize(
    ("address", "country", "coordinates"),
    [
        ("192.0.2.7", "DE", (52.5, 13.4)),
        ("2001:db8::1", "NZ", (None, None)),
        ("203.0.113.1", "", (None, None)),
        # What makes no sense is not known.
        ("198.51.100.1", "", (None, None)),
        ("local", "", (None, None)),
    ],
)
def test_what_a_database_knows(
    database: Path, address: str, country: str, coordinates: tuple[float | None, float | None]
) -> None:
    place = open_geography(database).locate(address)
    assert (place.address, place.country) == (address, country)
    assert (place.latitude, place.longitude) == coordinates


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        open_geography(tmp_path / "missing")
    (tmp_path / "text").write_text("no database")
    with pytest.raises(ValueError, match=r"text: not a database of places"):
        open_geography(tmp_path / "text")
