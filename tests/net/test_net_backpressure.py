"""A client that does not take its replies: they do not pile up."""

from __future__ import annotations

from tests.net.client import Client, codes
from tests.net.site import MAIL, RCPT, Delivery, Server, serve

_MANY = b"".join(line + b"\r\n" for line in [MAIL, *[RCPT] * 900, b"RSET"])


def deaf(server: Server) -> Client:
    """A client with more replies than few sessions have, which takes no more of them."""
    client = server.greeted()
    for _ in range(2):
        client.send(_MANY)
    assert client.transport.producer is not None, "the transport is watched by now"
    client.replies()
    client.transport.producer.pauseProducing()
    return client


def test_what_it_sends_is_not_read_any_more() -> None:
    delivery = Delivery()
    client = deaf(serve(delivery))
    asked = len(delivery.calls)
    for _ in range(50):
        client.send(_MANY)
    assert client.transport.producerState == "paused"
    assert client.unread > 48 * len(_MANY)
    # No more than one segment was handled meanwhile.
    assert len(delivery.calls) - asked < 4000
    assert len(client.octets()) < 200_000


def test_it_goes_on_when_they_were_taken() -> None:
    client = deaf(serve(Delivery()))
    client.send(b"NOOP\r\n")
    client.send(b"NOOP\r\nNOOP\r\n")
    client.octets()
    client.transport.producer.resumeProducing()
    client.pump()
    assert set(codes(client.replies())) <= {"250"}
    assert client.transport.producerState == "producing"
    assert codes(client.say(b"VRFY x")) == ["252"]


def test_its_time_is_up_some_day() -> None:
    server = serve(Delivery(), command_timeout=60.0)
    client = deaf(server)
    client.send(_MANY)
    server.advance(60.0)
    assert client.protocol.transport.disconnecting or client.closed
    server.advance(10.0)
    assert server.factory.drain().called


def test_few_replies_are_not_watched() -> None:
    client = serve(Delivery()).greeted(MAIL, RCPT, b"DATA", b"", b"body", b".")
    assert client.transport.producer is None


def test_under_tls_too(tls_settings) -> None:
    server = serve(Delivery(), **tls_settings)
    client = server.greeted()
    client.starttls(server.context)
    client.send(b"EHLO client.example\r\n" + _MANY * 2)
    client.replies()
    assert client.transport.producer is not None
    client.transport.producer.pauseProducing()
    client.send(_MANY * 3)
    assert client.transport.producerState == "paused"
    client.replies()
    client.transport.producer.resumeProducing()
    client.pump()
    assert client.transport.producerState == "producing"
    client.send(b"QUIT\r\n")
    assert client.replies()[-1].startswith("221")
