"""A client's session: what it says, and what its owner is told."""

from __future__ import annotations

from functools import partial

import pytest

from mailext.values import BodyType, ClientIdentity, MailOptions, Outcome, Protocol
from mailext.wire.client import SequenceError
from mailext.wire.client_commands import CannotCarryError
from mailext.wire.client_events import (
    Answered,
    AuthChallenge,
    BeginTls,
    ContentRefused,
    ContentWanted,
    Greeted,
    MessageDone,
    MessageInDoubt,
)
from mailext.wire.client_states import ClientState
from mailext.wire.encoders import BareLineEndingError
from mailext.wire.replies import Reply
from mailext.wire.states import Command
from tests.wire.client_driver import (
    ANN,
    BOB,
    CHUNKING,
    EVE,
    GREETING,
    HOST,
    LOST,
    OK,
    PIPELINING,
    PLAIN_EHLO,
    REFUSED,
    START_INPUT,
    ClientOwner,
    bye,
    converse,
    ehlo,
    envelope,
    lhlo,
    message,
    run,
    session,
    starttls,
)

DELIVERED = Outcome(250, "2.0.0", "OK", HOST)
NO_SUCH = Outcome(550, "5.1.1", "No such mailbox", HOST)
IDENTITY = ClientIdentity("UUID", "0b2f0f0c-7d0e-4c66-9a0a-1d4d6b2b9a10")
BODY = b"Subject: x\r\n\r\n..dot\r\n.\r\n"


def identify(session) -> None:
    session.identify(IDENTITY)


def plain(session) -> None:
    session.authenticate("PLAIN", b"\0ann\0secret")


# Transactions


def test_a_message_step_by_step() -> None:
    heard = run(
        [ehlo, message(BOB, EVE), bye], GREETING, PLAIN_EHLO, OK, OK, REFUSED, START_INPUT, OK, b"221 Bye\r\n"
    )
    assert heard.sent == (
        b"EHLO client.example.org\r\n",
        b"MAIL FROM:<ann@example.org>\r\n",
        b"RCPT TO:<bob@example.net>\r\n",
        b"RCPT TO:<eve@example.net>\r\n",
        b"DATA\r\n",
        BODY,
        b"QUIT\r\n",
        b"",
    )
    assert heard.events[2:] == (
        ContentWanted(),
        MessageDone({BOB: DELIVERED, EVE: NO_SUCH}),
        Answered(Command.QUIT, Reply(221, None, ("Bye",))),
    )
    assert heard.state is ClientState.CLOSED


def test_a_message_pipelined() -> None:
    heard = run(
        [ehlo, message(BOB, EVE), message(BOB)],
        GREETING,
        PIPELINING,
        OK + OK + REFUSED + START_INPUT,
        OK,
        OK + OK + START_INPUT,
        OK,
    )
    flight = (
        b"MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.net>\r\nRCPT TO:<eve@example.net>\r\nDATA\r\n"
    )
    assert heard.sent[1:4] == (flight, BODY, flight.replace(b"RCPT TO:<eve@example.net>\r\n", b""))
    assert [event for event in heard.events if isinstance(event, MessageDone)] == [
        MessageDone({BOB: DELIVERED, EVE: NO_SUCH}),
        MessageDone({BOB: DELIVERED}),
    ]
    assert heard.state is ClientState.READY


def test_a_message_in_chunks() -> None:
    heard = run([ehlo, message(BOB, EVE)], GREETING, CHUNKING, OK + OK + REFUSED, OK)
    assert heard.sent[1:] == (
        b"MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.net>\r\nRCPT TO:<eve@example.net>\r\n",
        b"BDAT 20 LAST\r\nSubject: x\r\n\r\n.dot\r\n",
        b"",
    )
    assert heard.events[-1] == MessageDone({BOB: DELIVERED, EVE: NO_SUCH})


def test_a_keyword_of_which_no_use_is_made() -> None:
    heard = run([ehlo, message()], GREETING, CHUNKING, discard=frozenset({"CHUNKING"}))
    assert heard.sent[1].endswith(b"DATA\r\n")


