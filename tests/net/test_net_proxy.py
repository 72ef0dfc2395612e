"""Behind a proxy that speaks the PROXY protocol, by Twisted's ``haproxy:`` endpoint."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory

from mailext import SMTPFactory
from mailext.net.settings import ListenerSettings
from tests.net.client import Client, codes, keywords
from tests.net.site import EHLO, TargetSite, serve

_PROXY = IPv4Address("TCP", "192.0.2.1", 4000)


def test_the_client_is_the_one_behind_the_proxy() -> None:
    factory = HAProxyWrappingFactory(SMTPFactory(None, ListenerSettings(hostname="mx.test"), clock=Clock()))
    protocol = factory.buildProtocol(_PROXY)
    transport = StringTransport(peerAddress=_PROXY)
    protocol.makeConnection(transport)

    protocol.dataReceived(b"PROXY TCP4 198.51.100.7 192.0.2.2 4000 25\r\nEHLO client.test\r\n")

    assert b"250-mx.test Hello 198.51.100.7\r\n" in transport.value()
    assert protocol.wrappedProtocol.sessionView().peer == "198.51.100.7"


def test_starttls_behind_the_proxy(tls_settings: dict[str, object]) -> None:
    """The wrapper between transport and protocol tells nobody that a handshake is complete."""
    server = serve(TargetSite(), **tls_settings)
    client = Client(HAProxyWrappingFactory(server.factory), _PROXY)
    client.send(b"PROXY TCP4 198.51.100.7 192.0.2.2 4000 25\r\n")
    client.say(EHLO)
    assert codes(client.starttls(server.context)) == ["220"]
    (ehlo,) = client.say(EHLO)
    assert "REQUIRETLS" in keywords(ehlo)
    session = client.transport.protocol.wrappedProtocol.wrappedProtocol.sessionView()
    assert session.tls is not None
    assert (session.peer, session.tls.version) == ("198.51.100.7", "TLSv1.3")
