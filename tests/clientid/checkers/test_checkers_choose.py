"""U5: other policies for clients with an identity than for those without."""

from __future__ import annotations

import pytest

from mailext.plugins import make_checker
from mailext.testing import CheckerContract
from tests.clientid.checkers.scenario import Scenario


class TestContract(CheckerContract):
    def make_checker(self, services):
        return make_checker(
            r"choose:types=MAC:then=mac\:mode=enforce,shared:otherwise=rate\:mode=enforce,history", services
        )


@pytest.mark.requirement("U5")
def test_clients_without_an_identity_have_less_credit() -> None:
    Scenario(r"choose:otherwise=rate\:mode=enforce\:address=1/1h").play("""
        0s  ann  192.0.2.1  phone  right  in
        1s  ann  192.0.2.1  phone  right  in
        2s  ann  192.0.2.1  -      right  in
        3s  ben  192.0.2.1  -      right  refused unheard
        4s  ben  192.0.2.2  -      right  in
        5s  ben  192.0.2.1  phone  right  in
    """)


@pytest.mark.requirement("U5")
def test_types_have_their_own_checkers_and_one_choice_can_hold_another() -> None:
    scenario = Scenario(
        r"choose:types=MAC:then=mac\:mode=enforce"
        r":otherwise=choose\:types=UUID\:then=history\\\:new=refuse\\\:mode=enforce\:otherwise=types\\\:mode=enforce\\\:absent=refuse"
    )
    scenario.play("""
        0s  ann  192.0.2.1  MAC:08:9e:01:70:f6:46  right  in
        1s  ann  192.0.2.1  MAC:02:9e:01:70:f6:46  right  refused unheard
        2s  ann  192.0.2.1  phone                  right  refused
        3s  ann  192.0.2.1  -                      right  refused unheard
        4s  ann  192.0.2.1  X-OTHER:abc            right  in
    """)
    assert [checker for checker, _, _ in scenario.decisions("refuse")] == ["mac", "history", "types"]


def test_of_the_chosen_ones_the_first_refusal_wins_and_the_modes_are_their_own() -> None:
    scenario = Scenario(r"choose:then=history,types\:mode=enforce\:refuse=UUID,mac")
    scenario.play("0s  ann  192.0.2.1  phone  right  refused unheard")
    assert scenario.decisions("refuse") == [("types", "ann", "the identity type UUID is not accepted")]
    assert scenario.decisions("would-refuse") == []
