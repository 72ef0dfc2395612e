"""U1, U4, C13, C14, C20, C21: lists of identities, of types, of licences."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailext.clientid.checkers.mac import MacChecker, read_vendors
from mailext.testing import login_attempt
from mailext.values import ClientIdentity, IdentityStatus, Licence
from tests.clientid.checkers.scenario import START, Scenario, device

# allowlist


@pytest.mark.requirement("U1", "C17")
def test_an_account_can_be_used_from_its_one_device_only() -> None:
    scenario = Scenario("allowlist:mode=enforce")
    scenario.has("ann", "phone", IdentityStatus.APPROVED)
    scenario.has("ann", "laptop", IdentityStatus.OBSERVED)
    scenario.play("""
        0s  ann  192.0.2.1     phone   right  in
        1s  ann  198.51.100.7  phone   right  in
        2s  ann  192.0.2.1     laptop  right  refused
        3s  ann  192.0.2.1     -       right  refused
        4s  ann  192.0.2.1     laptop  wrong  wrong password
        5s  ben  192.0.2.1     laptop  right  in
    """)


@pytest.mark.requirement("U1")
def test_accounts_without_a_list_can_be_refused() -> None:
    scenario = Scenario("allowlist:mode=enforce:unlisted=refuse:accounts=a*")
    scenario.play("""
        0s  ann  192.0.2.1  phone  right  refused
        1s  ben  192.0.2.1  phone  right  in
    """)
    scenario.has("ann", "phone", IdentityStatus.ENROLLED)
    scenario.play("2s  ann  192.0.2.1  phone  right  in")


# types


@pytest.mark.requirement("C13", "C18")
def test_an_identity_can_be_required() -> None:
    Scenario("types:mode=enforce:absent=refuse").play("""
        0s  ann  192.0.2.1  -          right  refused unheard
        1s  ann  192.0.2.1  X-NEW:abc  right  in
    """)


@pytest.mark.requirement("C13", "C14", "C20")
def test_an_access_list_of_types() -> None:
    """The exact name beats a glob, the longer glob the shorter one."""
    Scenario("types:mode=enforce:accept=uuid,X-*,X-LAB-7:refuse=X-LAB-*").play("""
        0s  ann  192.0.2.1  phone        right  in
        1s  ann  192.0.2.1  X-HOME:abc   right  in
        2s  ann  192.0.2.1  X-LAB-1:abc  right  refused unheard
        3s  ann  192.0.2.1  X-LAB-7:abc  right  in
        4s  ann  192.0.2.1  MAC:abc      right  refused unheard
        5s  ann  192.0.2.1  -            right  in
    """)


@pytest.mark.requirement("C14", "C20")
def test_a_type_that_nobody_has_heard_of_is_accepted() -> None:
    Scenario("types:mode=enforce:refuse=COOKIE").play("""
        0s  ann  192.0.2.1  X-UNHEARD-OF:abc  right  in
        1s  ann  192.0.2.1  COOKIE:abc        right  refused unheard
    """)


# mac


@pytest.mark.requirement("C21")
@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("08:9e:01:70:f6:46", ""),
        ("089E0170F646", ""),
        ("08-9E-01-70-F6-46", ""),
        ("089e.0170.f646", ""),
        ("08:9e-01:70-f6:46", "not a MAC address"),
        ("08:9e:01:70:f6", "not a MAC address"),
        ("08:9e:01:70:f6:4g", "not a MAC address"),
        ("08:9e:01:70:f6:46:00", "not a MAC address"),
        ("01:00:5e:00:00:fb", "the MAC address of a group"),
        ("ff:ff:ff:ff:ff:ff", "the MAC address of a group"),
        ("02:00:00:00:00:01", "a MAC address that is locally administered"),
        ("da:a1:19:01:02:03", "a MAC address that is locally administered"),
        ("00:00:00:00:00:00", "the MAC address of nobody"),
    ],
)
def test_what_can_be_the_address_of_a_device(token: str, reason: str) -> None:
    scenario = Scenario("mac:mode=enforce")
    scenario.play(f"0s  ann  192.0.2.1  MAC:{token}  right  {'refused unheard' if reason else 'in'}")
    assert [told for _, _, told in scenario.decisions("refuse")] == ([reason] if reason else [])


@given(st.binary(min_size=6, max_size=6), st.sampled_from([":", "-", ""]))
def test_the_two_bits_decide(octets: bytes, separator: str) -> None:
    verdict = MacChecker().checkAttempt(
        login_attempt(ClientIdentity("MAC", octets.hex(separator) if separator else octets.hex()))
    )
    assert verdict.accepted == (not octets[0] & 0b11 and octets != bytes(6))


@pytest.mark.requirement("C21")
@pytest.mark.parametrize(
    "line",
    [
        "08-9E-01   (hex)\t\tSome Vendor",
        "MA-L,089E01,Some Vendor,Somewhere",
        "08:9e:01",
        "089e01\t\t(base 16)",
    ],
)
def test_vendors_of_the_ieees_files(tmp_path: Path, line: str) -> None:
    vendors = tmp_path / "oui.txt"
    vendors.write_text(f"OUI/MA-L  Organization\n\n{line}\nRegistry,Assignment\n")
    Scenario(f"mac:mode=enforce:vendors={vendors}").play("""
        0s  ann  192.0.2.1  MAC:08:9e:01:70:f6:46  right  in
        1s  ann  192.0.2.1  MAC:08:9e:02:70:f6:46  right  refused unheard
        2s  ann  192.0.2.1  phone                  right  in
    """)


def test_a_file_without_vendors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("nothing\n")
    with pytest.raises(ValueError, match="there is no vendor's prefix in it"):
        read_vendors(tmp_path / "empty")
    with pytest.raises(ValueError, match="No such file"):
        read_vendors(tmp_path / "none")


# licence


@pytest.mark.requirement("U4")
def test_a_licence_is_required() -> None:
    """Four keys: free, ann's, of last year, taken back."""
    scenario = Scenario("licence:mode=enforce:types=LICENSE")
    for key, licence in {
        "free": Licence("1" * 16, "LICENSE", None, "", 0.0),
        "anns": Licence("2" * 16, "LICENSE", "ann", "", 0.0),
        "hours": Licence("3" * 16, "LICENSE", None, "", START + 3600, START + 7200),
        "back": Licence("4" * 16, "LICENSE", None, "", 0.0, revoked=True),
    }.items():
        scenario.services.licences.put(device(f"LICENSE:{key}"), licence)
    scenario.play("""
        0s    ann  192.0.2.1  LICENSE:free   right  in
        1s    ann  192.0.2.1  LICENSE:anns   right  in
        2s    ben  192.0.2.1  LICENSE:free   right  in
        3s    ben  192.0.2.1  LICENSE:anns   right  refused unheard
        4s    ann  192.0.2.1  LICENSE:back   right  refused unheard
        5s    ann  192.0.2.1  LICENSE:other  right  refused unheard
        6s    ann  192.0.2.1  phone          right  refused unheard
        7s    ann  192.0.2.1  -              right  refused unheard
        59m   ann  192.0.2.1  LICENSE:hours  right  refused unheard
        60m   ann  192.0.2.1  LICENSE:hours  right  in
        120m  ann  192.0.2.1  LICENSE:hours  right  refused unheard
        121m  ann  192.0.2.1  LICENSE:free   wrong  wrong password
    """)
    used = scenario.services.licences.find(device("LICENSE:hours")).result.last_used
    assert used == START + 3600
