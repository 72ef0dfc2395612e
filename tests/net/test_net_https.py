"""Policies are fetched by HTTPS: from a real server, with all that can be wrong with one."""

from __future__ import annotations

import datetime as dt
import re
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from twisted.internet.defer import Deferred, gatherResults

from mailext.net.client.connector import dialler
from mailext.net.client.verification import TrustRoots
from mailext.net.https import CertificateRefusedError, HttpsClient, HttpsError, HttpsResponse
from mailext.net.sts_policy_host import PolicyHosts
from mailext.testing.dns import DnsFault, DnsRecords, FakeResolver
from mailext.trust.mta_sts.means import StsFetchError
from mailext.values import TlsResultType
from tests.net.reactors import run
from tests.net.web_host import Saying, WebHost, answer, web_host
from tests.vectors.policies import ANSWERS, GOOD, AnswerVector

POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\nmax_age: 604800\r\n"
HOST = "mta-sts.example.com"
PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


class WebPki:
    """Certificates, by what is wrong with them."""

    def __init__(self, folder: Path) -> None:
        authority, stranger = trustme.CA(), trustme.CA()
        self.roots = folder / "roots.pem"
        authority.cert_pem.write_to_path(str(self.roots))
        self.files: dict[str, Path] = {}
        for word, leaf in {
            "good": authority.issue_cert(HOST),
            "wildcard": authority.issue_cert("*.example.com"),
            "wrong-name": authority.issue_cert("example.com", "www.example.com"),
            "wide-wildcard": authority.issue_cert("*.com"),
            "common-name": authority.issue_cert("other.example", common_name=HOST),
            "address": authority.issue_cert("127.0.0.1"),
            "no-name": authority.issue_cert("ann@example.com", common_name=HOST),
            "expired": authority.issue_cert(HOST, not_before=PAST, not_after=PAST + dt.timedelta(1)),
            "stranger": stranger.issue_cert(HOST),
        }.items():
            self.files[word] = folder / f"{word}.pem"
            leaf.private_key_and_cert_chain_pem.write_to_path(str(self.files[word]))


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> WebPki:
    return WebPki(tmp_path_factory.mktemp("web"))


class Site:
    """
    One web server, and a client of it.

    :ivar records: say where the server is.
    """

    def __init__(self, pki: WebPki, host: WebHost) -> None:
        self.host = host
        self.records = DnsRecords()
        self.records.add(HOST, "A", "127.0.0.1")
        self._pki = pki
        self.settings: dict[str, float] = {}

    def client(self, reactor) -> HttpsClient:
        roots = TrustRoots(self._pki.roots)
        return HttpsClient(reactor, dialler(reactor, 5.0), FakeResolver(self.records), roots, **self.settings)

    def fetched(self) -> bytes:
        """The policy, over HTTPS."""
        return run(lambda reactor: PolicyHosts(self.client(reactor), self.host.port).fetch("example.com"))

    def failed(self) -> StsFetchError:
        """Why there is none."""
        with pytest.raises(StsFetchError) as caught:
            self.fetched()
        return caught.value


@pytest.fixture
def served(pki: WebPki):
    """Makes a server that says something, and is stopped in the end."""
    opened = []

    def serve(saying: Saying, certificate: str = "good", **how: object) -> Site:
        manager = web_host(pki.files[certificate], saying, **how)
        opened.append(manager)
        return Site(pki, manager.__enter__())

    yield serve
    for each in opened:
        each.__exit__(None, None, None)


Served = Callable[..., Site]


