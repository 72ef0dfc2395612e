"""CLIENTID at the server's session."""

from __future__ import annotations

import pytest

from mailext.values import ClientIdentity, Protocol
from mailext.wire.extensions import Offer
from mailext.wire.replies import OK
from mailext.wire.server import ServerSession
from tests.vectors.auth import GOOD, WRONG
from tests.vectors.clientid import VECTORS
from tests.vectors.model import EHLO, LHLO, Listener
from tests.wire.driver import Owner, owner_of, run

IDENTITY = ClientIdentity("UUID", "6f1c2f0e-3a86-4d3b-9d0c-3f0e9f5d2a11")
GIVEN = b"CLIENTID UUID 6f1c2f0e-3a86-4d3b-9d0c-3f0e9f5d2a11\r\n"
OTHER = b"CLIENTID MAC 00:11:22:33:44:55\r\n"
MALFORMED = b"CLIENTID UUID\r\n"


def codes(owner: Owner, lines: bytes) -> list[str]:
    owner.sent = b""
    return [reply[:3] for reply in run(owner, [[lines]]).replies]


def greeted() -> Owner:
    """An owner under TLS whose client has said EHLO."""
    owner = owner_of(Listener.TLS)
    codes(owner, EHLO)
    return owner


@pytest.mark.requirement("C1", "C18")
def test_it_is_answered_by_one_single_line_whatever_it_is_worth() -> None:
    owner = greeted()
    owner.sent = b""
    run(owner, [[GIVEN]])
    assert owner.sent.count(b"\r\n") == 1
    assert owner.sent == bytes(OK)
    assert owner.session.identity == IDENTITY


def test_its_owner_is_not_asked() -> None:
    owner = greeted()
    before = len(owner.events)
    run(owner, [[GIVEN]])
    assert len(owner.events) == before


@pytest.mark.requirement("C7")
@pytest.mark.parametrize("line", [GIVEN, MALFORMED])
@pytest.mark.parametrize("before", [b"", EHLO, EHLO + b"MAIL FROM:<>\r\n"])
def test_without_tls_it_is_500_before_anything_else_is_looked_at(before: bytes, line: bytes) -> None:
    owner = owner_of(Listener.CLEAR)
    codes(owner, before)
    assert codes(owner, line) == ["500"]
    assert owner.session.identity is None


@pytest.mark.requirement("C2")
@pytest.mark.parametrize("line", [GIVEN, MALFORMED])
def test_where_it_is_not_enabled_it_is_500(line: bytes) -> None:
    owner = Owner(Protocol.ESMTP, Offer(tls=True))
    assert codes(owner, line) == ["500"]
    assert codes(owner, EHLO + line) == ["250", "500"]


@pytest.mark.requirement("C8")
@pytest.mark.parametrize("line", [GIVEN, MALFORMED])
@pytest.mark.parametrize("before", [b"", b"HELO client.example\r\n"])
def test_before_it_was_advertised_it_is_503(before: bytes, line: bytes) -> None:
    owner = owner_of(Listener.TLS)
    codes(owner, before)
    assert codes(owner, line) == ["503"]
    assert codes(owner, EHLO + GIVEN) == ["250", "250"]


@pytest.mark.requirement("C8")
def test_what_was_advertised_before_tls_counts_for_nothing() -> None:
    owner = owner_of(Listener.CLEAR)
    codes(owner, EHLO + b"STARTTLS\r\n")
    assert codes(owner, GIVEN) == ["503"]
    assert codes(owner, b"HELO client.example\r\n" + GIVEN) == ["250", "503"]
    assert codes(owner, EHLO + GIVEN) == ["250", "250"]


def test_helo_takes_back_no_ehlo() -> None:
    assert codes(greeted(), b"HELO client.example\r\n" + GIVEN) == ["250", "250"]


@pytest.mark.requirement("C9")
def test_malformed_it_is_501_and_may_be_tried_again() -> None:
    owner = greeted()
    assert codes(owner, MALFORMED) == ["501"]
    assert owner.session.identity is None
    assert codes(owner, GIVEN) == ["250"]
    assert owner.session.identity == IDENTITY


@pytest.mark.requirement("C10")
@pytest.mark.parametrize("line", [GIVEN, OTHER, MALFORMED])
def test_after_one_success_another_is_503(line: bytes) -> None:
    owner = greeted()
    assert codes(owner, GIVEN + line) == ["250", "503"]
    assert owner.session.identity == IDENTITY


@pytest.mark.requirement("C11")
@pytest.mark.parametrize("line", [GIVEN, MALFORMED])
@pytest.mark.parametrize(
    "auth",
    [
        b"AUTH\r\n",
        b"auth plain ====\r\n",
        b"AUTH GSSAPI\r\n",
        b"AUTH PLAIN\r\n*\r\n",
        b"AUTH PLAIN " + WRONG + b"\r\n",
        b"AUTH PLAIN " + GOOD + b"\r\n",
        b"AUTH PLAIN " + b"A" * 12300 + b"\r\n",
        b"MAIL FROM:<>\r\nAUTH PLAIN\r\nRSET\r\n",
    ],
    ids=lambda auth: auth[:24].decode().strip() if len(auth) > 1 else None,
)
def test_once_auth_was_received_it_is_503_whatever_became_of_that(auth: bytes, line: bytes) -> None:
    owner = greeted()
    codes(owner, auth)
    assert codes(owner, line) == ["503"]
    assert owner.session.identity is None


