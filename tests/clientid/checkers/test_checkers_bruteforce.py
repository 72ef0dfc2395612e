"""U7: local and distributed guessing."""

from __future__ import annotations

import pytest

from mailext.values import IdentityStatus
from tests.clientid.checkers.scenario import Scenario

_HIGH = "identity=99/1h:address=99/1h:account=99/1h:identity-accounts=99/1h:address-accounts=99/1h"


def scenario_with(limit: str) -> Scenario:
    key = limit.partition("=")[0]
    others = ":".join(each for each in _HIGH.split(":") if each.partition("=")[0] != key)
    scenario = Scenario(f"bruteforce:mode=enforce:{limit}:{others}")
    scenario.has("ann", "phone", IdentityStatus.OBSERVED)
    scenario.has("ben", "tablet", IdentityStatus.APPROVED)
    return scenario


@pytest.mark.requirement("U7", "U6")
def test_local_by_address_and_known_devices_behind_it_go_on() -> None:
    scenario = scenario_with("address=2/15m")
    scenario.play("""
        0s   ann  192.0.2.1  -       wrong  wrong password
        1s   ann  192.0.2.1  bot     wrong  wrong password
        2s   ann  192.0.2.1  -       right  refused unheard
        3s   ben  192.0.2.1  other   right  refused unheard
        4s   ann  192.0.2.1  phone   right  in
        5s   ben  192.0.2.1  tablet  right  in
        6s   ben  192.0.2.2  other   right  in
        31m  ann  192.0.2.1  -       right  in
    """)
    assert scenario.decisions("refuse")[0] == (
        "bruteforce",
        "ann",
        "local attack: 2 failures from one address",
    )


@pytest.mark.requirement("U7")
def test_local_by_identity_whatever_its_addresses() -> None:
    scenario_with("identity=2/15m").play("""
        0s  ann  192.0.2.1  bot    wrong  wrong password
        1s  ben  192.0.2.2  bot    wrong  wrong password
        2s  cho  192.0.2.3  bot    right  refused unheard
        3s  cho  192.0.2.1  other  right  in
        4s  ann  192.0.2.9  phone  wrong  wrong password
        5s  ann  192.0.2.9  phone  wrong  wrong password
        6s  ann  192.0.2.9  phone  right  refused unheard
    """)


@pytest.mark.requirement("U7", "U6")
def test_distributed_many_sources_on_one_account() -> None:
    scenario = scenario_with("account=3/1h")
    scenario.play("""
        0s  ann  198.51.100.1  -      wrong  wrong password
        1s  ann  198.51.100.2  bot-2  wrong  wrong password
        2s  ann  198.51.100.3  bot-3  wrong  wrong password
        3s  ann  198.51.100.4  -      right  refused unheard
        4s  ann  198.51.100.5  bot-5  right  refused unheard
        5s  ann  192.0.2.1     phone  wrong  wrong password
        6s  ann  192.0.2.1     phone  right  in
        7s  ben  198.51.100.4  -      right  in
    """)
    reason = "distributed attack: 3 failures of strangers at one account"
    assert scenario.decisions("refuse")[0] == ("bruteforce", "ann", reason)


@pytest.mark.requirement("U7")
@pytest.mark.parametrize(
    ("limit", "what"), [("address-accounts=3/1h", "-"), ("identity-accounts=3/1h", "bot")]
)
def test_one_source_on_many_accounts(limit: str, what: str) -> None:
    """A few passwords everywhere: three accounts, one failure each."""
    scenario = scenario_with(limit)
    scenario.play(f"""
        0s  ann  198.51.100.1  {what}   wrong  wrong password
        1s  ann  198.51.100.1  {what}   wrong  wrong password
        2s  ben  198.51.100.1  {what}   wrong  wrong password
        3s  cho  198.51.100.1  {what}   wrong  wrong password
        4s  dev  198.51.100.1  {what}   right  refused unheard
        5s  dev  198.51.100.2  laptop   right  in
    """)
    kind = limit.partition("-")[0]
    assert scenario.decisions("refuse") == [("bruteforce", "dev", f"one {kind} failed at 3 accounts")]


@pytest.mark.requirement("U7")
def test_only_failures_count_and_a_second_mechanism_is_none() -> None:
    scenario = scenario_with("identity=2/1h")
    scenario.play("0s  ann  192.0.2.1  phone  right  in\n" * 5)
    scenario.login("ann", what="phone", password="wrong")
    scenario.login("ann", what="phone", password="wrong", repeated=True)
    assert scenario.login("ann", what="phone") == "in"


@pytest.mark.requirement("U12")
@pytest.mark.parametrize(
    ("victims", "where"),
    [(["ann", "ann", "ann"], "at one account"), (["ben", "cho", "dev"], "from one network")],
)
def test_who_makes_up_an_identity_for_each_guess_shows_himself(victims: list[str], where: str) -> None:
    scenario = scenario_with("forged=3/1h")
    scenario.play("0s  ann  198.51.100.1  phone  right  in")
    for number, victim in enumerate(victims):
        assert scenario.login(victim, f"198.51.100.{number}", f"forged-{number}", "wrong") == "wrong password"
    scenario.play("""
        1s   ann  198.51.100.9  forged-9  right  refused unheard
        2s   ann  198.51.100.1  phone     right  in
        3s   eve  192.0.2.1     laptop    right  in
        90m  ann  198.51.100.9  laptop    right  in
    """)
    assert scenario.decisions("refuse") == [("bruteforce", "ann", f"forged: 3 strange identities {where}")]


@pytest.mark.requirement("U12")
def test_a_network_of_forgers_does_not_lock_out_who_presents_nothing() -> None:
    scenario = scenario_with("forged=3/1h")
    for number in range(5):
        scenario.login("ben", f"198.51.100.{number}", f"forged-{number}", "wrong")
    scenario.play("""
        0s  ann  198.51.100.9  -  right  in
        1s  ben  198.51.100.9  -  right  refused unheard
    """)


def test_what_it_counts_holds_no_password_and_no_token() -> None:
    scenario = scenario_with("identity=2/1h")
    scenario.login("ann", what="phone", password="hunter2")
    kept = repr((scenario.services.counters._events, scenario.services.counters._members))
    assert "hunter2" not in kept
    assert "the-secret-of-the-phone" not in kept
