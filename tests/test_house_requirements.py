"""The tests of the tests: every rule is proved, or stands in the one list of those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import requirement_ids

ROOT = Path(__file__).parents[1]
STATED = requirement_ids.stated((ROOT / "docs/reference/requirements.rst").read_text("utf-8"))
UNPROVED = requirement_ids.unproved((ROOT / "tests/unproved_requirements.txt").read_text("utf-8"))
CLAIMED = requirement_ids.claimed_in(ROOT / "tests")


def test_the_tables_state_every_rule_once() -> None:
    series = {"C": 24, "U": 12, "R": 25}
    numbered = [f"{letter}{n}" for letter in "CUR" for n in range(1, series[letter] + 1)]
    assert numbered == STATED


def test_tests_name_known_rules_only() -> None:
    unknown = {name: paths for name, paths in CLAIMED.items() if name not in STATED}
    assert unknown == {}


def test_every_rule_is_proved_or_listed_as_unproved() -> None:
    assert [name for name in STATED if name not in CLAIMED and name not in UNPROVED] == []


def test_the_list_of_unproved_rules_holds_no_other() -> None:
    assert [name for name in UNPROVED if name not in STATED or name in CLAIMED] == []
    assert len(set(UNPROVED)) == len(UNPROVED)


def test_marks_are_found_wherever_they_stand() -> None:
    source = """
pytestmark = pytest.mark.requirement("C1")

@pytest.mark.requirement("C2", "R3")
def test_one(): ...

@pytest.mark.parametrize("line", [pytest.param(b"", marks=pytest.mark.requirement("U4"))])
def test_two(line): ...
"""
    assert sorted(requirement_ids.claimed(source)) == ["C1", "C2", "R3", "U4"]


def test_an_id_that_cannot_be_read_from_the_source_is_an_error() -> None:
    with pytest.raises(TypeError, match="line 1: name is not a literal id"):
        list(requirement_ids.claimed("pytest.mark.requirement(name)"))


def test_every_rule_has_words_and_the_tests_that_prove_it() -> None:
    rules = requirement_ids.rules((ROOT / "docs/reference/requirements.rst").read_text("utf-8"))
    assert list(rules) == STATED
    assert rules["R8"] == "aliases and forwards: every copy carries the same tag"
    proofs = requirement_ids.proofs_in(ROOT / "tests")
    assert proofs.keys() == CLAIMED.keys()
    assert all(tests for files in proofs.values() for tests in files.values())
    assert "test_every_copy_has_the_demand" in proofs["R8"]["relay/test_relay_local.py"]
