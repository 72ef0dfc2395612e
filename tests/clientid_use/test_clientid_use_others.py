"""
The same server through clients that speak CLIENTID themselves (libetpan), or
let a program say more before the login (nodemailer).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clientid_use.conftest import MakeSite
from tests.clientid_use.devices import Site, token_of
from tests.clientid_use.others import Client

_CLIENTS = [
    pytest.param(Client.of_libetpan, id="libetpan", marks=pytest.mark.interop("gcc", "libetpan")),
    pytest.param(Client.of_nodemailer, id="nodemailer", marks=pytest.mark.interop("node", "nodemailer")),
]


@pytest.fixture(params=_CLIENTS)
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    made: Client = request.param(tmp_path)
    return made


def device(mail: Site, name: str) -> str:
    """The identity of a device, of which nothing may be left behind."""
    mail.presented.add(token_of(name))
    return f"UUID:{token_of(name)}"


@pytest.mark.requirement("C1", "C6", "C18", "U3")
def test_a_device_becomes_known_and_another_is_refused(site: MakeSite, client: Client) -> None:
    """Ann's phone sends several messages on each connection; the laptop was never seen."""
    mail = site("history:mode=enforce:new=enrol:absent=refuse")
    right = ("PLAIN", mail.server.password)
    sent = ["CLIENTID 250", "PLAIN 235", "message 250", "message 250", "message 250"]
    assert client.use(mail.server, "ann", device(mail, "phone"), right, messages=3) == sent
    assert list(mail.identities("ann").values()) == ["enrolled"]
    laptop = device(mail, "laptop")
    assert client.use(mail.server, "ann", laptop, right) == ["CLIENTID 250", "PLAIN 535"]
    assert client.use(mail.server, "ann", "", right) == ["PLAIN 535"]
    assert client.use(mail.server, "ben", laptop, right) == ["CLIENTID 250", "PLAIN 235"]
    assert client.use(mail.server, "ann", device(mail, "phone"), right, messages=3) == sent
    assert len(mail.server.wait_for_messages(6)) == 6


@pytest.mark.requirement("C11", "U3")
def test_the_identity_holds_for_a_second_mechanism(site: MakeSite, client: Client) -> None:
    mail = site("history:mode=enforce:new=hold:absent=refuse")
    right = mail.server.password
    phone = device(mail, "phone")
    assert client.use(mail.server, "ann", phone, ("PLAIN", right)) == ["CLIENTID 250", "PLAIN 535"]
    ((known, status),) = mail.identities("ann").items()
    assert status == "pending"
    mail.server.run("identity", "approve", "ann", known)
    tries = ("PLAIN", "guess"), ("LOGIN", right)
    assert client.use(mail.server, "ann", phone, *tries, messages=1) == [
        "CLIENTID 250",
        "PLAIN 535",
        "LOGIN 235",
        "message 250",
    ]
    mail.server.run("identity", "revoke", "ann", known)
    assert client.use(mail.server, "ann", phone, ("LOGIN", right)) == ["CLIENTID 250", "LOGIN 535"]


@pytest.mark.requirement("U6")
def test_who_goes_without_quit_leaves_nothing_behind(site: MakeSite, client: Client) -> None:
    mail = site("rate:mode=enforce:identity=none:account=none:identity-sessions=1")
    login = ("LOGIN", mail.server.password)
    for _ in range(3):
        replies = client.use(mail.server, "ann", device(mail, "phone"), login, messages=2, ending="close")
        assert replies == ["CLIENTID 250", "LOGIN 235", "message 250", "message 250"]
    assert len(mail.server.wait_for_messages(6)) == 6


@pytest.mark.requirement("U9", "U10")
def test_attack_mode_knows_the_device_again(site: MakeSite, client: Client) -> None:
    mail = site("attack-mode:mode=enforce:require=known")
    right = ("PLAIN", mail.server.password)
    assert client.use(mail.server, "ann", device(mail, "phone"), right) == ["CLIENTID 250", "PLAIN 235"]
    mail.server.run("attack-mode", "on")
    assert client.use(mail.server, "ann", device(mail, "phone"), right) == ["CLIENTID 250", "PLAIN 235"]
    assert client.use(mail.server, "ann", device(mail, "thief"), right) == ["CLIENTID 250", "PLAIN 535"]
    assert client.use(mail.server, "ann", "", right) == ["PLAIN 535"]
