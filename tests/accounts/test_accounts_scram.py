"""SCRAM-SHA-256, the server's side, against a client that others wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scramp import ScramClient, ScramException
from twisted.mail.interfaces import IChallengeResponse
from zope.interface.verify import verifyObject

from mailext.accounts.scram import (
    SCRAM,
    IScramLogin,
    ScramExchange,
    ScramVerifier,
    ScramVerifiers,
    make_verifier,
)

_ITERATIONS = 4096
ANN = "ann@example.org"


def verifiers(password: str = "secret", account: str = ANN) -> ScramVerifiers:
    return ScramVerifiers(b"s" * 32, {account: str(make_verifier(password, b"x" * 16, _ITERATIONS))})


def named(name: str) -> str:
    return name if "@" in name else f"{name.lower()}@example.org"


def exchange(known: ScramVerifiers, name: str, password: str) -> tuple[ScramExchange, ScramClient]:
    server, client = ScramExchange(known, named), ScramClient([SCRAM], name, password)
    assert server.getChallenge() == b""
    server.setResponse(client.get_client_first().encode())
    assert server.moreChallenges()
    client.set_server_first(server.getChallenge().decode())
    server.setResponse(client.get_client_final().encode())
    assert not server.moreChallenges()
    return server, client


@pytest.mark.parametrize("name", ["ann", "ANN", ANN])
def test_whoever_knows_the_password_gets_a_proof(name: str) -> None:
    server, client = exchange(verifiers(), name, "secret")
    assert verifyObject(IChallengeResponse, server)
    assert verifyObject(IScramLogin, server)
    assert (server.account, server.proved, server.username) == (ANN, True, name.encode())
    assert server.last_word is not None
    client.set_server_final(server.last_word.decode())


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("bob", "secret")])
def test_whoever_does_not_gets_none(name: str, password: str) -> None:
    server, _ = exchange(verifiers(), name, password)
    assert (server.proved, server.last_word) == (False, None)


def test_a_name_with_signs_that_scram_uses_itself() -> None:
    server, _ = exchange(verifiers(account="a,b=c@example.org"), "a,b=c@example.org", "secret")
    assert server.proved
    assert server.username == b"a,b=c@example.org"


def test_nobody_looks_like_somebody_and_always_the_same() -> None:
    """The salt of who does not exist is as stable as a true one."""

    def first(known: ScramVerifiers, name: str) -> tuple[str, str]:
        server, client = ScramExchange(known, named), ScramClient([SCRAM], name, "x")
        server.setResponse(client.get_client_first().encode())
        _, salt, iterations = server.getChallenge().decode().split(",")
        return salt, iterations

    known = ScramVerifiers(b"s" * 32, {ANN: str(make_verifier("secret", b"x" * 16))})
    salt, iterations = first(known, "bob")
    assert (salt, iterations) == first(known, "BOB@example.org".lower())
    assert (salt, iterations) == first(ScramVerifiers(b"s" * 32), "bob")
    assert salt != first(known, "carol")[0]
    assert salt != first(ScramVerifiers(b"t" * 32), "bob")[0]
    true_salt, true_iterations = first(known, "ann")
    assert (len(true_salt), true_iterations) == (len(salt), iterations)


@pytest.mark.parametrize(
    "response",
    [b"", b"n,,", b"n,,n=ann", b"n,a=bob,n=ann,r=xyz", b"x,,n=ann,r=xyz", b"p=tls-unique,,n=ann,r=x", b"\xff", b"n,,m=1,n=a,r=b"],
)  # fmt: skip
def test_what_is_not_scram_is_malformed(response: bytes) -> None:
    server = ScramExchange(verifiers(), named)
    try:
        server.setResponse(response)
        challenge = server.getChallenge().decode()
        nonce = challenge.split(",")[0]
        server.setResponse(f"c=biws,{nonce},p=AAAA".encode())
    except ValueError:
        assert not server.proved
    else:
        pytest.fail("it was taken")


@pytest.mark.parametrize("final", ["", "c=biws", "c=AAAA,{nonce},p={proof}", "c=biws,r=other,p={proof}"])
def test_a_last_message_that_is_not_scram_is_malformed(final: str) -> None:
    server, client = ScramExchange(verifiers(), named), ScramClient([SCRAM], "ann", "secret")
    server.setResponse(client.get_client_first().encode())
    client.set_server_first(server.getChallenge().decode())
    proof = client.get_client_final().rpartition(",p=")[2]
    nonce = server.getChallenge().decode().split(",")[0]
    with pytest.raises(ValueError, match="not SCRAM"):
        server.setResponse(final.format(nonce=nonce, proof=proof).encode())
    assert not server.proved


@given(st.integers(1, 10**9 - 1), st.binary(min_size=1), st.binary(min_size=1), st.binary(min_size=1))
def test_a_verifier_can_be_written_and_read(
    iterations: int, salt: bytes, stored: bytes, server: bytes
) -> None:
    verifier = ScramVerifier(iterations, salt, stored, server)
    assert ScramVerifier.parse(str(verifier)) == verifier


@pytest.mark.parametrize(
    "text", ["", "SCRAM-SHA-1$1:eA==$eA==:eA==", "SCRAM-SHA-256$1:e$eA==:eA==", "$argon2id$x"]
)
def test_what_is_no_verifier(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ScramVerifier.parse(text)


def test_a_password_that_cannot_be_prepared() -> None:
    with pytest.raises(ValueError, match=r".+"):
        make_verifier("a\u0007b", b"x" * 16)


def test_accounts_change() -> None:
    known = verifiers()
    known.replace({})
    assert not exchange(known, "ann", "secret")[0].proved


def test_the_proof_is_of_this_exchange() -> None:
    _, client = exchange(verifiers(), "ann", "secret")
    other, _ = exchange(verifiers(), "ann", "secret")
    assert other.last_word is not None
    with pytest.raises(ScramException):
        client.set_server_final(other.last_word.decode())