@pytest.mark.parametrize("offer", [PIPELINING, PLAIN_EHLO, CHUNKING])
def test_a_sender_that_is_refused_is_refused_for_all(offer: bytes) -> None:
    refusal = b"451 4.7.1 Greylisted\r\n"
    rest = b"" if offer is PLAIN_EHLO else b"503 x\r\n" * (3 if offer is PIPELINING else 2)
    heard = run([ehlo, message(BOB, EVE)], GREETING, offer, refusal + rest)
    outcome = Outcome(451, "4.7.1", "Greylisted", HOST)
    assert heard.events[-1] == MessageDone({BOB: outcome, EVE: outcome})
    assert heard.sent[-1] == b""
    assert heard.state is ClientState.READY


def test_where_all_recipients_are_refused_nothing_is_sent() -> None:
    heard = run([ehlo, message(BOB)], GREETING, PIPELINING, OK + REFUSED + b"503 x\r\n", OK)
    assert heard.sent[2:] == (b"RSET\r\n", b"")
    assert heard.events[-1] == MessageDone({BOB: NO_SUCH})


def test_a_server_that_takes_a_message_for_nobody_gets_an_empty_one() -> None:
    # RFC 2920 section 3.1.
    heard = run([ehlo, message(BOB)], GREETING, PIPELINING, OK + REFUSED + START_INPUT, b"554 x\r\n", OK)
    assert heard.sent[2:] == (b".\r\n", b"RSET\r\n", b"")
    assert heard.events[-1] == MessageDone({BOB: NO_SUCH})


def test_data_that_is_refused() -> None:
    heard = run([ehlo, message(BOB, EVE)], GREETING, PIPELINING, OK + REFUSED + OK + b"552 5.3.4 x\r\n", OK)
    assert heard.sent[2:] == (b"RSET\r\n", b"")
    assert heard.events[-1] == MessageDone({BOB: NO_SUCH, EVE: Outcome(552, "5.3.4", "x", HOST)})
    assert heard.state is ClientState.READY


def test_content_that_is_refused() -> None:
    heard = run([ehlo, message(BOB)], GREETING, PIPELINING, OK + OK + START_INPUT, b"550 5.6.0 x\r\n")
    assert heard.events[-1] == MessageDone({BOB: Outcome(550, "5.6.0", "x", HOST)})
    assert heard.state is ClientState.READY


def in_chunks(*replies: bytes, protocol: Protocol = Protocol.ESMTP) -> ClientOwner:
    """A session that has been asked for the content of a message to Bob, to be sent in chunks."""
    owner = ClientOwner(session(protocol), [lhlo if protocol is Protocol.LMTP else ehlo])
    converse(owner, [[GREETING], [CHUNKING]])
    owner.session.start_message(envelope(BOB))
    owner.session.receive(OK + OK)
    assert owner.session.next_event() == ContentWanted()
    owner.session.data_to_send()
    return owner


BIG = b"x" * 65534 + b"\r\n"


def test_a_chunk_that_is_refused_ends_the_message() -> None:
    owner = in_chunks()
    owner.session.send_content(BIG * 2)
    assert owner.receive(b"552 5.3.4 Too big\r\n").endswith(b"RSET\r\n")
    assert owner.events[-1] == ContentRefused()
    with pytest.raises(SequenceError):
        owner.session.send_content(b"more\r\n")
    owner.receive(b"503 x\r\n" + OK)
    assert owner.events[-1] == MessageDone({BOB: Outcome(552, "5.3.4", "Too big", HOST)})
    assert owner.session.state is ClientState.READY


def test_a_chunk_that_is_refused_when_the_last_is_on_its_way() -> None:
    owner = in_chunks()
    owner.session.send_content(BIG)
    owner.session.end_content()
    assert owner.receive(b"552 5.3.4 Too big\r\n503 x\r\n").endswith(b"RSET\r\n")
    owner.receive(OK)
    assert owner.events[-1] == MessageDone({BOB: Outcome(552, "5.3.4", "Too big", HOST)})


def test_in_lmtp_that_ends_the_session() -> None:
    owner = in_chunks(protocol=Protocol.LMTP)
    owner.session.send_content(BIG)
    owner.session.end_content()
    owner.receive(b"552 5.3.4 Too big\r\n")
    assert owner.events[-2] == MessageDone({BOB: Outcome(552, "5.3.4", "Too big", HOST)})
    assert owner.session.state is ClientState.CLOSED


