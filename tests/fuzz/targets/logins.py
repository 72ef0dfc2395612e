"""What clients say to log in, and what servers say to our client."""

from __future__ import annotations

from mailext.accounts.exchange import MalformedResponseError, SaslExchange
from mailext.accounts.sasl import LoginMechanism, PlainMechanism
from mailext.accounts.scram import SCRAM, ScramExchange, ScramVerifiers, make_verifier
from mailext.clientid.checkers.mac import MacChecker
from mailext.net.client.sasl import ScramSha256Authenticator
from mailext.testing.samples import login_attempt
from mailext.values import ClientIdentity
from tests.fuzz.target import Target, expect

_VERIFIERS = ScramVerifiers(b"0" * 32, {"ann@example.org": str(make_verifier("secret", b"salt" * 4, 4096))})
_CHALLENGERS = {
    "PLAIN": PlainMechanism,
    "LOGIN": LoginMechanism,
    SCRAM: lambda: ScramExchange(_VERIFIERS, lambda name: name),
}
_MECHANISMS = tuple(_CHALLENGERS)
_MOST_STEPS = 4


def check_exchange(data: bytes) -> None:
    """The first octet chooses the mechanism; then responses, one a line."""
    exchange = SaslExchange(_CHALLENGERS, _MECHANISMS[data[0] % len(_MECHANISMS)] if data else "PLAIN")
    first, *others = data[1:].split(b"\n")
    try:
        challenge = exchange.start(first)
        for response in others:
            if challenge is None:
                break
            challenge = exchange.respond(response)
    except MalformedResponseError:
        return
    expect(len(others) <= _MOST_STEPS or challenge is None, "an exchange without end")
    expect(exchange.username.isascii() or exchange.username.encode(), "a name that is no text")
    if isinstance(exchange.credentials, ScramExchange):
        expect(not exchange.credentials.proved, "a proof without the password")
        expect(exchange.last_word is None, "the server proved itself first")
    elif challenge is None:
        expect(b"\0" not in exchange.credentials.username, "a NUL in a name")
        expect(exchange.credentials.username and exchange.credentials.password, "an empty name or password")


def check_authenticator(data: bytes) -> None:
    """Challenges of a server, one a line."""
    authenticator = ScramSha256Authenticator("ann")
    authenticator.challengeResponse(b"secret", b"")
    try:
        for challenge in data.split(b"\n"):
            said = authenticator.challengeResponse(b"secret", challenge)
            expect(b"secret" not in said, "the password is said")
    except ValueError:
        pass
    expect(not authenticator.serverProved, "a server without the password has proved that it knows it")


def check_mac(data: bytes) -> None:
    """A token of type MAC."""
    token = data.decode("latin-1")
    verdict = MacChecker(frozenset({"00163E"})).checkAttempt(login_attempt(ClientIdentity("MAC", token)))
    if verdict.accepted:
        digits = "".join(character for character in token if character not in ":.-").upper()
        expect(len(digits) == 12, "not 48 bits")
        expect(digits.startswith("00163E"), "a vendor that is not known")
        expect(not int(digits[:2], 16) & 3, "the address of a group, or a local one")


TARGETS = (
    Target(
        "sasl",
        check_exchange,
        "clients: PLAIN, LOGIN and SCRAM-SHA-256",
        "MalformedResponseError alone; no proof without the password; a name and a password, without NUL",
        (
            b"\0ann\0secret",
            b"n,,n=ann@example.org,r=abc",
            b"\nc=biws,r=abc",
            b",p=AAAA",
            b"n,a=bob,",
            b"y,,",
            b"=2C",
            b"=3D",
        ),
        256,
    ),
    Target(
        "scram-client",
        check_authenticator,
        "servers: the challenges of SCRAM-SHA-256",
        "ValueError alone, in time; nobody proves what he does not know",
        (b"r=", b",s=QSXCR+Q6sek8bf92", b",i=4096", b",i=99999999999", b"v=AAAA", b"e=other-error", b"m=x,"),
        256,
    ),
    Target(
        "mac",
        check_mac,
        "clients: a MAC address as identity",
        "what passes has 48 bits, a known vendor, and is of one device",
        (b"00163E", b"00:16:3e:", b"00-16-3E-", b"0016.3e00.", b":"),
        40,
    ),
)
