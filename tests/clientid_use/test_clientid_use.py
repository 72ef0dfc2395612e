"""
What a device's identity is worth, end to end: each use of
draft-storey-smtp-client-id-13 section 6 in a scenario, against the real server.
"""

from __future__ import annotations

import json
import smtplib
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from tests.clientid_use.conftest import MakeSite
from tests.clientid_use.devices import send


@pytest.mark.requirement("U1", "C17", "C18")
def test_anns_account_can_be_used_from_her_phone_only(site: MakeSite) -> None:
    mail = site("allowlist:mode=enforce")
    mail.play("""
        ann  127.0.0.1  phone   right  235
        ann  127.0.0.1  laptop  right  235
    """)
    phone, _ = mail.identities("ann")
    mail.server.run("identity", "approve", "ann", phone)
    mail.play("""
        ann  127.0.0.1  phone   right  235
        ann  127.0.0.9  phone   right  235
        ann  127.0.0.1  laptop  right  535
        ann  127.0.0.1  -       right  535
        ben  127.0.0.1  laptop  right  235
    """)


@pytest.mark.requirement("U2")
def test_a_thief_of_many_passwords_gives_himself_away(site: MakeSite) -> None:
    mail = site("shared:mode=enforce:alert=2:refuse=3:exempt-types=X-READER")
    mail.play("""
        ann  127.0.0.9  thief            right  235
        ben  127.0.0.9  thief            right  235
        cho  127.0.0.9  thief            right  535
        ann  127.0.0.9  thief            right  235
        cho  127.0.0.1  phone            right  235
        ann  127.0.0.8  X-READER:r-4711  right  235
        ben  127.0.0.8  X-READER:r-4711  right  235
        cho  127.0.0.8  X-READER:r-4711  right  235
    """)
    assert "alert 'ben@example.org'" in mail.server.log.read_text("utf-8")


@pytest.mark.requirement("U3", "C16")
def test_a_new_device_waits_for_ann_and_a_lost_one_is_locked_out(site: MakeSite) -> None:
    mail = site("history:mode=enforce:new=hold:absent=refuse")
    mail.play("ann  127.0.0.1  phone  right  535")
    ((phone, status),) = mail.identities("ann").items()
    assert status == "pending"
    mail.server.run("identity", "approve", "ann", phone)
    mail.play("""
        ann  127.0.0.1  phone   right  235
        ann  127.0.0.1  laptop  wrong  535
        ann  127.0.0.1  -       right  535
    """)
    assert len(mail.identities("ann")) == 1
    mail.server.run("identity", "revoke", "ann", phone)
    mail.play("ann  127.0.0.1  phone  right  535")


@pytest.mark.requirement("U3")
def test_the_first_device_of_each_account_is_enrolled(site: MakeSite) -> None:
    mail = site("history:mode=enforce:new=enrol")
    mail.play("""
        ann  127.0.0.1  phone   right  235
        ann  127.0.0.1  laptop  right  535
        ben  127.0.0.1  laptop  right  235
        ann  127.0.0.9  phone   right  235
    """)
    assert "enrolled" in mail.identities("ann").values()


@pytest.mark.requirement("U4")
def test_a_till_sends_with_the_licence_that_it_was_sold_with(site: MakeSite) -> None:
    mail = site("licence:mode=enforce:types=LICENSE")
    anns = json.loads(mail.server.run("--json", "licence", "add", "ann").stdout)
    free = json.loads(mail.server.run("--json", "licence", "add", "--until", "2999-01-01").stdout)
    mail.play(f"""
        ann  127.0.0.1  LICENSE:{anns["token"]}  right  235
        ben  127.0.0.1  LICENSE:{anns["token"]}  right  535
        ben  127.0.0.1  LICENSE:{free["token"]}  right  235
        ben  127.0.0.1  LICENSE:{free["token"]}  wrong  535
        ann  127.0.0.1  UUID:{anns["token"]}     right  535
        ann  127.0.0.1  -                        right  535
    """)
    mail.server.run("licence", "revoke", free["id"])
    mail.play(f"ben  127.0.0.1  LICENSE:{free['token']}  right  535")
    assert all(each["lastUsed"] for each in json.loads(mail.server.run("--json", "licence", "list").stdout))


