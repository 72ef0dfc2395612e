"""What becomes of mail that goes elsewhere, end to end through the real server."""

from __future__ import annotations

import pytest

from tests.relay import scenarios
from tests.relay.scenario import check, each_of
from tests.relay.site import RelaySite


@pytest.mark.requirement("R9")
@each_of(scenarios.ROUTES)
def test_routes(site: RelaySite, line: str) -> None:
    check(site, line)


@each_of(scenarios.HOSTS)
def test_hosts(site: RelaySite, line: str) -> None:
    check(site, line)


@each_of(scenarios.OPPORTUNISTIC)
def test_opportunistic_tls(site: RelaySite, line: str) -> None:
    check(site, line)


@pytest.mark.requirement("R10", "R11", "R12", "R14", "R15", "R16", "R17", "R22", "R23")
@each_of(scenarios.REQUIRED)
def test_requiretls(site: RelaySite, line: str) -> None:
    check(site, line)


@pytest.mark.requirement("R13")
@each_of(scenarios.STRONG)
def test_strong_tls_alone(site: RelaySite, line: str) -> None:
    check(site, line)


@pytest.mark.requirement("R17", "R24")
@each_of(scenarios.NULL_REVERSE_PATH)
def test_the_null_reverse_path(site: RelaySite, line: str) -> None:
    check(site, line)


@pytest.mark.requirement("R18", "R19")
@each_of(scenarios.OPTIONAL)
def test_tls_is_optional(site: RelaySite, line: str) -> None:
    check(site, line)


@pytest.mark.requirement("R10", "R11", "R14", "R15", "R18")
@each_of(scenarios.DANE)
def test_dane(site: RelaySite, line: str) -> None:
    check(site, line)


@each_of(scenarios.NOTIFICATIONS)
def test_delivery_status_notifications(site: RelaySite, line: str) -> None:
    check(site, line)


@pytest.mark.requirement("R10", "R11", "R12", "R16")
@each_of(scenarios.SETTINGS)
def test_settings_of_a_destination(site: RelaySite, line: str) -> None:
    check(site, line)