def test_lmtp_has_a_reply_for_each_recipient() -> None:
    heard = run(
        [lhlo, message(BOB, EVE, ANN)],
        GREETING,
        PIPELINING,
        OK + OK + REFUSED + OK + START_INPUT,
        OK + b"452 4.2.2 Full\r\n",
        protocol=Protocol.LMTP,
    )
    assert heard.sent[0] == b"LHLO client.example.org\r\n"
    assert heard.events[-1] == MessageDone(
        {BOB: DELIVERED, EVE: NO_SUCH, ANN: Outcome(452, "4.2.2", "Full", HOST)}
    )


def test_content_that_cannot_be_sent_ends_the_session() -> None:
    owner = ClientOwner(session(), [ehlo, message(BOB)], content=[])
    converse(owner, [[GREETING], [PIPELINING]])
    owner.session.receive(OK + OK + START_INPUT)
    assert owner.session.next_event() == ContentWanted()
    owner.session.send_content(b"fine\r\n")
    with pytest.raises(BareLineEndingError):
        owner.session.send_content(b"a\nb\r\n")
    refused = Outcome(550, "5.6.0", "The message contains a bare CR or LF")
    owner.session.abort_message(refused)
    # What was not handed out yet is not sent any more, least of all a final dot.
    assert owner.session.data_to_send() == b""
    assert owner.session.next_event() == MessageDone({BOB: refused})
    assert owner.session.state is ClientState.CLOSED


def test_in_chunks_it_ends_the_message_alone() -> None:
    owner = in_chunks()
    refused = Outcome(550, "5.6.0", "The message contains a bare CR or LF")
    owner.session.abort_message(refused)
    assert owner.session.data_to_send() == b"RSET\r\n"
    owner.receive(OK)
    assert owner.events[-1] == MessageDone({BOB: refused})
    assert owner.session.state is ClientState.READY


# Loss


def lost(flights: list[bytes], **settings: object) -> list[object]:
    owner = ClientOwner(session(**settings), [ehlo, message(BOB, EVE)])
    converse(owner, [[flight] for flight in flights])
    before = len(owner.events)
    owner.session.close(LOST)
    owner.listen()
    return owner.events[before:]


@pytest.mark.parametrize("count", range(3))
def test_a_loss_before_the_message_is_temporary(count: int) -> None:
    replies = [OK, OK, OK][:count]
    assert lost([GREETING, PIPELINING, *replies]) == [MessageDone({BOB: LOST, EVE: LOST})]


def test_a_loss_behind_the_end_of_the_message_leaves_it_in_doubt() -> None:
    doubt = Outcome(451, "4.4.2", "The connection was lost", in_doubt=True)
    assert lost([GREETING, PIPELINING, OK + OK + REFUSED + START_INPUT]) == [
        MessageInDoubt({BOB: doubt, EVE: NO_SUCH})
    ]
    assert lost([GREETING, CHUNKING, OK + OK + OK]) == [MessageInDoubt({BOB: doubt, EVE: doubt})]


def test_in_lmtp_only_those_without_a_reply_are_in_doubt() -> None:
    owner = ClientOwner(session(Protocol.LMTP), [lhlo, message(BOB, EVE)])
    converse(owner, [[GREETING], [PIPELINING], [OK + OK + OK + START_INPUT], [OK]])
    owner.session.close(LOST)
    owner.listen()
    doubt = Outcome(451, "4.4.2", "The connection was lost", in_doubt=True)
    assert owner.events[-1] == MessageInDoubt({BOB: DELIVERED, EVE: doubt})


def test_a_loss_without_a_message_is_nothing_to_tell() -> None:
    owner = ClientOwner(session(), [ehlo])
    converse(owner, [[GREETING], [PIPELINING]])
    owner.session.close(LOST)
    assert owner.listen() == b""
    assert len(owner.events) == 2


# EHLO, STARTTLS


def test_keywords_match_in_any_case() -> None:
    owner = ClientOwner(session(), [ehlo])
    converse(
        owner, [[GREETING], [b"250-x\r\n250-sIZE 100\r\n250-auth PLAIN\r\n250-AUTH LOGIN\r\n250 =odd\r\n"]]
    )
    assert owner.session.offered == {"SIZE": ("100",), "AUTH": ("PLAIN", "LOGIN")}


