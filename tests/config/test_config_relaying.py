"""What [relay] means."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from dns.rdatatype import RdataType

from mailext.config.model import Configuration, Destination, Relay, Smarthost, SmarthostTls
from mailext.config.relaying import (
    client_settings,
    next_hop,
    pool_settings,
    relay_name_servers,
    routing_settings,
)
from mailext.config.validation import resolver_remarks
from mailext.private_files import secret_from
from mailext.routing.settings import ConfiguredHost
from mailext.testing.dns import DnsRecords
from mailext.units import parse_duration
from mailext.values import DnsStatus, RequireTlsMode, Security, TlsLevel
from tests.name_server import name_server

CONFIGURATION = Configuration(hostname="mx.example.org", domains=("example.org",))


def with_relay(**changes: object) -> Configuration:
    return evolve(CONFIGURATION, relay=evolve(Relay(), **changes))


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("secret\nmore\n")
    file.chmod(0o640)
    return file


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Mail.Example.NET", ConfiguredHost("mail.example.net", 25)),
        ("mail.example.net:2525", ConfiguredHost("mail.example.net", 2525)),
        ("192.0.2.1:26", ConfiguredHost("192.0.2.1", 26)),
        ("[2001:db8::1]", ConfiguredHost("2001:db8::1", 25)),
        ("[2001:db8::1]:26", ConfiguredHost("2001:db8::1", 26)),
    ],
)
def test_a_next_hop(text: str, host: ConfiguredHost) -> None:
    assert next_hop(text, 25) == host


@pytest.mark.parametrize("text", ["", ":25", "mail.example.net:", "mail.example.net:0", "h:70000", "a b:25"])
def test_no_next_hop(text: str) -> None:
    with pytest.raises(ValueError):
        next_hop(text, 25)


def test_a_password_is_the_first_line_of_its_file(password_file: Path) -> None:
    assert secret_from(password_file) == "secret"


def test_a_password_that_everybody_may_read_is_refused(password_file: Path) -> None:
    password_file.chmod(0o644)
    with pytest.raises(ValueError, match="everybody may read it"):
        secret_from(password_file)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"\nsecret", "nothing in its first line"), (b"\xff", "not UTF-8")]
)
def test_a_file_without_a_secret(password_file: Path, content: bytes, reason: str) -> None:
    password_file.write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        secret_from(password_file)


def test_a_password_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        secret_from(tmp_path / "password")


def test_a_smarthost_is_logged_in_at_only_where_tls_has_authenticated_it(password_file: Path) -> None:
    said = Smarthost(
        host="smart.example", tls=SmarthostTls.IMPLICIT, username="ann", password_file=password_file
    )
    configuration = with_relay(smarthost=said)
    credentials = client_settings(configuration).credentials
    assert credentials is not None
    assert (credentials.username, credentials.password) == ("ann", "secret")
    assert credentials.needs is TlsLevel.AUTHENTICATED
    settings = routing_settings(configuration, [])
    assert settings.smarthost == ConfiguredHost("smart.example", 587, implicit_tls=True, authenticate=True)
    assert settings.smarthost_security is Security.VERIFY


def test_nobody_is_logged_in_at_without_a_user_name() -> None:
    configuration = with_relay(smarthost=Smarthost(host="smart.example"))
    assert client_settings(configuration).credentials is None
    assert routing_settings(configuration, []).smarthost == ConfiguredHost("smart.example", 587)


def test_a_destination_says_of_requiretls_what_the_relay_says_unless_it_says_otherwise() -> None:
    configuration = with_relay(
        requiretls=RequireTlsMode.OPPORTUNISTIC,
        destinations={
            "Example.NET": Destination(next_hop="mail.example.net"),
            "example.com": Destination(security=Security.DANE, requiretls=RequireTlsMode.ENFORCE),
        },
    )
    destinations = routing_settings(configuration, []).destinations
    assert destinations["example.net"].requiretls is RequireTlsMode.OPPORTUNISTIC
    assert destinations["example.net"].next_hop == ConfiguredHost("mail.example.net", 25)
    assert destinations["example.com"].requiretls is RequireTlsMode.ENFORCE
    assert destinations["example.com"].security is Security.DANE


def test_what_leads_back_here() -> None:
    settings = routing_settings(CONFIGURATION, ["192.0.2.1"])
    assert settings.own_names == {"mx.example.org"}
    assert settings.own_addresses == {"192.0.2.1"}


def test_the_resolvers() -> None:
    servers = relay_name_servers(Relay(resolver=("127.0.0.1", "192.0.2.1:5353"), trust_resolver=False))
    assert [(each.address, each.port, each.trusted) for each in servers] == [
        ("127.0.0.1", 53, True),
        ("192.0.2.1", 5353, False),
    ]


@pytest.mark.parametrize(
    ("status", "remark"),
    [(DnsStatus.SECURE, None), (DnsStatus.INSECURE, "127.0.0.1 DOES NOT VALIDATE DNSSEC")],
)
def test_a_resolver_that_does_not_validate_is_remarked(status: DnsStatus, remark: str | None) -> None:
    records = DnsRecords()
    records.add(".", RdataType.SOA.name, "a.root. b.root. 1 2 3 4 5", status=status)
    with name_server(records) as server:
        remarks = list(resolver_remarks(Relay(resolver=(server.place,))))
    if remark is None:
        assert remarks == []
    else:
        [(path, reason)] = remarks
        assert path == ("relay", "resolver", 0)
        assert reason.startswith(remark)


def test_a_resolver_that_refuses_is_remarked() -> None:
    with name_server(DnsRecords()) as server:
        place = server.place
    [(_, reason)] = resolver_remarks(Relay(resolver=(place,)))
    assert "is not fit to be asked" in reason


def test_what_a_next_hop_sees_of_us_at_most() -> None:
    relay = Relay(connections_per_host=3, pace=parse_duration("500ms"))
    settings = pool_settings(relay)
    assert (settings.concurrency, settings.interval) == (3, 0.5)
