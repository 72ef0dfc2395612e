"""
What the holder of an account gets to know, and what a revocation does, end to
end against the real server.
"""

from __future__ import annotations

import json
import smtplib

import pytest

from tests.black_box import eventually
from tests.clientid_use.conftest import MakeSite
from tests.clientid_use.devices import Site, send

_FLAGGED = """
[clientid.types]
"*" = ["system-log", "authenticate"]
"UUID" = ["user-log", "authenticate", "alert-failure", "alert-success"]
"X-SECRET" = ["ignore"]
"X-PROBE" = ["debug"]
[identities]
user-log = "logs"
"""


def logins(mail: Site, *options: str, who: str = "ann") -> list[dict[str, object]]:
    return json.loads(mail.server.run("--json", "identity", "log", who, *options).stdout)


@pytest.mark.requirement("C23", "C24")
def test_ann_reads_who_has_used_her_account(site: MakeSite) -> None:
    mail = site("history", more=_FLAGGED)
    mail.play("""
        ann  127.0.0.1  phone        right  235
        ann  127.0.0.2  phone        right  235
        ann  127.0.0.9  thief        wrong  535
        ann  127.0.0.1  MAC:02005E005301  right  235
        ann  127.0.0.1  X-SECRET:unheard  right  235
        ann  127.0.0.1  X-PROBE:unseen-of  right  235
        ann  127.0.0.1  -            right  235
    """)
    hers = eventually(lambda: (found := logins(mail)) and len(found) >= 3 and found, "the log")
    assert {(each["type"], each["outcome"], each["address"]) for each in hers} == {
        ("UUID", "bad-credentials", "127.0.0.9"),
        ("UUID", "success", "127.0.0.2"),
        ("UUID", "success", "127.0.0.1"),
    }
    # What is ignored, or for debugging alone, is nowhere.
    assert {each["type"] for each in logins(mail, "--all")} == {"UUID", "MAC", ""}
    file = mail.server.folder / "logs/example.org/ann.log"
    assert {line.split()[1] for line in file.read_text().splitlines()} == {"success", "bad-credentials"}
    listed = json.loads(mail.server.run("--json", "identity", "list", "ann").stdout)
    assert sorted(each["type"] for each in listed) == ["MAC", "UUID"]
    phone = next(each for each in listed if each["type"] == "UUID")
    assert (phone["count"], phone["address"]) == (2, "127.0.0.2")

    # One message about the new phone, one about the thief; each of six logins
    # has sent two messages of its own.
    got = mail.server.wait_for_messages(12 + 2)
    alerts = [each for each in got if b"Auto-Submitted: auto-generated" in each]
    assert sorted(b"A new device has logged in" in each for each in alerts) == [False, True]
    assert all(b"Return-Path: <>" in each for each in alerts)


@pytest.mark.requirement("C16")
def test_a_revocation_holds_at_once_whatever_the_checkers(site: MakeSite) -> None:
    mail = site()
    client = mail.connect()
    mail.present(client, "phone")
    mail.log_in(client, "ann")
    ((phone, _),) = eventually(lambda: mail.identities("ann"), "the phone").items()
    mail.server.run("identity", "revoke", "ann", phone[:8])
    with pytest.raises(smtplib.SMTPException):
        send(client, "ann@example.org", "too late")
    mail.play("""
        ann  127.0.0.1  phone   right  535
        ann  127.0.0.1  laptop  right  235
        ben  127.0.0.1  phone   right  235
    """)
    mail.server.run("identity", "approve", "ann", phone)
    mail.play("ann  127.0.0.1  phone  right  235")
    mail.server.run("identity", "revoke", "ann", phone, "--for", "1ms")
    mail.play("ann  127.0.0.1  phone  right  235")


@pytest.mark.requirement("U12")
def test_forged_devices_are_not_anns(site: MakeSite) -> None:
    mail = site("history")
    mail.play("ann  127.0.0.1  phone  right  235")
    for number in range(8):
        assert mail.attempt("ann", "127.0.0.9", f"forged-{number}", "wrong") == 535
    eventually(lambda: len(logins(mail, "--all")) >= 9, "the log")
    assert len(mail.identities("ann")) == 1


@pytest.mark.requirement("U12")
def test_who_forges_a_device_for_each_guess_is_recognised(site: MakeSite) -> None:
    mail = site("bruteforce:mode=enforce:forged=3/1h")
    mail.play("""
        ann  127.0.0.1  phone     right   235
        ben  127.0.0.9  forged-1  guess1  535
        cho  127.0.0.9  forged-2  guess1  535
        dev  127.0.0.8  forged-3  guess1  535
    """)
    eventually(lambda: len(logins(mail, "--all", who="dev")) >= 1, "the log")
    mail.play("""
        ann  127.0.0.7  forged-4  right  535
        ann  127.0.0.1  phone     right  235
        ann  127.0.0.7  -         right  235
    """)
    checker, reason = mail.decisions()[0]
    assert (checker, reason) == ("bruteforce", "forged: 3 strange identities from one network")


@pytest.mark.requirement("U12")
def test_of_an_account_so_many_devices_are_kept(site: MakeSite) -> None:
    mail = site("history", more="[identities]\nper-account = 2\n")
    mail.play("ann  127.0.0.1  phone  right  235")
    ((phone, _),) = mail.identities("ann").items()
    mail.server.run("identity", "approve", "ann", phone)
    for number in range(4):
        assert mail.attempt("ann", "127.0.0.1", f"throw-away-{number}") == 235
    assert len(mail.identities("ann")) == 2
    assert mail.identities("ann")[phone] == "approved"


@pytest.mark.requirement("U8")
def test_an_app_password_that_only_anns_phone_can_use(site: MakeSite) -> None:
    mail = site("history")
    made = json.loads(
        mail.server.run("--json", "account", "app-password", "add", "ann", "phone", "--first-device").stdout
    )["password"]
    assert mail.attempt("ann", "127.0.0.1", "-", made) == 535
    assert mail.attempt("ann", "127.0.0.1", "phone", made) == 235
    assert mail.attempt("ann", "127.0.0.9", "thief", made) == 535
    assert mail.attempt("ben", "127.0.0.1", "phone", made) == 535
    mail.play("ann  127.0.0.1  laptop  right  235")
    mail.server.run("account", "app-password", "revoke", "ann", "phone")
    assert mail.attempt("ann", "127.0.0.1", "phone", made) == 535