def chunked(connection: ssl.SSLSocket) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    parts = [POLICY[:10], POLICY[10:]]
    connection.sendall(head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n")


def one_by_one(connection: ssl.SSLSocket) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(POLICY)
    for octet in head + POLICY:
        connection.sendall(bytes([octet]))


def after_a_hint(connection: ssl.SSLSocket) -> None:
    connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
    answer(POLICY)(connection)


class TestFetched:
    @pytest.mark.parametrize(
        "saying",
        [
            answer(POLICY),
            answer(POLICY, headers=("content-TYPE: Text/Plain; charset=utf-8; x=y",)),
            answer(POLICY, headers=("Content-Type: text/plain;charset=ISO-8859-1",)),
            answer(POLICY, length=False),
            answer(POLICY, status="200"),
            chunked,
            one_by_one,
            after_a_hint,
        ],
    )
    def test_a_policy(self, served: Served, saying: Saying) -> None:
        site = served(saying)
        assert site.fetched() == POLICY
        [request] = site.host.heard
        assert request.startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n")
        assert f"\r\nHost: {HOST}:{site.host.port}\r\n".encode() in request
        # RFC 8461 section 7.1.
        assert site.host.names == [HOST]

    @pytest.mark.parametrize("certificate", ["good", "wildcard"])
    def test_a_certificate_for_its_name(self, served: Served, certificate: str) -> None:
        assert served(answer(POLICY), certificate).fetched() == POLICY

    def test_as_much_as_there_may_be(self, served: Served) -> None:
        assert served(answer(b"x" * 65536)).fetched() == b"x" * 65536

    def test_at_another_address(self, served: Served) -> None:
        site = served(answer(POLICY))
        # Nobody listens there.
        site.records.add(HOST, "AAAA", "::1")
        site.records.add(HOST, "A", "127.0.0.2", "127.0.0.1")
        assert site.fetched() == POLICY

    def test_nothing_is_remembered(self, served: Served) -> None:
        site = served(answer(POLICY, headers=("Content-Type: text/plain", "Cache-Control: max-age=9999")))
        site.fetched()
        site.host.saying = answer(b"other")
        assert site.fetched() == b"other"

    def test_the_usual_port_goes_without_saying(self) -> None:
        asked: list[str] = []

        class Client:
            def get(self, url: str) -> Deferred[HttpsResponse]:
                asked.append(url)
                return Deferred()

        PolicyHosts(Client()).fetch("example.com")
        assert asked == ["https://mta-sts.example.com/.well-known/mta-sts.txt"]


def cut_short(connection: ssl.SSLSocket) -> None:
    answer(POLICY + b"mx: b.example.com\r\n")(Shortened(connection))


class Shortened:
    """All but the last octets are sent, and TLS ends in order."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._connection = connection

    def sendall(self, data: bytes) -> None:
        self._connection.sendall(data[:-5])


def broken_off(connection: ssl.SSLSocket) -> None:
    """The answer does not tell its length, and the connection ends without TLS's word."""
    answer(POLICY, length=False)(connection)
    socket.socket.shutdown(connection, socket.SHUT_WR)
    connection.recv(1)


def dropped(connection: ssl.SSLSocket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nversion")
    connection.close()


def endless(piece: bytes, start: bytes) -> Saying:
    def say(connection: ssl.SSLSocket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(piece * 1000)

    return say


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
_FETCH = TlsResultType.STS_POLICY_FETCH_ERROR
_PKI = TlsResultType.STS_WEBPKI_INVALID


class TestFaults:
    @pytest.mark.parametrize(
        ("saying", "temporary", "words"),
        [
            (answer(POLICY, "301 Moved", ("Location: /other",)), False, "status 301"),
            (answer(POLICY, "302 Found", ("Location: https://mta-sts.example.com/",)), False, "status 302"),
            (answer(POLICY, "307 Go", ("Content-Type: text/plain", "Location: /x")), False, "status 307"),
            (answer(POLICY, "404 Not Found"), False, "status 404"),
            (answer(POLICY, "201 Created"), False, "status 201"),
            (answer(POLICY, "206 Partial Content"), False, "status 206"),
            (answer(b"", "204 No Content", length=False), False, "status 204"),
            (answer(b"", "304 Not Modified", length=False), False, "status 304"),
            (answer(POLICY, "429 Too Many Requests"), True, "status 429"),
            (answer(POLICY, "503 Service Unavailable"), True, "status 503"),
            (
                answer(POLICY, headers=("Content-Type: text/html",)),
                False,
                "not of the type text/plain: 'text/html'",
            ),
            (answer(POLICY, headers=("Content-Type: text/plainer",)), False, "not of the type"),
            (answer(POLICY, headers=()), False, "not of the type text/plain: 'nothing'"),
            (answer(b"x" * 65537), False, "an answer of more than 65536 octets"),
            (answer(b"x" * 65537, length=False), False, "an answer of more than 65536 octets"),
            (answer(b"x" * 1_000_000), False, "more than"),
            (endless(b"x", _HEAD + b"\r\n"), False, "more than 65536 octets"),
            (endless(b"x", _HEAD + b"Content-Length: 99999999999\r\n\r\n"), False, "more than"),
            (endless(b"X: y\r\n", _HEAD), False, "more than 131072 octets"),
            (endless(b"HTTP/1.1 100 Go on\r\n\r\n", b""), False, "more than 131072 octets"),
            (endless(b"1\r\nx\r\n", _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"), False, "more than"),
            (endless(b"x", b"HTTP/1.1 200 "), False, "more than 131072 octets"),
            (cut_short, True, ""),
            (broken_off, True, ""),
            (dropped, True, ""),
            (lambda connection: connection.close(), True, "lost"),
            (lambda connection: None, True, ""),
            (lambda connection: connection.sendall(b"220 mx.example.org ESMTP\r\n"), True, ""),
            (lambda connection: connection.sendall(b"HTTP/1.1 x OK\r\n\r\n"), True, ""),
            (lambda connection: connection.sendall(_HEAD + b"Content-Length: x\r\n\r\n" + POLICY), True, ""),
            (lambda connection: connection.sendall(_HEAD + b"Transfer-Encoding: zip\r\n\r\nx"), True, ""),
        ],
    )
    def test_what_is_said(self, served: Served, saying: Saying, temporary: bool, words: str) -> None:
        error = served(saying).failed()
        assert error.failure.type is _FETCH
        assert error.temporary is temporary, error
        assert words in error.failure.reason
        assert error.failure.reason.isprintable()

    @pytest.mark.parametrize("vector", ANSWERS, ids=lambda vector: vector.id)
    def test_a_hostile_answer(self, served: Served, vector: AnswerVector) -> None:
        site = served(lambda connection: connection.sendall(vector.octets))
        if vector.comes_of_it == "policy":
            assert site.fetched() == GOOD
            return
        error = site.failed()
        assert error.failure.type is _FETCH
        assert vector.comes_of_it in error.failure.reason
        assert error.failure.reason.isprintable()
        assert len(error.failure.reason) < 500
        assert error.temporary is vector.temporary, error

    def test_a_redirect_is_not_followed(self, served: Served) -> None:
        site = served(answer(b"", "301 Moved", (f"Location: https://{HOST}/elsewhere",)))
        site.failed()
        assert len(site.host.heard) == 1

    @pytest.mark.parametrize(
        "certificate",
        ["wrong-name", "wide-wildcard", "no-name", "common-name", "address", "expired", "stranger"],
    )
    def test_a_certificate(self, served: Served, certificate: str) -> None:
        site = served(answer(POLICY), certificate)
        error = site.failed()
        assert (error.failure.type, error.temporary) == (_PKI, False)
        # Nothing was said.
        assert site.host.heard == []

    def test_an_old_version_of_tls(self, served: Served) -> None:
        site = served(answer(POLICY), version=ssl.TLSVersion.TLSv1_1)
        error = site.failed()
        assert (error.failure.type, error.temporary) == (_FETCH, True)
        assert "no TLS" in error.failure.reason
        assert site.host.heard == []

    def test_tls_1_2_will_do(self, served: Served) -> None:
        assert served(answer(POLICY), version=ssl.TLSVersion.TLSv1_2).fetched() == POLICY

    def test_silence(self, served: Served) -> None:
        site = served(lambda _: None)
        site.host.saying = site.host.hang
        site.settings["patience"] = 0.5
        error = site.failed()
        assert (error.failure.reason, error.temporary) == ("no answer within 0.5 seconds", True)

    def test_slowness(self, served: Served) -> None:
        def slowly(connection: ssl.SSLSocket) -> None:
            connection.sendall(_HEAD + b"\r\n")
            for octet in POLICY:
                connection.sendall(bytes([octet]))
                time.sleep(0.05)

        site = served(slowly)
        site.settings["patience"] = 0.5
        assert site.failed().failure.reason == "no answer within 0.5 seconds"

    def test_no_tls_at_all(self, pki: WebPki) -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            site = Site(pki, mute)
            mute_port = mute.getsockname()[1]
            site.settings["patience"] = 0.5
            hosts = lambda reactor: PolicyHosts(site.client(reactor), mute_port)  # noqa: E731
            with pytest.raises(StsFetchError, match="no answer"):
                run(lambda reactor: hosts(reactor).fetch("example.com"))

    @pytest.mark.parametrize("fault", DnsFault)
    def test_dns(self, served: Served, fault: DnsFault) -> None:
        site = served(answer(POLICY))
        site.records.fail(HOST, "A", fault)
        site.records.fail(HOST, "AAAA", fault)
        error = site.failed()
        assert (error.failure.type, error.temporary) == (_FETCH, True)
        assert error.failure.reason == f"cannot look up {HOST}: {fault.value}"

    def test_no_address(self, served: Served) -> None:
        site = served(answer(POLICY))
        site.records.add(HOST, "A")
        error = site.failed()
        assert (error.failure.reason, error.temporary) == (f"{HOST} has no address", False)

    def test_nobody_listens(self, served: Served) -> None:
        site = served(answer(POLICY))
        with socket.create_server(("127.0.0.1", 0)) as free:
            site.host.port = free.getsockname()[1]
        error = site.failed()
        assert error.temporary
        assert re.match(rf"cannot connect to {HOST} at 127.0.0.1: .*refused", error.failure.reason)


class TestClient:
    def test_post(self, served: Served) -> None:
        def echo(connection: ssl.SSLSocket) -> None:
            request = site.host.heard[-1]
            while b"\0end" not in request:
                request += connection.recv(65536)
            answer(request, "201 Created", ("Content-Type: application/x",))(connection)

        site = served(echo)
        body = b"report" * 1000 + b"\0end"
        url = f"https://{HOST}:{site.host.port}/v1/tlsrpt?x=y"
        response = run(lambda reactor: site.client(reactor).post(url, "application/tlsrpt+gzip", body))
        assert (response.code, response.media_type) == (201, "application/x")
        head, _, rest = response.body.partition(b"\r\n\r\n")
        assert rest == body
        assert head.startswith(b"POST /v1/tlsrpt?x=y HTTP/1.1\r\n")
        assert b"\r\nContent-Type: application/tlsrpt+gzip\r\n" in head
        assert f"\r\nContent-Length: {len(body)}\r\n".encode() in head + b"\r\n"

    @pytest.mark.parametrize(
        "url", ["http://mta-sts.example.com/", "https://a b/", "nonsense", "https://ä/", "https://127.0.0.1/"]
    )
    def test_a_url_that_is_none(self, served: Served, url: str) -> None:
        site = served(answer(POLICY))
        with pytest.raises(HttpsError):
            run(lambda reactor: site.client(reactor).get(url))
        assert site.host.heard == []

    def test_only_so_many_at_once(self, served: Served) -> None:
        most: list[int] = []
        under_way: list[object] = []

        def count(connection: ssl.SSLSocket) -> None:
            under_way.append(connection)
            most.append(len(under_way))
            time.sleep(0.05)
            under_way.remove(connection)
            answer(POLICY)(connection)

        site = served(count)
        site.settings["at_once"] = 2
        url = f"https://{HOST}:{site.host.port}/"

        def all_at_once(reactor) -> Deferred[list[HttpsResponse]]:
            client = site.client(reactor)
            return gatherResults([client.get(url) for _ in range(6)])

        assert len(run(all_at_once)) == 6
        assert max(most) == 2

    def test_it_can_be_cancelled(self, served: Served) -> None:
        site = served(lambda _: None)
        site.host.saying = site.host.hang

        def cancelled(reactor) -> Deferred[object]:
            getting = site.client(reactor).get(f"https://{HOST}:{site.host.port}/")
            reactor.callLater(0.3, getting.cancel)
            return getting

        with pytest.raises(HttpsError):
            run(cancelled)

    def test_the_system_does_not_trust_us(self, served: Served) -> None:
        site = served(answer(POLICY))

        def get(reactor) -> Deferred[HttpsResponse]:
            client = HttpsClient(reactor, dialler(reactor, 5.0), FakeResolver(site.records), TrustRoots())
            return client.get(f"https://{HOST}:{site.host.port}/")

        with pytest.raises(CertificateRefusedError):
            run(get)