def test_helo_where_ehlo_is_not_known() -> None:
    heard = run([ehlo, lambda s: s.hello(Command.HELO), message()], GREETING, b"502 x\r\n", PIPELINING)
    assert heard.sent == (
        b"EHLO client.example.org\r\n",
        b"HELO client.example.org\r\n",
        b"MAIL FROM:<ann@example.org>\r\n",
    )


def test_after_starttls_nothing_is_known_of_the_server() -> None:
    owner = ClientOwner(session(), [ehlo, starttls])
    sent = converse(owner, [[GREETING], [PIPELINING], [b"220 2.0.0 go\r\n"]]).octets
    assert sent == b"EHLO client.example.org\r\nSTARTTLS\r\n"
    assert owner.events[-1] == BeginTls()
    assert owner.session.offered == {}
    assert owner.session.state is ClientState.START
    with pytest.raises(SequenceError, match="MAIL"):
        owner.session.start_message(envelope())
    with pytest.raises(SequenceError, match="under TLS"):
        owner.session.start_tls()


def test_starttls_may_be_refused() -> None:
    heard = run([ehlo, starttls], GREETING, PIPELINING, b"454 4.7.0 Not now\r\n")
    assert heard.events[-1] == Answered(Command.STARTTLS, Reply(454, "4.7.0", ("Not now",)))
    assert heard.state is ClientState.READY


def test_a_server_that_does_not_want_us_hears_quit_alone() -> None:
    owner = ClientOwner(session(), [])
    converse(owner, [[b"554 No service\r\n"]])
    assert owner.events == [Greeted(Reply(554, None, ("No service",)))]
    with pytest.raises(SequenceError):
        ehlo(owner.session)
    bye(owner.session)
    assert owner.session.data_to_send() == b"QUIT\r\n"


# CLIENTID, AUTH

UNDER_TLS = b"250-x\r\n250-PIPELINING\r\n250-CLIENTID\r\n250 AUTH PLAIN LOGIN\r\n"


def ready(*flights: bytes, offer: bytes = UNDER_TLS, **settings: object) -> ClientOwner:
    owner = ClientOwner(session(**{"tls": True, **settings}), [ehlo])
    converse(owner, [[GREETING], [offer], *[[flight] for flight in flights]])
    return owner


def test_an_identity_then_a_login() -> None:
    heard = run([ehlo, identify, plain], GREETING, UNDER_TLS, OK, b"235 2.7.0 Welcome\r\n", tls=True)
    assert heard.sent[1:] == (
        b"CLIENTID UUID 0b2f0f0c-7d0e-4c66-9a0a-1d4d6b2b9a10\r\n",
        b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n",
        b"",
    )


@pytest.mark.requirement("C7")
def test_no_identity_without_tls() -> None:
    owner = ready(tls=False)
    with pytest.raises(SequenceError):
        identify(owner.session)
    assert owner.session.data_to_send() == b""


@pytest.mark.requirement("C8")
def test_no_identity_that_was_not_asked_for() -> None:
    for offer in (PLAIN_EHLO, PIPELINING):
        owner = ready(offer=offer)
        with pytest.raises(SequenceError):
            identify(owner.session)
        assert owner.session.data_to_send() == b""


@pytest.mark.requirement("C8")
def test_what_was_offered_in_clear_does_not_count() -> None:
    owner = ClientOwner(session(), [ehlo, starttls])
    converse(owner, [[GREETING], [UNDER_TLS], [b"220 go\r\n"]])
    owner.session.data_to_send()
    with pytest.raises(SequenceError):
        identify(owner.session)
    ehlo(owner.session)
    owner.receive(PIPELINING)
    with pytest.raises(SequenceError):
        identify(owner.session)


@pytest.mark.requirement("C10")
def test_one_identity_alone() -> None:
    owner = ready()
    identify(owner.session)
    owner.receive(OK)
    assert owner.session.identified
    with pytest.raises(SequenceError):
        identify(owner.session)


def test_an_identity_that_was_refused_may_be_said_again() -> None:
    owner = ready()
    identify(owner.session)
    owner.receive(b"501 5.5.4 Syntax\r\n")
    identify(owner.session)
    assert owner.session.data_to_send().startswith(b"CLIENTID ")


@pytest.mark.requirement("C11")
@pytest.mark.parametrize("answer", [b"235 2.7.0 x\r\n", b"535 5.7.8 x\r\n"])
def test_no_identity_after_a_login(answer: bytes) -> None:
    owner = ready()
    plain(owner.session)
    owner.receive(answer)
    with pytest.raises(SequenceError):
        identify(owner.session)