@pytest.mark.requirement("U5")
def test_devices_that_say_who_they_are_get_more(site: MakeSite) -> None:
    mail = site(r"choose:types=UUID:then=history:otherwise=rate\:mode=enforce\:address=2/1h\:identity=1/1h")
    mail.play("""
        ann  127.0.0.1  phone   right  235
        ann  127.0.0.1  phone   right  235
        ann  127.0.0.1  phone   right  235
        ann  127.0.0.1  -       right  235
        ann  127.0.0.1  -       right  235
        ann  127.0.0.1  -       right  535
        ann  127.0.0.1  MAC:m-4711  right  235
        ann  127.0.0.1  MAC:m-4711  right  535
    """)


@pytest.mark.requirement("U6")
def test_sessions_are_limited_by_device_not_by_address(site: MakeSite) -> None:
    """Real clients send several messages on a connection, and go without QUIT."""
    mail = site("rate:mode=enforce:identity=none:account=none:identity-sessions=2")
    open_ones = []
    for _ in range(2):
        client = mail.connect()
        mail.present(client, "phone")
        mail.log_in(client, "ann")
        for number in range(3):
            send(client, "ann@example.org", f"message {number}")
        open_ones.append(client)
    mail.play("""
        ann  127.0.0.1  phone   right  535
        ann  127.0.0.9  phone   right  535
        ann  127.0.0.1  tablet  right  235
    """)
    open_ones[0].close()
    open_ones[1].quit()
    mail.play("""
        ann  127.0.0.1  phone   right  235
        ann  127.0.0.1  phone   right  235
    """)
    assert len(mail.server.wait_for_messages(12)) == 12


@pytest.mark.requirement("U7")
def test_many_sources_guess_at_one_account(site: MakeSite) -> None:
    mail = site("bruteforce:mode=enforce:account=3/1h")
    mail.play("""
        ann  127.0.0.1   phone  right   235
        ann  127.0.0.11  -      guess1  535
        ann  127.0.0.12  bot-2  guess2  535
        ann  127.0.0.13  bot-3  guess3  535
        ann  127.0.0.14  -      right   535
        ann  127.0.0.15  bot-5  right   535
        ann  127.0.0.1   phone  right   235
        ben  127.0.0.14  -      right   235
    """)
    reason = "distributed attack: 3 failures of strangers at one account"
    assert set(mail.decisions()) == {("bruteforce", reason)}


@pytest.mark.requirement("U7")
def test_one_source_guesses_at_many_accounts(site: MakeSite) -> None:
    """smtplib tries PLAIN and then LOGIN with each password: it is one failure."""
    mail = site("bruteforce:mode=enforce:address=7/1h:address-accounts=3/1h")
    mail.play("""
        ben  127.0.0.11  tablet  right   235
        ann  127.0.0.11  -       guess1  535
        ann  127.0.0.11  -       guess2  535
        ben  127.0.0.11  -       guess1  535
        cho  127.0.0.11  -       guess1  535
        dev  127.0.0.11  -       right   535
        ben  127.0.0.11  tablet  right   235
        dev  127.0.0.12  -       right   235
    """)
    assert set(mail.decisions()) == {("bruteforce", "one address failed at 3 accounts")}


@pytest.mark.requirement("U9", "U10")
def test_attack_mode_by_hand(site: MakeSite) -> None:
    mail = site("attack-mode:mode=enforce:require=known")
    mail.play("""
        ann  127.0.0.1  phone  right  235
        ben  127.0.0.1  -      right  235
    """)
    mail.server.run("attack-mode", "on")
    mail.play("""
        ann  127.0.0.1  phone   right  235
        ann  127.0.0.1  laptop  right  535
        ben  127.0.0.1  -       right  535
    """)
    mail.server.stop()
    mail.server.start()
    mail.play("""
        ann  127.0.0.1  phone  right  235
        ben  127.0.0.1  -      right  535
    """)
    mail.server.run("attack-mode", "off", "--network", "127.0.0.8/29")
    mail.play("""
        ben  127.0.0.1  -  right  535
        ben  127.0.0.9  -  right  235
    """)
    mail.server.run("attack-mode", "auto")
    mail.play("ben  127.0.0.1  -  right  235")


