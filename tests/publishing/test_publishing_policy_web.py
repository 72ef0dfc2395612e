"""The policy host of our own domains, over a real socket."""

from __future__ import annotations

import http.client
import socket
import ssl
from pathlib import Path

import pytest
import trustme
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from mailext.net.tls import ServerContextFactory, implicit
from mailext.publishing.policy_web import policy_site, within_bounds
from mailext.trust.mta_sts.policy import StsMode, StsPolicy
from tests.net.reactors import run

POLICY = StsPolicy(StsMode.ENFORCE, 604800, ("mx.example.org",))
OTHER = StsPolicy(StsMode.TESTING, 86400, ("mx.example.org", "*.example.net"))
POLICIES = {"example.org": POLICY, "example.net": OTHER}


def web(clock: Clock | None = None):
    """A connection to the server in memory."""
    clock = clock or Clock()
    protocol = within_bounds(policy_site(POLICIES, clock), clock).buildProtocol(None)
    transport = StringTransport()
    transport.abortConnection = transport.loseConnection
    protocol.makeConnection(transport)
    return protocol, transport


def asked(request: str) -> tuple[int, dict[str, str], bytes]:
    """The answer to one request."""
    protocol, transport = web()
    protocol.dataReceived(request.replace("\n", "\r\n").encode())
    head, _, body = transport.value().partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return int(status.split()[1]), headers, body


def get(host: str = "mta-sts.example.org", path: str = "/.well-known/mta-sts.txt", verb: str = "GET"):
    return asked(f"{verb} {path} HTTP/1.1\nHost: {host}\n\n")


@pytest.mark.parametrize(
    ("host", "policy"),
    [
        ("mta-sts.example.org", POLICY),
        ("MTA-STS.Example.ORG", POLICY),
        ("mta-sts.example.org:8443", POLICY),
        ("mta-sts.example.org.", POLICY),
        ("mta-sts.example.net", OTHER),
    ],
)
def test_the_policy_of_a_domain(host: str, policy: StsPolicy) -> None:
    status, headers, body = get(host)
    assert (status, body) == (200, policy.text)
    assert headers["content-type"] == "text/plain"
    assert headers["content-length"] == str(len(body))
    assert headers["cache-control"] == "max-age=60"
    assert headers["server"] == "mailext"


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("example.org", "/.well-known/mta-sts.txt"),
        ("mta-sts.example.com", "/.well-known/mta-sts.txt"),
        ("mta-sts.mta-sts.example.org", "/.well-known/mta-sts.txt"),
        ("192.0.2.1", "/.well-known/mta-sts.txt"),
        ("[2001:db8::1]", "/.well-known/mta-sts.txt"),
        ("mta-sts.b\xfccher.example", "/.well-known/mta-sts.txt"),
        ("mta-sts.example.org", "/"),
        ("mta-sts.example.org", "/.well-known/mta-sts.txt/"),
        ("mta-sts.example.org", "/.well-known/../.well-known/mta-sts.txt"),
        ("mta-sts.example.org", "/.well-known/mta-sts.txt%00"),
        ("mta-sts.example.org", "//.well-known/mta-sts.txt"),
    ],
)
def test_nothing_else(host: str, path: str) -> None:
    status, headers, body = get(host, path)
    assert (status, headers["content-type"]) == (404, "text/plain")
    assert body == b"There is nothing here.\n"


def test_without_the_name_of_a_host() -> None:
    assert asked("GET /.well-known/mta-sts.txt HTTP/1.0\n\n")[0] == 404


def test_only_the_head() -> None:
    status, headers, body = get(verb="HEAD")
    assert (status, headers["content-length"], body) == (200, str(len(POLICY.text)), b"")


@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "FOO"])
def test_other_methods(verb: str) -> None:
    status, headers, body = get(verb=verb)
    assert (status, headers["allow"]) == (405, "GET, HEAD")
    assert verb.encode() not in body


class TestBounds:
    def test_time(self) -> None:
        clock = Clock()
        protocol, transport = web(clock)
        for _ in range(59):
            protocol.dataReceived(b"G")
            clock.advance(1)
        assert not transport.disconnecting
        clock.advance(1)
        assert transport.disconnecting

    def test_size(self) -> None:
        protocol, transport = web()
        protocol.dataReceived(
            b"POST / HTTP/1.1\r\nHost: mta-sts.example.org\r\nContent-Length: 9999999\r\n\r\n"
        )
        protocol.dataReceived(b"x" * 65000)
        assert not transport.disconnecting
        protocol.dataReceived(b"x" * 1000)
        assert transport.disconnecting

    def test_number(self) -> None:
        clock = Clock()
        factory = within_bounds(policy_site(POLICIES, clock), clock)
        opened = [factory.buildProtocol(None) for _ in range(500)]
        for each in opened:
            each.makeConnection(StringTransport())
        assert factory.buildProtocol(None) is None
        opened[0].connectionLost()
        assert factory.buildProtocol(None) is not None

    def test_nothing_is_left_of_a_connection(self) -> None:
        clock = Clock()
        protocol, _ = web(clock)
        protocol.dataReceived(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        protocol.connectionLost()
        clock.advance(0)
        assert clock.getDelayedCalls() == []


def test_over_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("mta-sts.example.org")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
    context = ssl.create_default_context()
    authority.configure_trust(context)

    def visit(port: int) -> tuple[int, bytes]:
        with (
            socket.create_connection(("127.0.0.1", port), 10) as plain,
            context.wrap_socket(plain, server_hostname="mta-sts.example.org") as secure,
        ):
            secure.sendall(
                b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.org\r\nConnection: close\r\n\r\n"
            )
            response = http.client.HTTPResponse(secure)
            response.begin()
            return response.status, response.read()

    def serve(reactor) -> Deferred[tuple[int, bytes]]:
        tls = ServerContextFactory([(certificate, key)])
        factory = within_bounds(implicit(policy_site(POLICIES, reactor), tls), reactor)
        pool = ThreadPool(1, 1)
        pool.start()

        async def visited() -> tuple[int, bytes]:
            port = await serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(factory)
            try:
                return await deferToThreadPool(reactor, pool, visit, port.getHost().port)
            finally:
                pool.stop()
                await port.stopListening()

        return Deferred.fromCoroutine(visited())

    assert run(serve) == (200, POLICY.text)