@pytest.mark.parametrize(
    ("kind", "token"),
    [("UUID", "a\r\nRSET"), ("UU ID", "x"), ("", "x"), ("UUID", ""), ("uuid", "x"), ("A", "é")],
)
def test_an_identity_that_breaks_the_grammar_is_not_said_nor_told(kind: str, token: str) -> None:
    owner = ready()
    with pytest.raises(ValueError) as raised:
        owner.session.identify(ClientIdentity(kind, token))
    assert len(token) < 2 or token not in str(raised.value)
    assert owner.session.data_to_send() == b""


def test_no_password_in_clear() -> None:
    owner = ready(tls=False)
    with pytest.raises(SequenceError):
        plain(owner.session)
    assert owner.session.data_to_send() == b""
    allowed = ready(tls=False, plaintext_auth=True)
    plain(allowed.session)
    assert allowed.session.data_to_send().startswith(b"AUTH PLAIN ")


def test_a_mechanism_that_is_not_offered() -> None:
    with pytest.raises(SequenceError, match="not offered"):
        ready().session.authenticate("CRAM-MD5", None)


def login(owner: ClientOwner, *flights: bytes) -> tuple[bytes, ...]:
    owner.session.authenticate("LOGIN", None)
    first = owner.session.data_to_send()
    return first, *converse(owner, [[flight] for flight in flights]).sent


def test_challenges() -> None:
    owner = ready()
    owner._responses = [b"ann", b"secret"]
    said = login(owner, b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", b"235 x\r\n")
    assert said == (b"AUTH LOGIN\r\n", b"YW5u\r\n", b"c2VjcmV0\r\n", b"")
    assert owner.events[-3:-1] == [AuthChallenge(b"Username:"), AuthChallenge(b"Password:")]
    assert owner.session.authenticated
    with pytest.raises(SequenceError):
        plain(owner.session)


def test_giving_up() -> None:
    owner = ready()
    assert login(owner, b"334 \r\n", b"501 x\r\n")[1:] == (b"*\r\n", b"")
    assert not owner.session.authenticated
    assert owner.session.state is ClientState.READY


def test_an_initial_response_that_is_too_long_waits_until_it_is_asked_for() -> None:
    owner = ready()
    secret = b"x" * 400
    owner.session.authenticate("PLAIN", secret)
    assert owner.session.data_to_send() == b"AUTH PLAIN\r\n"
    assert len(owner.receive(b"334 \r\n")) > 512
    assert not any(isinstance(event, AuthChallenge) for event in owner.events)


def test_an_empty_initial_response() -> None:
    owner = ready(offer=b"250-x\r\n250 AUTH EXTERNAL\r\n")
    owner.session.authenticate("EXTERNAL", b"")
    assert owner.session.data_to_send() == b"AUTH EXTERNAL =\r\n"


# What the owner must not do


def test_a_message_that_the_server_cannot_carry_is_not_begun() -> None:
    owner = ready(offer=PLAIN_EHLO)
    with pytest.raises(CannotCarryError) as raised:
        owner.session.start_message(envelope(options=MailOptions(body=BodyType.EIGHT_BIT_MIME)))
    assert raised.value.outcome.enhanced == "5.6.3"
    assert owner.session.data_to_send() == b""
    owner.session.start_message(envelope())
    assert owner.session.data_to_send().startswith(b"MAIL")


def test_recipients_must_be_told_apart() -> None:
    for recipients in ([BOB, BOB],):
        with pytest.raises(ValueError, match="each one once"):
            ready().session.start_message(envelope(*recipients))


def test_one_thing_after_the_other() -> None:
    owner = ready()
    owner.session.start_message(envelope())
    for act in (
        plain,
        bye,
        partial(ClientOwner(owner.session, []).session.start_message, envelope()),
        lambda: owner.session.respond(b""),
        lambda: owner.session.send_content(b""),
        owner.session.end_content,
        owner.session.tls_established,
    ):
        with pytest.raises((SequenceError, TypeError)):
            act(owner.session) if act in (plain, bye) else act()
    plain_owner = ready()
    plain(plain_owner.session)
    with pytest.raises(SequenceError, match="no challenge"):
        plain_owner.session.respond(b"x")
