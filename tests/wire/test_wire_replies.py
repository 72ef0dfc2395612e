"""Replies as they are sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailext.values import Outcome, Verdict
from mailext.wire import replies
from mailext.wire.replies import Reply
from tests.wire.driver import split_replies

STANDING = [value for value in vars(replies).values() if isinstance(value, Reply)]


@pytest.mark.parametrize("reply", STANDING, ids=lambda reply: str(bytes(reply)))
def test_standing_replies_have_the_enhanced_code_that_rfc_2034_wants(reply: Reply) -> None:
    if reply.code == 354:
        assert reply.enhanced is None
    else:
        assert reply.enhanced is not None
        assert reply.enhanced[0] == str(reply.code)[0]
    assert len(split_replies(bytes(reply))) == 1


def test_a_reply_of_one_line() -> None:
    assert bytes(Reply.of(250, "2.0.0", "OK")) == b"250 2.0.0 OK\r\n"
    assert bytes(Reply.of(220, None, "mx.example.org ESMTP")) == b"220 mx.example.org ESMTP\r\n"


def test_a_reply_of_several_lines_has_the_code_in_each() -> None:
    assert bytes(Reply.of(214, "2.0.0", "a", "b", "c")) == b"214-2.0.0 a\r\n214-2.0.0 b\r\n214 2.0.0 c\r\n"


def test_a_reply_without_text_is_a_reply() -> None:
    assert bytes(Reply.of(250, None)) == b"250 \r\n"
    assert bytes(Reply.of(250, "2.0.0")) == b"250 2.0.0 \r\n"


lines = st.lists(st.text(max_size=40) | st.text(min_size=490, max_size=700), max_size=4)


@given(st.integers(200, 599), st.none() | st.just("5.7.1"), lines)
def test_whatever_its_text_it_is_one_reply_that_a_client_can_read(
    code: int, enhanced: str | None, text: list[str]
) -> None:
    sent = bytes(Reply.of(code, enhanced, *text))
    (reply,) = split_replies(sent)
    assert len(reply.splitlines()) == max(len(text), 1)
    for line in sent.split(b"\r\n"):
        assert len(line) + 2 <= 512
        assert all(0x20 <= octet < 0x7F for octet in line)


def test_text_cannot_begin_a_reply_of_its_own() -> None:
    reply = Reply.of(550, "5.7.1", "no\r\n250 2.0.0 yes")
    assert bytes(reply) == b"550 5.7.1 no??250 2.0.0 yes\r\n"


@pytest.mark.parametrize(
    ("code", "text", "sent"),
    [
        (550, "5.7.1 Not yours", b"550 5.7.1 Not yours\r\n"),
        (550, "Not yours", b"550 5.0.0 Not yours\r\n"),
        (550, "", b"550 5.0.0 \r\n"),
        (550, "5.7.1", b"550 5.7.1 \r\n"),
        (550, "4.7.1 Not yours", b"550 5.0.0 4.7.1 Not yours\r\n"),
        (550, "5.7.1234 Not yours", b"550 5.0.0 5.7.1234 Not yours\r\n"),
        (550, "5.7.1x", b"550 5.0.0 5.7.1x\r\n"),
        (550, "5.7.1 Not\nyours", b"550-5.7.1 Not\r\n550 5.7.1 yours\r\n"),
    ],
)
def test_a_text_may_bring_its_enhanced_code(code: int, text: str, sent: bytes) -> None:
    assert bytes(Reply.parse_text(code, text, default="5.0.0")) == sent


@pytest.mark.parametrize(
    ("judgement", "sent"),
    [
        (Verdict(), b"250 2.0.0 OK\r\n"),
        (Verdict.refuse("secret reason"), b"550 5.7.1 Refused by policy\r\n"),
        (Verdict.defer("secret reason"), b"451 4.7.1 Try again later\r\n"),
        (Verdict(code=550, text="No"), b"550 5.0.0 No\r\n"),
        (Verdict(code=451, enhanced="5.7.1", text="No"), b"451 4.0.0 No\r\n"),
        (Verdict(code=550, enhanced="", text="No"), b"550 5.0.0 No\r\n"),
        (Outcome(250, "2.1.5", "Delivered"), b"250 2.1.5 Delivered\r\n"),
    ],
)
def test_the_face_of_a_judgement_tells_no_reason(judgement: Verdict | Outcome, sent: bytes) -> None:
    assert bytes(Reply.from_judgement(judgement)) == sent
