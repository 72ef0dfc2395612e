"""SCRAM-SHA-256: the client proves that it knows the password, and so must the server."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
from scramp import ScramException, ScramMechanism
from zope.interface.verify import verifyObject

from mailext.interfaces import IMutualAuthentication
from mailext.net.client.connector import Connector
from mailext.net.client.sasl import ScramSha256Authenticator
from mailext.net.client.settings import ClientSettings, Credentials
from mailext.net.client.verification import TrustRoots
from mailext.values import HopError, NextHop, TlsUse
from tests.net.conftest import Pki
from tests.net.world import EHLO, Script, World

HOP = NextHop("mx.example.org", 465, ("192.0.2.1",), implicit_tls=True, authenticate=True)
SETTINGS = ClientSettings("client.example.org", credentials=Credentials("ann", "pencil"))
OFFER = EHLO + b"250 AUTH PLAIN SCRAM-SHA-256\r\n"

Change = Callable[[str], str]


class ScramServer(Script):
    """
    Knows Ann's password.

    :param first: changes its first message.
    :param final: changes its last message.
    :param patience: after so many messages of its own it says that all is well.
    """

    def __init__(self, tls: object, first: Change, final: Change, patience: int) -> None:
        super().__init__({"EHLO": OFFER}, tls=tls, implicit=True)
        mechanism = ScramMechanism("SCRAM-SHA-256")
        known = mechanism.make_auth_info("pencil", salt=b"0123456789abcdef")
        self._scram = mechanism.make_server(lambda username: known)
        self._steps = [
            lambda message: self._first(message, first),
            lambda message: self._final(message, final),
        ]
        self._patience = patience
        self._in_exchange = False

    def say(self, verb: str) -> None:
        line = self.heard[-1] if self.heard else b""
        if verb == "AUTH":
            self._in_exchange = True
            line = line.split()[2]
        if not self._in_exchange:
            super().say(verb)
        elif line == b"*":
            self._end(b"501 5.7.0 Aborted\r\n")
        elif self._steps and self._patience:
            self._patience -= 1
            try:
                said = self._steps.pop(0)(base64.b64decode(line).decode())
            except ScramException:
                self._end(b"535 5.7.8 No\r\n")
            else:
                self.transport.write(b"334 " + base64.b64encode(said.encode()) + b"\r\n")
        else:
            self._end(b"235 2.7.0 Welcome\r\n")

    def _first(self, message: str, change: Change) -> str:
        self._scram.set_client_first(message)
        return change(self._scram.get_server_first())

    def _final(self, message: str, change: Change) -> str:
        self._scram.set_client_final(message)
        return change(self._scram.get_server_final())

    def _end(self, reply: bytes) -> None:
        self._in_exchange = False
        self.transport.write(reply)


class Site:
    def __init__(self, pki: Pki) -> None:
        file = pki.folder / "roots.pem"
        pki.authority.cert_pem.write_to_path(str(file))
        self._roots = TrustRoots(file)
        self._pki = pki
        self.world = World()
        self.server: ScramServer

    def serve(self, first: Change = str, final: Change = str, patience: int = 2) -> None:
        def build() -> ScramServer:
            self.server = ScramServer(self._pki.server, first, final, patience)
            return self.server

        self.world.servers["192.0.2.1"] = build

    def connecting(self, settings: ClientSettings = SETTINGS):
        connector = Connector(self.world.dial, settings, self._roots, self.world.clock)
        return connector.connect(HOP, TlsUse.VERIFIED, lambda _: False, lambda _: None)


@pytest.fixture
def site(pki: Pki) -> Site:
    return Site(pki)


def test_it_is_preferred_to_the_password(site: Site) -> None:
    site.serve()
    site.world.result(site.connecting())
    said = b" ".join(site.server.heard)
    assert said.count(b"AUTH SCRAM-SHA-256 ") == 1
    assert b"pencil" not in said
    assert base64.b64encode(b"pencil") not in said
    # What the server has to say at the end is answered by nothing.
    assert site.server.heard[-1] == b""
    verifyObject(IMutualAuthentication, ScramSha256Authenticator("ann"))


def test_a_wrong_password(site: Site) -> None:
    site.serve()
    wrong = replace(SETTINGS, credentials=Credentials("ann", "eraser"))
    error = site.world.raised(site.connecting(wrong))
    assert isinstance(error, HopError)
    assert error.outcome.code == 535


@pytest.mark.parametrize(
    ("server", "why"),
    [
        # A server that knows no password welcomes everybody.
        ({"patience": 0}, "it did not prove"),
        ({"patience": 1}, "it did not prove"),
        ({"final": lambda _: "e=other-error"}, "it did not prove"),
        ({"final": lambda said: "v=" + base64.b64encode(b"x" * 32).decode()}, "signature doesn't match"),
        ({"first": lambda said: said.replace("r=", "r=x")}, "nonce doesn't match"),
        ({"first": lambda said: said.replace("i=4096", "i=1000001")}, "too many iterations"),
        ({"first": lambda said: said.replace("i=4096", "i=1")}, "must not be < 4096"),
        ({"first": lambda said: "nonsense"}, "login at mx.example.org was broken off"),
        ({"first": lambda said: ""}, "login at mx.example.org was broken off"),
    ],
)
def test_a_server_that_is_not_what_it_seems(site: Site, server: dict[str, object], why: str) -> None:
    site.serve(**server)
    error = site.world.raised(site.connecting())
    assert isinstance(error, HopError)
    assert (error.outcome.code, error.outcome.enhanced) == (454, "4.7.0")
    assert why in error.outcome.text
    assert site.world.links[0].client.gone
    assert site.world.clock.getDelayedCalls() == []


def test_octets_that_are_no_text(site: Site) -> None:
    authenticator = ScramSha256Authenticator("ann")
    authenticator.challengeResponse(b"pencil", b"")
    with pytest.raises(ValueError, match="utf-8"):
        authenticator.challengeResponse(b"pencil", b"\xff")


def test_a_password_that_cannot_be_said_in_it(site: Site) -> None:
    site.serve()
    settings = replace(SETTINGS, credentials=Credentials("ann", "bell\x07"))
    error = site.world.raised(site.connecting(settings))
    assert error.outcome.enhanced == "4.7.0"
    assert not any(line.startswith(b"AUTH") for line in site.server.heard)
