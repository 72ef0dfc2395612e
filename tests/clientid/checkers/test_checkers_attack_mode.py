"""U9, U10: under attack, known devices alone."""

from __future__ import annotations

import pytest

from mailext.clientid.attack import AttackScope, ScopeKind, mode_by_hand
from mailext.testing import login_attempt
from mailext.values import AttackMode, IdentityStatus
from tests.clientid.checkers.scenario import Scenario


def by_hand(scenario: Scenario, scope: str, mode: AttackMode) -> None:
    scenario.services.counters.setAttackMode(scope, mode)


@pytest.mark.requirement("U9")
def test_by_hand_only_for_clients_with_an_identity() -> None:
    scenario = Scenario("attack-mode:mode=enforce:require=identity")
    scenario.play("0s  ann  192.0.2.1  -  right  in")
    by_hand(scenario, "global", AttackMode.ON)
    scenario.play("""
        0s  ann  192.0.2.1  -    right  refused unheard
        1s  ann  192.0.2.1  new  right  in
        2s  ann  192.0.2.1  bot  wrong  wrong password
    """)
    by_hand(scenario, "global", AttackMode.AUTO)
    scenario.play("0s  ann  192.0.2.1  -  right  in")


@pytest.mark.requirement("U10")
def test_by_hand_only_for_devices_that_the_account_knows() -> None:
    scenario = Scenario("attack-mode:mode=enforce")
    scenario.has("ann", "phone", IdentityStatus.OBSERVED)
    scenario.has("ann", "tablet", IdentityStatus.REVOKED)
    scenario.has("ann", "laptop", IdentityStatus.PENDING)
    by_hand(scenario, "global", AttackMode.ON)
    scenario.play("""
        0s  ann  192.0.2.1  phone   right  in
        1s  ann  192.0.2.1  -       right  refused unheard
        2s  ann  192.0.2.1  new     right  refused unheard
        3s  ann  192.0.2.1  tablet  right  refused unheard
        4s  ann  192.0.2.1  laptop  right  refused unheard
        5s  ben  192.0.2.1  phone   right  refused unheard
        6s  ann  192.0.2.1  phone   wrong  wrong password
    """)


@pytest.mark.requirement("U9", "U10")
def test_it_begins_by_failures_and_ends_when_it_was_calm_for_a_while() -> None:
    """Three failures in a minute begin it, two in a minute keep it going, five calm minutes end it."""
    scenario = Scenario("attack-mode:mode=enforce:begins=3/1m:goes-on=2:calm=5m")
    scenario.has("ann", "phone", IdentityStatus.OBSERVED)
    scenario.play("""
        0s    ann  198.51.100.1  -      wrong  wrong password
        1s    ben  198.51.100.2  bot    wrong  wrong password
        2s    cho  192.0.2.7     -      right  in
        3s    cho  198.51.100.3  -      wrong  wrong password
        4s    cho  192.0.2.7     -      right  refused unheard
        5s    ann  192.0.2.1     phone  right  in
        120s  ben  198.51.100.2  -      wrong  refused unheard
        121s  ben  198.51.100.2  -      wrong  refused unheard
        420s  cho  192.0.2.7     -      right  refused unheard
        421s  cho  192.0.2.7     -      right  in
    """)
    assert scenario.decisions("alert") == [
        ("attack-mode", "cho", "an attack begins: 3 failed logins, global")
    ]


@pytest.mark.requirement("U10")
@pytest.mark.parametrize(
    ("scope", "who", "where"),
    [("account", "ben", "198.51.100.1"), ("network", "ann", "192.0.2.7"), ("listener", "", "")],
)
def test_it_can_be_of_one_account_network_or_listener(scope: str, who: str, where: str) -> None:
    scenario = Scenario(f"attack-mode:mode=enforce:scope={scope}:begins=2/1m:goes-on=1")
    scenario.play("""
        0s  ann  198.51.100.1  -  wrong  wrong password
        1s  ann  198.51.100.9  -  wrong  wrong password
        2s  ann  198.51.100.8  -  right  refused unheard
    """)
    if who:
        scenario.play(f"3s  {who}  {where}  -  right  in")


def test_by_hand_off_beats_an_alarm() -> None:
    scenario = Scenario("attack-mode:mode=enforce:begins=1/1m:goes-on=1")
    by_hand(scenario, "account/ann", AttackMode.OFF)
    scenario.play("""
        0s  ann  198.51.100.1  -  wrong  wrong password
        1s  ann  198.51.100.1  -  right  in
        2s  ben  198.51.100.1  -  right  refused unheard
    """)


def test_observing_raises_the_alarm_and_refuses_nobody() -> None:
    scenario = Scenario("attack-mode:begins=1/1m:goes-on=1")
    scenario.play("""
        0s  ann  198.51.100.1  -  wrong  wrong password
        1s  ann  198.51.100.1  -  right  in
    """)
    assert [checker for checker, _, _ in scenario.decisions("would-refuse")] == ["attack-mode"]


@pytest.mark.parametrize(
    ("modes", "holds"),
    [
        ({}, AttackMode.AUTO),
        ({"global": AttackMode.ON}, AttackMode.ON),
        ({"global": AttackMode.ON, "listener/submission": AttackMode.OFF}, AttackMode.OFF),
        ({"listener/submissions": AttackMode.ON}, AttackMode.AUTO),
        ({"listener/submission": AttackMode.OFF, "account/ann@example.org": AttackMode.ON}, AttackMode.ON),
        ({"account/ann@example.org": AttackMode.OFF, "network/192.0.0.0/16": AttackMode.ON}, AttackMode.ON),
        ({"network/192.0.2.1/32": AttackMode.OFF, "network/192.0.0.0/16": AttackMode.ON}, AttackMode.OFF),
        ({"network/2001:db8::/32": AttackMode.ON}, AttackMode.AUTO),
    ],
)
def test_the_narrowest_setting_holds(modes, holds) -> None:
    assert mode_by_hand(modes, login_attempt()) is holds


def test_scopes_are_spelled_and_read() -> None:
    for scope in (
        AttackScope(ScopeKind.GLOBAL),
        AttackScope(ScopeKind.LISTENER, "submission"),
        AttackScope(ScopeKind.ACCOUNT, "a/b@example.org"),
        AttackScope.of_network("192.0.2.77/24"),
    ):
        assert AttackScope.parse(str(scope)) == scope
    assert str(AttackScope.of_network("192.0.2.77")) == "network/192.0.2.77/32"
    with pytest.raises(ValueError):
        AttackScope.parse("planet/mars")
    with pytest.raises(ValueError):
        AttackScope.of_network("everywhere")