@pytest.mark.requirement("U9", "U10")
def test_attack_mode_by_failures(site: MakeSite) -> None:
    mail = site("attack-mode:mode=enforce:begins=3/1m:goes-on=2:calm=1h:require=identity")
    mail.play("""
        ann  127.0.0.11  -       guess1  535
        ben  127.0.0.12  bot     guess1  535
        cho  127.0.0.1   -       right   235
        cho  127.0.0.13  -       guess2  535
        cho  127.0.0.1   -       right   535
        cho  127.0.0.1   laptop  right   235
    """)
    status = json.loads(mail.server.run("--json", "attack-mode", "status").stdout)
    assert [(each["scope"], each["mode"], bool(each["alarmUntil"])) for each in status["scopes"]] == [
        ("global", "auto", True)
    ]
    assert status["enforcedBy"] == ["submission", "submissions"]


@pytest.mark.requirement("U11")
def test_one_device_comes_from_many_networks_within_an_hour(site: MakeSite) -> None:
    site("velocity:mode=enforce:networks=2:window=1h").play("""
        ann  127.0.0.1  phone   right  235
        ann  127.0.1.1  phone   right  235
        ann  127.0.2.1  phone   right  535
        ann  127.0.2.1  tablet  right  235
        ann  127.0.0.7  phone   right  235
    """)


@pytest.mark.requirement("U11")
def test_one_device_is_in_berlin_and_in_sydney(site: MakeSite, tmp_path: Path) -> None:
    """Of the third network the database knows the country alone."""
    writer = MMDBWriter(database_type="Test-City", float_type="f64")
    for network, country, where in (
        ("127.0.1.0/24", "DE", {"latitude": 52.52, "longitude": 13.405}),
        ("127.0.2.0/24", "AU", {"latitude": -33.87, "longitude": 151.21}),
        ("127.0.3.0/24", "AU", {}),
    ):
        writer.insert_network(IPSet([network]), {"country": {"iso_code": country}, "location": where})
    writer.to_db_file(str(tmp_path / "places.mmdb"))
    mail = site("velocity:mode=enforce", more=f'[identities]\nplaces = "{tmp_path / "places.mmdb"}"')
    mail.play("""
        ann  127.0.1.1  phone   right  235
        ann  127.0.1.9  phone   right  235
        ann  127.0.2.1  phone   right  535
        ann  127.0.3.1  phone   right  535
        ann  127.0.2.1  tablet  right  235
    """)
    assert [reason.partition(" km")[0] for _, reason in mail.decisions()][::2] == [
        "this identity came from a place 16095",
        "this identity came from DE a short time ago, now from AU",
    ]


@pytest.mark.requirement("C13", "C14", "C20", "C21")
def test_types_are_required_refused_and_looked_at(site: MakeSite) -> None:
    site("types:mode=enforce:refuse=COOKIE:absent=refuse", "mac:mode=enforce").play("""
        ann  127.0.0.1  -                       right  535
        ann  127.0.0.1  COOKIE:crumbs-4711     right  535
        ann  127.0.0.1  X-UNHEARD-OF:what-4711  right  235
        ann  127.0.0.1  MAC:08:9e:01:70:f6:46   right  235
        ann  127.0.0.1  MAC:da:a1:19:01:02:03   right  535
    """)


@pytest.mark.requirement("C13")
def test_every_checker_only_observes_until_it_is_told(site: MakeSite) -> None:
    names = ["allowlist:unlisted=refuse", "attack-mode", "bruteforce", "history", "licence", "mac", "rate"]
    mail = site(*names, "shared:alert=1:refuse=1", "types:absent=refuse:refuse=MAC", "velocity")
    mail.server.run("attack-mode", "on")
    mail.play("""
        ann  127.0.0.1  MAC:da:a1:19:01:02:03  right  235
        ann  127.0.0.1  -       right  235
    """)
    seen = {checker for checker, _ in mail.decisions()}
    assert seen == {"allowlist", "attack-mode", "history", "licence", "mac", "shared", "types"}


@pytest.mark.requirement("U7", "C11")
def test_a_second_mechanism_with_the_same_password_is_one_failure(site: MakeSite) -> None:
    mail = site("bruteforce:mode=enforce:identity=2/1h")
    client = mail.connect()
    mail.present(client, "phone")
    # PLAIN and LOGIN with a wrong password, then the right one by PLAIN.
    for mechanism in ("PLAIN", "LOGIN"):
        client.user, client.password = "ann@example.org", "wrong"
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.auth(mechanism, getattr(client, f"auth_{mechanism.lower()}"))
    client.password = mail.server.password
    assert client.auth("PLAIN", client.auth_plain)[0] == 235
    client.quit()
