"""What other servers of mail say to our client."""

from __future__ import annotations

from mailext.values import Protocol
from mailext.wire.client_commands import parse_offer
from mailext.wire.client_events import Fault, MessageDone, MessageInDoubt
from mailext.wire.client_limits import ServerLimits
from mailext.wire.client_replies import ReplyError, ReplyReader
from mailext.wire.client_states import ClientState
from mailext.wire.replies import Reply
from tests.fuzz.target import Target, expect, pieces
from tests.wire.client_driver import (
    BOB,
    EVE,
    LOST,
    ClientOwner,
    bye,
    converse,
    ehlo,
    lhlo,
    message,
    session,
    starttls,
)
from tests.wire.driver import octets

#: Between what is said in one flight and in the next.
_FLIGHT = b"|"
_MOST_SAID = 1 << 16


def _read(parts: list[bytes]) -> tuple[list[Reply], bool]:
    reader, found = ReplyReader(), []
    try:
        for part in parts:
            reader.append(part)
            while (reply := reader.next_reply()) is not None:
                found.append(reply)
    except ReplyError:
        return found, False
    return found, True


def check_replies(data: bytes) -> None:
    """Replies, however they are cut."""
    seed, stream = data[:2], data[2:]
    whole = _read([stream])
    expect(_read(pieces(stream, seed)) == whole, "a cut changes the replies")
    expect(_read(octets(stream)) == whole, "octet by octet the replies are others")
    for reply in whole[0]:
        expect(200 <= reply.code < 600, "not a reply code")
        expect(all("\r" not in line and "\n" not in line for line in reply.lines), "a line end within a line")
        expect(str(reply.as_outcome("mx.example.net")), "an outcome without words")
        offered = parse_offer(reply.lines)
        limits = ServerLimits.parse(offered.get("LIMITS", ()))
        expect(
            all(each is None or each > 0 for each in (limits.mails, limits.recipients)), "a limit of nothing"
        )


def check_client(data: bytes) -> None:
    """The first octet chooses the protocol and what is done; then flights of a server."""
    choice = data[0] if data else 0
    protocol = Protocol.LMTP if choice & 1 else Protocol.ESMTP
    steps = [lhlo if choice & 1 else ehlo, message(BOB, EVE), message(BOB), bye]
    if choice & 2:
        steps[1:1] = [starttls, ehlo]
    if choice & 4:
        steps[1:1] = [lambda client: client.authenticate("LOGIN", None)]
    owner = ClientOwner(session(protocol, tls=not choice & 2), steps, responses=[b"ann", b"secret"])
    flights = data[1:].split(_FLIGHT)
    said = converse(owner, [[flight] for flight in flights])
    if choice & 2 and not any(b"STARTTLS" in each for each in said.sent):
        expect(b"MAIL FROM" not in said.octets or b"AUTH" not in said.octets, "AUTH without TLS")
    owner.session.close(LOST)
    owner.listen()
    expect(owner.session.state is ClientState.CLOSED, "a session that cannot be ended")
    expect(owner.session.data_to_send() == b"", "words behind the end")
    done = [event for event in owner.events if isinstance(event, MessageDone | MessageInDoubt)]
    begun = said.octets.count(b"MAIL FROM")
    expect(len(done) - begun in (0, 1), "a message without an end")
    for event in done:
        expect(set(event.outcomes) in ({BOB, EVE}, {BOB}), "a recipient without an outcome")
        delivered = [each for each in event.outcomes.values() if each.code < 300]
        expect(
            not delivered or said.octets.count(b"\r\n.\r\n") + said.octets.count(b" LAST\r\n"),
            "delivered unsent",
        )
    faults = [event for event in owner.events if isinstance(event, Fault)]
    expect(len(faults) <= 1, "more than one fault")
    expect(len(said.octets) <= _MOST_SAID, "a client that does not stop")


_WORDS = (
    b"220 mx.example.net ESMTP\r\n", b"250-mx.example.net\r\n", b"250-PIPELINING\r\n", b"250-CHUNKING\r\n", b"250-STARTTLS\r\n",
    b"250-AUTH PLAIN LOGIN\r\n", b"250-LIMITS RCPTMAX=1 MAILMAX=1\r\n", b"250-SIZE 100\r\n", b"250 8BITMIME\r\n", b"250 2.0.0 OK\r\n", b"354 Go\r\n",
    b"550 5.1.1 No\r\n", b"451 4.7.1 Later\r\n", b"421 4.3.2 Bye\r\n", b"221 Bye\r\n", b"334 VXNlcm5hbWU6\r\n", b"235 2.7.0 Yes\r\n", b"|", b"250-", b"\r\n",
)  # fmt: skip

TARGETS = (
    Target(
        "replies",
        check_replies,
        "servers: replies, EHLO keywords and LIMITS",
        "ReplyError alone; cuts change nothing; no line end within a line",
        _WORDS[:-3],
    ),
    Target(
        "client",
        check_client,
        "servers: whole sessions with our client",
        "each message has one end and each recipient one outcome; nothing is delivered that was not sent; it stops",
        _WORDS,
    ),
)
