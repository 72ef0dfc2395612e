"""U6: limits by identity, and by address only where there is none."""

from __future__ import annotations

import pytest

from mailext.values import IdentityStatus
from tests.clientid.checkers.scenario import Scenario


@pytest.mark.requirement("U6")
def test_one_device_behind_an_address_is_limited_and_the_others_are_not() -> None:
    Scenario("rate:mode=enforce:identity=2/1m:account=none").play("""
        0s   ann  192.0.2.1     phone   right  in
        1s   ann  192.0.2.1     phone   right  in
        2s   ann  192.0.2.1     phone   right  refused unheard
        3s   ann  198.51.100.7  phone   right  refused unheard
        4s   ben  192.0.2.1     tablet  right  in
        5s   ann  192.0.2.1     laptop  right  in
        60s  ann  192.0.2.1     phone   right  refused unheard
        91s  ann  192.0.2.1     phone   right  in
    """)


@pytest.mark.requirement("U6")
def test_addresses_are_limited_where_no_identity_is_given() -> None:
    """Of IPv6 it is the customer's network that counts."""
    Scenario("rate:mode=enforce:address=2/1m").play("""
        0s  ann  192.0.2.1             phone  right  in
        0s  ann  192.0.2.1             -      right  in
        1s  ben  192.0.2.1             -      wrong  wrong password
        2s  ben  192.0.2.1             -      right  refused unheard
        3s  ben  192.0.2.2             -      right  in
        4s  ben  192.0.2.1             phone  right  in
        5s  ann  2001:db8:0:1::1       -      right  in
        6s  ann  2001:db8:0:2::1       -      right  in
        7s  ann  2001:db8:0:3:ffff::1  -      right  refused unheard
        8s  ann  2001:db8:1::1         -      right  in
    """)


@pytest.mark.requirement("U6")
def test_strangers_do_not_lock_the_holder_of_an_account_out() -> None:
    scenario = Scenario("rate:mode=enforce:account=3/1h")
    scenario.has("ann", "phone", IdentityStatus.OBSERVED)
    scenario.play("""
        0s  ann  198.51.100.1  -       wrong  wrong password
        1s  ann  198.51.100.2  bot-1   wrong  wrong password
        2s  ann  198.51.100.3  bot-2   wrong  wrong password
        3s  ann  198.51.100.4  bot-3   wrong  refused unheard
        4s  ann  192.0.2.1     tablet  right  refused unheard
        5s  ann  192.0.2.1     phone   right  in
        6s  ann  192.0.2.1     phone   right  in
        7s  ben  198.51.100.4  bot-3   wrong  wrong password
    """)


@pytest.mark.requirement("U6")
def test_sessions_at_a_time_are_limited_by_device_and_not_by_address() -> None:
    scenario = Scenario("rate:mode=enforce:identity-sessions=2:account-sessions=none")
    scenario.play("""
        0s  ann  192.0.2.1  phone   right  in
        1s  ann  192.0.2.1  phone   right  in
        2s  ann  192.0.2.1  phone   right  refused unheard
        3s  ann  192.0.2.1  tablet  right  in
    """)
    scenario.leave("ann", "phone")
    scenario.play("4s  ann  192.0.2.1  phone  right  in")
    scenario.leave("ann", "phone")
    scenario.leave("ann", "phone")
    scenario.leave("ann", "tablet")
    assert scenario.services.counters._sessions == {}


@pytest.mark.requirement("U6")
def test_sessions_of_an_account_and_of_an_address() -> None:
    scenario = Scenario("rate:mode=enforce:account-sessions=1:address-sessions=1")
    scenario.play("""
        0s  ann  192.0.2.1  -       right  in
        1s  ben  192.0.2.1  -       right  refused unheard
        2s  ann  192.0.2.2  -       right  refused unheard
        3s  ann  192.0.2.2  tablet  right  refused unheard
    """)
    scenario.leave("ann", "-")
    scenario.play("""
        4s  ann  192.0.2.2  tablet  right  in
        5s  ann  192.0.2.2  tablet  right  in
    """)


def test_a_second_mechanism_with_the_same_password_counts_once() -> None:
    scenario = Scenario("rate:mode=enforce:identity=2/1h")
    scenario.login("ann", what="phone", password="wrong")
    scenario.login("ann", what="phone", password="wrong", repeated=True)
    assert scenario.login("ann", what="phone") == "in"
    assert scenario.login("ann", what="phone") == "refused unheard"