@pytest.mark.requirement("C11")
def test_auth_counts_before_ehlo_too() -> None:
    assert codes(owner_of(Listener.TLS), b"AUTH PLAIN\r\n" + EHLO + GIVEN) == ["503", "250", "503"]


@pytest.mark.parametrize("line", [GIVEN, MALFORMED])
def test_within_a_transaction_it_is_503_and_may_be_tried_again(line: bytes) -> None:
    owner = greeted()
    assert codes(owner, b"MAIL FROM:<>\r\n" + line + b"RCPT TO:<ann@example.org>\r\n" + line) == [
        *("250", "503"),
        *("250", "503"),
    ]
    assert codes(owner, b"BDAT 0\r\n" + line) == ["250", "503"]
    assert codes(owner, b"RSET\r\n" + GIVEN) == ["250", "250"]


@pytest.mark.parametrize(
    "line", [b"RSET\r\n", EHLO, b"HELO x\r\n", b"NOOP\r\n", OTHER, b"AUTH PLAIN " + WRONG + b"\r\n"]
)
def test_the_identity_is_kept(line: bytes) -> None:
    owner = greeted()
    codes(owner, GIVEN + line)
    assert owner.session.identity == IDENTITY


def test_a_message_keeps_the_identity() -> None:
    owner = greeted()
    codes(owner, GIVEN + b"MAIL FROM:<>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n.\r\n")
    assert owner.session.identity == IDENTITY


@pytest.mark.requirement("C12")
def test_a_security_layer_discards_the_identity() -> None:
    owner = greeted()
    codes(owner, GIVEN + b"AUTH PLAIN " + GOOD + b"\r\n")
    owner.session.security_layer_established()
    assert owner.session.identity is None
    assert codes(owner, OTHER) == ["503"]
    assert codes(owner, EHLO + OTHER) == ["250", "250"]
    assert owner.session.identity == ClientIdentity("MAC", "00:11:22:33:44:55")
    # Who has logged in stays so: that is what the layer was made with.
    assert codes(owner, b"AUTH PLAIN\r\n") == ["503"]


@pytest.mark.requirement("C12")
def test_starttls_discards_the_identity_and_that_auth_was_seen() -> None:
    session = ServerSession(Protocol.ESMTP, Offer(starttls=True, clientid=True, mechanisms=("PLAIN",)))
    # No command gives an identity before TLS; a session that has one all the
    # same must not keep it.
    session.identity = IDENTITY
    session.receive(EHLO)
    session.next_event()
    session.reply(OK)
    session.receive(b"AUTH PLAIN\r\nSTARTTLS\r\n")
    session.next_event()
    session.reply(OK)
    session.tls_established()
    assert session.identity is None
    session.receive(EHLO)
    session.next_event()
    session.reply(OK)
    session.receive(OTHER)
    session.next_event()
    assert session.identity == ClientIdentity("MAC", "00:11:22:33:44:55")


@pytest.mark.requirement("C20")
@pytest.mark.parametrize("type_", ["X", "-", "0", "NO-SUCH-TYPE", "a-b-c-d-e-f-g-h-"])
def test_any_well_formed_type_is_accepted(type_: str) -> None:
    owner = greeted()
    assert codes(owner, f"CLIENTID {type_} x\r\n".encode()) == ["250"]
    assert owner.session.identity == ClientIdentity(type_.upper(), "x")


def test_verb_and_type_compare_without_regard_to_case() -> None:
    owner = greeted()
    assert codes(owner, b"cLiEnTiD uuid 6F1C2F0E-3A86-4D3B-9D0C-3F0E9F5D2A11\r\n") == ["250"]
    assert owner.session.identity == IDENTITY


def test_a_token_is_exact() -> None:
    owner = greeted()
    codes(owner, b"CLIENTID LICENCE Ab/+=\\\"'<>%00~!\r\n")
    assert owner.session.identity == ClientIdentity("LICENCE", "Ab/+=\\\"'<>%00~!")


def test_in_lmtp_it_is_there_where_it_is_enabled() -> None:
    owner = Owner(Protocol.LMTP, Offer(tls=True, clientid=True))
    assert codes(owner, LHLO + GIVEN) == ["250", "250"]


@pytest.mark.requirement("C24")
def test_no_reply_to_it_tells_what_was_given() -> None:
    for vector in VECTORS:
        for line in b"".join(vector.flights).splitlines():
            _, _, token = line.rpartition(b" ")
            if line.upper().startswith(b"CLIENTID ") and len(token) > 4:
                assert (
                    token not in run(owner_of(vector.listener), [[flight] for flight in vector.flights]).sent
                )
