"""The hostile servers against the client that sends mail: whatever they say, there is an end to it, and the right one."""

from __future__ import annotations

import pytest
from twisted.python.failure import Failure

from mailext import MailSender, MailServer
from mailext.values import Envelope, HopError, Mailbox, Outcome, Recipient, TlsUse
from tests.net.world import Script, World
from tests.vectors.server_model import PLAIN, Moment, ServerVector
from tests.vectors.servers import VECTORS

BOB = Mailbox("bob", "example.net")
ENVELOPE = Envelope(Mailbox("ann", "example.org"), (Recipient(BOB),))
MESSAGE = b"Subject: x\r\n\r\n.dot\r\n"
HOST = "mx.example.net"

#: To which of the client's words the vector is the answer.
VERBS = {
    Moment.CONNECT: "",
    Moment.EHLO: "EHLO",
    Moment.MAIL: "MAIL",
    Moment.RCPT: "RCPT",
    Moment.DATA: "DATA",
    Moment.END: ".",
}
CHOSEN = [vector for vector in VECTORS if vector.moment in VERBS]


def sent(vector: ServerVector) -> tuple[Outcome, Script]:
    """What becomes of a message, and the server that was asked to take it."""
    world = World()
    script = Script({"EHLO": PLAIN, VERBS[vector.moment]: vector.said})
    world.servers[HOST] = lambda: script
    server = MailServer(HOST, use=TlsUse.NEVER)
    sender = MailSender(server, world.clock, "client.example.org", dial=world.dial)
    results: list[object] = []
    sender.send(ENVELOPE, MESSAGE).addBoth(results.append)
    world.pump()
    for _ in range(60):
        if not results:
            # Who waits for the rest of a reply gives up some day.
            world.advance(60.0)
    (result,) = results
    if isinstance(result, Failure):
        assert isinstance(result.value, HopError)
        return result.value.outcome, script
    return result[BOB], script


@pytest.mark.parametrize("vector", CHOSEN, ids=lambda vector: vector.id)
def test_a_message_has_an_end_whatever_the_server_says(vector: ServerVector) -> None:
    outcome, script = sent(vector)
    _, _, came = vector.comes_of_it.rpartition("; ")
    assert len(str(outcome).splitlines()) == 1
    if came[:3].isdigit():
        assert outcome.code == int(came[:3])
    elif vector.comes_of_it != "waits":
        assert outcome.is_temporary or vector.comes_of_it.endswith(str(outcome.code))
    if outcome.code < 300:
        # Taken by one that was given it.
        assert script.messages
