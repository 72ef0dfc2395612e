"""The flags of identity types (C23)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailext.clientid.dispositions import Disposition, Dispositions
from mailext.values import ClientIdentity

pytestmark = pytest.mark.requirement("C23")

TYPES = st.text("ABCXYZabc019-", min_size=1, max_size=16)


def test_by_default_types_are_logged_and_used() -> None:
    assert Dispositions().of("UUID") == {Disposition.SYSTEM_LOG, Disposition.AUTHENTICATE}


@pytest.mark.requirement("C20")
@given(TYPES)
def test_no_type_is_unknown(identity_type: str) -> None:
    assert Dispositions({"MAC": {Disposition.IGNORE}}).of(identity_type)


@pytest.mark.parametrize(
    ("identity_type", "flag"),
    [
        ("TB-UUID", "debug"),
        ("tb-uuid", "debug"),
        ("TB-OTHER", "alert-failure"),
        ("TBX", "user-log"),
        ("UUID", "system-log"),
        ("MAC", "ignore"),
        ("MACS", "system-log"),
    ],
)
def test_exact_beats_glob_and_the_longer_glob_the_shorter(identity_type: str, flag: str) -> None:
    dispositions = Dispositions.from_names(
        {
            "*": ["system-log"],
            "tb*": ["user-log"],
            "TB-*": ["alert-failure"],
            "tb-uuid": ["debug"],
            "MA?": ["ignore"],
        }
    )
    assert dispositions.of(identity_type) == {Disposition(flag)}


def test_of_globs_of_one_length_the_first_holds() -> None:
    assert Dispositions.from_names({"A*": ["debug"], "*B": ["ignore"]}).of("AB") == {Disposition.DEBUG}


@pytest.mark.parametrize(
    ("flags", "authenticates", "is_logged"),
    [
        (["ignore"], False, False),
        (["debug"], False, False),
        (["system-log"], False, True),
        (["user-log"], False, False),
        (["authenticate"], True, False),
        (["alert-failure"], False, True),
        (["alert-success"], False, True),
        (["system-log", "user-log", "authenticate", "alert-failure", "alert-success"], True, True),
    ],
)
def test_who_gets_to_see_an_identity(flags: list[str], authenticates: bool, is_logged: bool) -> None:
    identity = ClientIdentity("UUID", "0123")
    dispositions = Dispositions.from_names({"UUID": flags})
    assert dispositions.for_authentication(identity) == (identity if authenticates else None)
    assert dispositions.for_log(identity) == (identity if is_logged else None)


def test_no_identity_stays_none() -> None:
    assert Dispositions().for_authentication(None) is None
    assert Dispositions().for_log(None) is None


@pytest.mark.parametrize(
    ("types", "reason"),
    [
        ({"UUID": ["ignore", "system-log"]}, "UUID: 'ignore' cannot stand beside other flags"),
        ({"UUID": ["authenticate", "debug"]}, "UUID: 'debug' cannot stand beside other flags"),
        ({"*": ["ignore", "debug"]}, "*: 'ignore' and 'debug' cannot stand beside other flags"),
        ({"UUID": []}, "UUID: no flags; a type that is to be disregarded has 'ignore'"),
        ({"UUID": ["ignore"], "uuid": ["debug"]}, "uuid: this type is given twice"),
        (
            {"DEVICE_ID": ["ignore"]},
            "'DEVICE_ID' matches no identity type: types have letters, digits and '-'",
        ),
        ({"": ["ignore"]}, "'' matches no identity type: types have letters, digits and '-'"),
        (
            {"UUID": ["log"]},
            f"UUID: unknown flag 'log'; known: {', '.join(Disposition)}",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_reason(types: dict[str, list[str]], reason: str) -> None:
    with pytest.raises(ValueError) as refusal:
        Dispositions.from_names(types)
    assert str(refusal.value) == reason
