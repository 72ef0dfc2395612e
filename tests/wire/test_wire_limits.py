"""SessionLimits: what a session bears, and that it holds no more than it must."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailext.values import Protocol
from mailext.wire.commands import LONGEST_LINE
from mailext.wire.events import NEED_DATA, UnknownCommand
from mailext.wire.extensions import Offer
from mailext.wire.limits import SessionLimits
from mailext.wire.lines import LineBuffer, LineTooLongError
from mailext.wire.replies import AUTHENTICATION_FAILED, LOCAL_ERROR, OK, RECIPIENT_OK
from mailext.wire.server import ServerSession
from mailext.wire.states import State
from tests.vectors.model import EHLO, LHLO, MAIL, QUIT, RCPT, Listener
from tests.wire.driver import Owner, Transcript, cut, owner_of, run

_MESSAGE = MAIL + RCPT + b"DATA\r\n.\r\n"


def under(limits: SessionLimits, lines: bytes, protocol: Protocol = Protocol.ESMTP) -> Transcript:
    return run(Owner(protocol, Offer(limits=limits)), [[lines]])


def counted(transcript: Transcript) -> tuple[list[str], str]:
    """The codes of all replies but the last, and the last one."""
    *before, last = transcript.replies
    return [reply[:3] for reply in before], last


# Lines

segments = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"bcd", b"x" * 30, b"\r\r\n"]), max_size=30)


@given(segments, st.integers(20, 40), st.lists(st.integers(0, 200), max_size=10))
def test_lines_are_taken_alike_wherever_they_are_cut(
    pieces: list[bytes], limit: int, places: list[int]
) -> None:
    stream = b"".join(pieces)
    lines = stream.split(b"\r\n")[:-1]
    expected = [line if len(line) + 2 <= limit else line[:16] for line in lines]
    buffer = LineBuffer()
    taken = []
    for piece in cut(stream, places) if stream else []:
        buffer.append(piece)
        while True:
            try:
                line = buffer.take_line(limit)
            except LineTooLongError as error:
                taken.append(error.beginning)
                continue
            if line is None:
                break
            taken.append(line)
        # What may still become a line is all that is kept.
        assert len(buffer) <= limit
    assert taken == expected


def test_a_line_that_is_too_long_tells_how_it_begins() -> None:
    buffer = LineBuffer()
    for _ in range(1000):
        buffer.append(b"AUTH PLAIN AAAA")
        assert buffer.take_line(100) is None
    buffer.append(b"\r\nNOOP\r\n")
    with pytest.raises(LineTooLongError) as refusal:
        buffer.take_line(100)
    assert refusal.value.beginning == b"AUTH PLAIN AAAAA"
    assert buffer.take_line(100) == b"NOOP"


def test_octets_are_taken_without_regard_to_lines() -> None:
    buffer = LineBuffer()
    buffer.append(b"a\r")
    assert buffer.take_line(10) is None
    assert buffer.take(1) == b"a"
    buffer.append(b"\nb")
    assert buffer.take_line(10) == b""
    assert buffer.take(10) == b"b"
    assert not buffer


def test_clearing_forgets_a_line_that_is_too_long() -> None:
    buffer = LineBuffer()
    buffer.append(b"x" * 50)
    assert buffer.take_line(10) is None
    buffer.clear()
    buffer.append(b"NOOP\r\n")
    assert buffer.take_line(10) == b"NOOP"


@pytest.mark.parametrize("octet", [b"x", b"\r", b"\n", b"\0"])
@pytest.mark.parametrize("before", [b"", EHLO + b"AUTH PLAIN\r\n"], ids=["command", "response"])
def test_an_endless_line_is_not_kept(before: bytes, octet: bytes) -> None:
    owner = owner_of(Listener.TLS)
    run(owner, [[before]])
    for _ in range(100):
        owner.receive(octet * 1000)
        assert len(owner.session._buffer) <= LONGEST_LINE
    owner.sent = b""
    assert run(owner, [[b"\r\nNOOP\r\n"]]).replies[-1].startswith("250")


def test_content_is_not_kept() -> None:
    owner = owner_of(Listener.CLEAR)
    run(owner, [[EHLO + MAIL + RCPT + b"DATA\r\n"]])
    for _ in range(100):
        owner.receive(b"x" * 1000)
        assert len(owner.session._buffer) == 0


def test_a_chunk_that_is_refused_is_not_kept() -> None:
    owner = owner_of(Listener.CLEAR)
    run(owner, [[EHLO + b"BDAT 100000\r\n"]])
    for _ in range(100):
        owner.receive(b"x" * 1000)
        assert len(owner.session._buffer) == 0
    assert owner.transcript().replies[-1].startswith("503")


# Counts


def test_commands() -> None:
    codes, last = counted(
        under(SessionLimits(commands=5, junk_commands=1000), EHLO + b"NOOP\r\n" * 20 + MAIL)
    )
    assert codes == ["250"] * 5
    assert last == "421 4.7.0 Too many commands"


def test_accepted_recipients_are_no_commands() -> None:
    transcript = under(SessionLimits(commands=5), EHLO + MAIL + RCPT * 100 + b"DATA\r\n.\r\n" + QUIT)
    assert transcript.replies[-1].startswith("221")
    assert transcript.messages == (b"",)


def test_refused_recipients_are_commands() -> None:
    limits = SessionLimits(commands=5, errors=1000)
    codes, last = counted(under(limits, EHLO + MAIL + b"RCPT TO:<nobody@example.org>\r\n" * 20))
    assert codes == ["250", "250", "550", "550", "550"]
    assert last.startswith("421 4.7.0")


def test_chunks_are_no_commands_but_empty_ones() -> None:
    limits = SessionLimits(commands=5)
    transcript = under(limits, EHLO + MAIL + RCPT + b"BDAT 1\r\nx" * 100 + b"BDAT 1 LAST\r\nx" + QUIT)
    assert transcript.messages == (b"x" * 101 + b"\r\n",)
    codes, last = counted(under(limits, EHLO + MAIL + RCPT + b"BDAT 0\r\n" * 100))
    assert codes == ["250"] * 6
    assert last.startswith("421 4.7.0")


def test_chunks_out_of_sequence_are_commands() -> None:
    limits = SessionLimits(commands=5, errors=1000)
    codes, last = counted(under(limits, LHLO + b"BDAT 1\r\nx" * 2 + b"BDAT 1 LAST\r\nx" * 100, Protocol.LMTP))
    # In LMTP a last chunk without recipients gets no reply: it counts all the same.
    assert codes == ["250", "503", "503"]
    assert last.startswith("421 4.7.0")


@pytest.mark.parametrize("line", [b"NOOP\r\n", b"RSET\r\n", b"VRFY x\r\n", b"HELP\r\n", EHLO, b"HELO x\r\n"])
def test_junk(line: bytes) -> None:
    codes, last = counted(under(SessionLimits(junk_commands=3), EHLO + line * 20))
    assert len(codes) == 4
    assert last.startswith("421 4.7.0")


def test_the_first_greeting_is_no_junk() -> None:
    assert under(SessionLimits(junk_commands=0), EHLO + _MESSAGE).messages == (b"",)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"FOO\r\n", "500"),
        (b"\r\n", "500"),
        (b"MAIL\r\n", "501"),
        (b"STARTTLS\r\n", "502"),
        (b"DATA\r\n", "503"),
        (b"NOOP " + b"x" * 600 + b"\r\n", "500"),
        (b"BDAT 1\r\nx", "503"),
        (b"CLIENTID UUID x\r\n", "500"),
    ],
)
def test_errors(line: bytes, code: str) -> None:
    codes, last = counted(under(SessionLimits(errors=4), EHLO + line * 20))
    assert codes == ["250"] + [code] * 4
    assert last == "421 4.7.0 Too many errors"


def test_errors_that_the_owner_gives_are_counted() -> None:
    session = ServerSession(Protocol.ESMTP, Offer(limits=SessionLimits(errors=2)))
    session.receive(b"FOO\r\nFOO\r\nFOO\r\n")
    assert session.next_event() == UnknownCommand(b"FOO", b"")
    session.reply(LOCAL_ERROR)
    session.next_event()
    session.reply(LOCAL_ERROR)
    assert session.state is State.CLOSED
    assert session.data_to_send().endswith(b"421 4.7.0 Too many errors\r\n")
    assert session.next_event() is NEED_DATA


def test_recipients_beyond_the_limit_are_refused_and_the_rest_goes_on() -> None:
    lines = EHLO + MAIL + RCPT * 8 + b"DATA\r\n.\r\n" + MAIL + RCPT + QUIT
    transcript = under(SessionLimits(recipients=3, errors=2), lines)
    codes, last = counted(transcript)
    assert codes == ["250", *["250"] * 4, *["452"] * 5, "354", "250", "250", "250"]
    assert last.startswith("221")


def test_recipients_are_counted_once_accepted() -> None:
    nobody = b"RCPT TO:<nobody@example.org>\r\n"
    codes, _ = counted(under(SessionLimits(recipients=1), EHLO + MAIL + nobody * 3 + RCPT + nobody + QUIT))
    assert codes == ["250", "250", "550", "550", "550", "250", "452"]


def test_an_accepted_message_begins_the_counts_anew() -> None:
    limits = SessionLimits(commands=10, junk_commands=3, errors=3)
    once = b"NOOP\r\n" * 3 + b"FOO\r\n" * 2 + _MESSAGE
    assert len(under(limits, EHLO + once * 5).messages) == 5


def test_a_refused_message_does_not() -> None:
    limits = SessionLimits(errors=3)
    codes, last = counted(under(limits, EHLO + (MAIL + RCPT + b"DATA\r\n\n\r\n.\r\n") * 5))
    assert codes == ["250", *["250", "250", "354", "550"] * 3]
    assert last.startswith("421 4.7.0")


def test_in_lmtp_one_delivery_begins_them_anew() -> None:
    session = ServerSession(Protocol.LMTP, Offer(limits=SessionLimits(errors=2)))
    session.receive(LHLO)
    session.next_event()
    session.reply(OK)
    for _ in range(5):
        session.receive(MAIL + RCPT + RCPT + b"DATA\r\n.\r\n")
        session.next_event()
        session.reply(OK)
        for _ in range(2):
            session.next_event()
            session.reply(RECIPIENT_OK)
        session.next_event()
        session.accept_message()
        session.next_event()
        session.reply(OK, LOCAL_ERROR)
    assert session.state is State.READY


@pytest.mark.parametrize(
    "lines",
    [
        b"FOO\r\n" * 30 + _MESSAGE,
        EHLO * 30 + _MESSAGE,
        QUIT + EHLO + _MESSAGE,
        EHLO + MAIL + RCPT + b"BDAT x\r\n" + _MESSAGE,
        EHLO + b"GET / HTTP/1.1\r\n" + _MESSAGE,
        EHLO + b"STARTTLS\r\n" + _MESSAGE,
    ],
)
def test_nothing_follows_the_last_word(lines: bytes) -> None:
    owner = owner_of(Listener.CLEAR)
    transcript = run(owner, [[lines]])
    assert transcript.state is State.CLOSED
    assert transcript.replies[-1][:3] in ("421", "221")
    assert sum(reply[:3] in ("421", "221") for reply in transcript.replies) == 1
    assert transcript.messages == ()
    assert run(owner, [[EHLO + _MESSAGE]]) == transcript
    assert len(owner.session._buffer) == 0


def test_a_session_that_is_closed_in_the_midst_of_a_login_says_nothing_more() -> None:
    owner = owner_of(Listener.TLS)
    owner.receive(EHLO)
    owner.answer_all()
    owner.receive(b"AUTH PLAIN AGEAYg==\r\nNOOP\r\n")
    owner.session.reply(AUTHENTICATION_FAILED)
    owner.session.close(LOCAL_ERROR)
    owner.question = None
    owner.listen()
    assert owner.sent.endswith(bytes(AUTHENTICATION_FAILED) + bytes(LOCAL_ERROR))


def test_defaults_are_those_that_an_operator_of_postfix_knows() -> None:
    limits = SessionLimits()
    assert (limits.recipients, limits.errors, limits.junk_commands) == (1000, 20, 100)
    assert limits.message_size == 50 * 1024 * 1024
