"""TLS: certificates by SNI, read again when they change, and errors that can be read."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IProtocolFactory
from twisted.internet.testing import StringTransport
from twisted.logger import eventAsText
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface.verify import verifyObject

from mailext.net import tls
from mailext.net.tls import ServerContextFactory
from mailext.values import TlsFacts
from tests.net.client import Client, codes, keywords
from tests.net.conftest import Pki, write
from tests.net.site import ANN, EHLO, MAIL, RCPT, AwareDelivery, serve
from tests.support import logged


def names_of(client: Client) -> set[str]:
    """The names of the certificate that the client was shown."""
    assert client.tls is not None
    certificate = client.tls.get_peer_certificate(as_cryptography=True)
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return set(extension.value.get_values_for_type(x509.DNSName))


def connect(factory: ServerContextFactory, pki: Pki, server_name: bytes | None) -> Client:
    return serve(tls=factory, context=pki.client()).connect_tls(server_name)


class TestTheChoiceByName:
    @pytest.fixture
    def factory(self, pki: Pki) -> ServerContextFactory:
        return ServerContextFactory(
            [
                pki.issue("mx.example.org", "smtp.example.org", stem="first"),
                pki.issue("*.example.net", stem="wildcard"),
                pki.issue("mail.example.net", stem="exact"),
                pki.issue("mx.example.org", stem="second-of-a-name"),
                pki.issue("xn--bcher-kva.example", stem="idn"),
            ]
        )

    @pytest.mark.parametrize(
        ("asked", "shown"),
        [
            (b"mx.example.org", {"mx.example.org", "smtp.example.org"}),
            (b"SMTP.Example.Org", {"mx.example.org", "smtp.example.org"}),
            (b"smtp.example.org.", {"mx.example.org", "smtp.example.org"}),
            (b"any.example.net", {"*.example.net"}),
            (b"mail.example.net", {"mail.example.net"}),
            (b"a.b.example.net", {"mx.example.org", "smtp.example.org"}),
            (b"example.net", {"mx.example.org", "smtp.example.org"}),
            (b"xn--bcher-kva.example", {"xn--bcher-kva.example"}),
            (b"unknown.example", {"mx.example.org", "smtp.example.org"}),
            (b"*.example.net", {"*.example.net"}),
            (b"\xff\xfe", {"mx.example.org", "smtp.example.org"}),
            (None, {"mx.example.org", "smtp.example.org"}),
        ],
    )
    def test_which_certificate_is_shown(self, factory, pki, asked, shown) -> None:
        client = connect(factory, pki, asked)
        assert names_of(client) == shown
        assert codes(client.say(EHLO)) == ["220", "250"]

    def test_a_certificate_with_a_common_name_alone(self, pki, tmp_path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Old.Example.ORG")])
        authority = x509.load_pem_x509_certificate(pki.authority.cert_pem.bytes())
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), 1)
            .not_valid_before(authority.not_valid_before_utc)
            .not_valid_after(authority.not_valid_after_utc)
            .sign(key, hashes.SHA256())
        )
        pair = tmp_path / "old.pem", tmp_path / "old-key.pem"
        pair[0].write_bytes(made.public_bytes(Encoding.PEM))
        pair[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        factory = ServerContextFactory([pki.issue("mx.example.org", stem="default"), pair])
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        client = serve(tls=factory, context=context).connect_tls(b"old.example.org")
        assert client.tls.get_peer_certificate(as_cryptography=True).subject == name

    @pytest.mark.parametrize("order", [1, -1])
    def test_key_and_certificate_may_share_a_file(self, pki, tmp_path, order) -> None:
        pair = pki.issue("mx.example.org", stem="both")
        both = tmp_path / "both.pem"
        both.write_bytes(b"".join(path.read_bytes() for path in pair[::order]))
        factory = ServerContextFactory([(both, both)])
        assert names_of(connect(factory, pki, None)) == {"mx.example.org"}

    def test_a_key_behind_its_parameters(self, pki) -> None:
        """As ``openssl ecparam -genkey`` writes it."""
        certificate, key = pki.issue("mx.example.org", stem="parameters")
        parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        key.write_bytes(parameters + key.read_bytes())
        factory = ServerContextFactory([(certificate, key)])
        assert names_of(connect(factory, pki, None)) == {"mx.example.org"}

    def test_none_at_all(self) -> None:
        with pytest.raises(ValueError, match="no certificate"):
            ServerContextFactory([])

    def test_the_interface(self, factory) -> None:
        assert verifyObject(IOpenSSLServerConnectionCreator, factory)


class TestReadingAgain:
    @pytest.fixture
    def pair(self, pki, tmp_path) -> tuple[Path, Path]:
        return write(pki.authority.issue_cert("old.example.org"), tmp_path, "mx")

    def renew(self, pki: Pki, pair: tuple[Path, Path]) -> None:
        write(pki.authority.issue_cert("new.example.org"), pair[0].parent, "next")
        for path, name in zip(pair, ("next.pem", "next-key.pem"), strict=True):
            path.with_name(name).replace(path)

    def test_when_told_to(self, pki, pair) -> None:
        factory = ServerContextFactory([pair])
        old = connect(factory, pki, None)
        self.renew(pki, pair)
        assert names_of(connect(factory, pki, None)) == {"old.example.org"}
        factory.reload()
        assert names_of(connect(factory, pki, None)) == {"new.example.org"}
        assert codes(old.say(EHLO)) == ["220", "250"], "connections that stand go on"

    def test_when_they_have_changed(self, pki, pair) -> None:
        factory = ServerContextFactory([pair])
        assert not factory.reload_if_changed()
        self.renew(pki, pair)
        assert factory.reload_if_changed()
        assert names_of(connect(factory, pki, None)) == {"new.example.org"}
        assert not factory.reload_if_changed()

    def test_a_file_that_was_written_in_place(self, pki, pair) -> None:
        factory = ServerContextFactory([pair])
        os.utime(pair[0], (1, 1))
        assert factory.reload_if_changed()

    @pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"half a cert")])
    @pytest.mark.parametrize("which", [0, 1])
    def test_a_bad_file_changes_nothing(self, pki, pair, damage, which) -> None:
        factory = ServerContextFactory([pair])
        damage(pair[which])
        for read_again in (factory.reload, factory.reload_if_changed):
            with pytest.raises(ValueError, match=pair[which].name):
                read_again()
        assert names_of(connect(factory, pki, None)) == {"old.example.org"}

    def test_a_new_certificate_whose_key_is_not_there_yet(self, pki, pair) -> None:
        factory = ServerContextFactory([pair])
        write(pki.authority.issue_cert("new.example.org"), pair[0].parent, "next")
        pair[0].with_name("next.pem").replace(pair[0])
        with pytest.raises(ValueError, match="not the key of the certificate"):
            factory.reload_if_changed()
        with pytest.raises(ValueError, match="not the key of the certificate"):
            factory.reload_if_changed()
        pair[0].with_name("next-key.pem").replace(pair[1])
        assert factory.reload_if_changed()
        assert names_of(connect(factory, pki, None)) == {"new.example.org"}


Pair = tuple[Path, Path]


def _missing_certificate(pair: Pair, pki: Pki) -> str:
    pair[0].unlink()
    return f"{pair[0]}: No such file or directory"


def _missing_key(pair: Pair, pki: Pki) -> str:
    pair[1].unlink()
    return f"{pair[1]}: No such file or directory"


def _a_folder(pair: Pair, pki: Pki) -> str:
    pair[0].unlink()
    pair[0].mkdir()
    return f"{pair[0]}: Is a directory"


def _the_key_is_a_folder(pair: Pair, pki: Pki) -> str:
    pair[1].unlink()
    pair[1].mkdir()
    return f"{pair[1]}: Is a directory"


def _not_pem(pair: Pair, pki: Pki) -> str:
    pair[0].write_bytes(b"\x30\x82 not PEM")
    return f"{pair[0]}: "


def _empty(pair: Pair, pki: Pki) -> str:
    pair[0].write_bytes(b"")
    return f"{pair[0]}: "


def _key_is_not_pem(pair: Pair, pki: Pki) -> str:
    pair[1].write_bytes(b"-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n")
    return f"{pair[1]}: "


def _swapped(pair: Pair, pki: Pki) -> str:
    certificate, key = pair[0].read_bytes(), pair[1].read_bytes()
    pair[0].write_bytes(key)
    pair[1].write_bytes(certificate)
    return f"{pair[0]}: "


def _key_of_another(pair: Pair, pki: Pki) -> str:
    pair[1].write_bytes(pki.authority.issue_cert("x.example").private_key_pem.bytes())
    return f"{pair[1]}: not the key of the certificate {pair[0]}"


def _key_of_another_kind(pair: Pair, pki: Pki) -> str:
    issued = pki.authority.issue_cert("x.example", key_type=trustme.KeyType.RSA)
    pair[1].write_bytes(issued.private_key_pem.bytes())
    return f"{pair[1]}: not the key of the certificate {pair[0]}"


def _key_of_no_use(pair: Pair, pki: Pki) -> str:
    key = x25519.X25519PrivateKey.generate()
    pair[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return f"{pair[1]}: not a key that TLS uses"


def _key_with_a_passphrase(pair: Pair, pki: Pki) -> str:
    key = load_pem_private_key(pair[1].read_bytes(), None)
    encryption = BestAvailableEncryption(b"passphrase")
    pair[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return f"{pair[1]}: Password was not given"


@pytest.mark.parametrize(
    "damage",
    [
        _missing_certificate,
        _missing_key,
        _a_folder,
        _the_key_is_a_folder,
        _not_pem,
        _empty,
        _key_is_not_pem,
        _swapped,
        _key_of_another,
        _key_of_another_kind,
        _key_of_no_use,
        _key_with_a_passphrase,
    ],
)
def test_what_cannot_be_used_is_told_with_file_and_reason(
    damage: Callable[[Pair, Pki], str], pki: Pki, tmp_path: Path
) -> None:
    good = pki.issue("mx.example.org", stem="good")
    bad = write(pki.authority.issue_cert("mx.example.org"), tmp_path, "bad")
    beginning = damage(bad, pki)
    with pytest.raises(ValueError, match="bad") as caught:
        ServerContextFactory([good, bad])
    told = str(caught.value)
    assert told.startswith(beginning)
    assert len(told) > len(beginning) or not beginning.endswith(": ")
    assert "\n" not in told


class TestVersions:
    def handshake(self, pki: Pki, highest: int) -> Client:
        context = pki.client()
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        context.set_max_proto_version(highest)
        client = serve(tls=pki.server, context=context).connect_tls()
        client.replies()
        return client

    @pytest.mark.parametrize(
        ("highest", "name"), [(SSL.TLS1_2_VERSION, "TLSv1.2"), (SSL.TLS1_3_VERSION, "TLSv1.3")]
    )
    def test_1_2_and_1_3(self, pki, highest, name) -> None:
        client = self.handshake(pki, highest)
        assert client.tls.get_protocol_version_name() == name
        assert codes(client.say(EHLO)) == ["250"]

    def test_nothing_older(self, pki) -> None:
        context = pki.client()
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        context.set_min_proto_version(SSL.TLS1_VERSION)
        context.set_max_proto_version(SSL.TLS1_1_VERSION)
        with pytest.raises(SSL.Error, match="alert protocol version"):
            serve(tls=pki.server, context=context).connect_tls()

    @pytest.mark.parametrize(
        "cipher", [b"AES128-SHA", b"AES256-GCM-SHA384", b"ECDHE-ECDSA-AES128-SHA", b"aNULL"]
    )
    def test_no_weak_ciphers(self, pki, cipher) -> None:
        context = pki.client()
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        context.set_cipher_list(cipher + b":@SECLEVEL=0")
        with pytest.raises(SSL.Error, match="handshake failure"):
            serve(tls=pki.server, context=context).connect_tls()

    def test_no_renegotiation(self, pki) -> None:
        client = self.handshake(pki, SSL.TLS1_2_VERSION)
        assert client.tls.renegotiate()
        with pytest.raises(SSL.WantReadError):
            client.tls.do_handshake()
        with pytest.raises(SSL.Error, match="no renegotiation"):
            client.pump()


class TestStartTls:
    def test_facts(self, tls_settings) -> None:
        delivery = AwareDelivery()
        server = serve(delivery, **tls_settings)
        client = server.greeted()
        assert tls.facts(client.transport) is None
        client.starttls(server.context, b"mx.example.org")
        facts = tls.facts(client.transport)
        assert facts is not None
        assert replace(facts, cipher="") == TlsFacts("TLSv1.3", "", "mx.example.org")
        assert client.protocol.sessionView().tls == facts
        client.say(EHLO, MAIL)
        assert delivery.calls[0][2].tls == facts

    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            (b"b\xc3\xbccher.example", None),
            (b"xn--bcher-kva.example", "bücher.example"),
            (b"mx_1.example", None),
            (b"xn--99999999.example", None),
            (None, None),
        ],
    )
    def test_the_name_that_was_asked_for(self, tls_settings, asked, told) -> None:
        server = serve(**tls_settings)
        client = server.greeted()
        client.starttls(server.context, asked)
        assert client.protocol.sessionView().tls.server_name == told

    def test_everything_before_it_is_forgotten(self, tls_settings) -> None:
        server = serve(plaintext_auth=True, **tls_settings)
        client = server.greeted(ANN, MAIL, RCPT)
        client.starttls(server.context)
        assert codes(client.say(RCPT, b"DATA", MAIL, ANN, b"NOOP")) == ["503"] * 4 + ["250"]
        assert codes(client.say(EHLO, RCPT, ANN, MAIL, RCPT)) == ["250", "503", "235", "250", "250"]
        assert client.protocol.sessionView().avatar_id == "ann"

    def test_a_session_view_in_between_knows_nothing_of_it(self, tls_settings) -> None:
        server = serve(plaintext_auth=True, **tls_settings)
        client = server.greeted(ANN)
        client.starttls(server.context)
        view = client.protocol.sessionView()
        assert (view.avatar_id, view.identity, view.helo) == (None, None, "")

    def test_twice(self, tls_settings) -> None:
        server = serve(**tls_settings)
        client = server.greeted()
        client.starttls(server.context)
        assert codes(client.say(b"STARTTLS", EHLO, b"STARTTLS")) == ["503", "250", "503"]
        assert codes(server.greeted_tls().say(b"STARTTLS")) == ["503"]

    def test_with_an_argument(self, tls_settings) -> None:
        client = serve(**tls_settings).greeted()
        assert codes(client.say(b"STARTTLS now", b"NOOP")) == ["501", "250"]

    def test_where_there_is_no_certificate(self) -> None:
        client = serve().connect()
        (_, ehlo) = client.say(EHLO)
        assert "STARTTLS" not in keywords(ehlo)
        assert client.say(b"STARTTLS", b"NOOP") == ["502 5.5.1 Command not available", "250 2.0.0 OK"]

    def test_where_the_transport_cannot(self, tls_settings) -> None:
        server = serve(**tls_settings)
        transport = StringTransport()
        protocol = server.factory.buildProtocol(transport.getPeer())
        protocol.makeConnection(transport)
        protocol.dataReceived(EHLO + b"\r\nSTARTTLS\r\n")
        assert b"STARTTLS" not in transport.value()
        assert b"\r\n502 " in transport.value()

    @pytest.mark.parametrize(
        "behind", [b"NOOP\r\n", b"\r\n", b"\x16\x03\x01", MAIL + b"\r\n" + RCPT + b"\r\n"]
    )
    def test_what_comes_behind_it_in_the_same_segment_is_never_executed(self, tls_settings, behind) -> None:
        delivery = AwareDelivery()
        server = serve(delivery, **tls_settings)
        client = server.greeted()
        client.replies()
        client.send(b"STARTTLS\r\n" + behind)
        assert client.replies() == ["421 4.7.0 Commands were pipelined behind STARTTLS"]
        assert client.closed
        assert delivery.calls == []
        assert not client.transport.TLS

    def test_what_comes_behind_the_reply_in_clear_breaks_the_handshake(self, tls_settings) -> None:
        delivery = AwareDelivery()
        server = serve(delivery, **tls_settings)
        client = server.greeted()
        assert codes(client.say(b"STARTTLS")) == ["220"]
        client.send(EHLO + b"\r\n" + MAIL + b"\r\n")
        assert delivery.calls == []
        assert client.closed
        assert b"250" not in client.octets()

    def test_a_handshake_in_pieces(self, tls_settings) -> None:
        server = serve(**tls_settings)
        client = server.greeted(b"STARTTLS")
        client.replies()
        client.tls = SSL.Connection(server.context, None)
        client.tls.set_connect_state()
        with pytest.raises(SSL.WantReadError):
            client.tls.do_handshake()
        for octet in client.tls.bio_read(1 << 16):
            client.transport.protocol.dataReceived(bytes((octet,)))
        client.pump()
        assert codes(client.say(EHLO)) == ["250"]

    def test_a_connection_that_ends_without_a_close_notify_ends_no_message(self, tls_settings) -> None:
        delivery = AwareDelivery()
        client = serve(delivery, **tls_settings).greeted_tls(MAIL, RCPT, b"DATA")
        client.send(b"A: b\r\n\r\nbody\r\n.")
        client.vanish()
        assert delivery.messages[0].ends == ["lost"]

    def test_large_messages(self, tls_settings) -> None:
        delivery = AwareDelivery()
        client = serve(delivery, **tls_settings).greeted_tls(MAIL, RCPT, b"DATA")
        client.send(b"A: b\r\n\r\n" + b"line\r\n" * 50_000 + b".\r\n")
        assert codes(client.replies())[-1] == "250"
        assert len(delivery.messages[0].lines) == 50_003

    def test_a_session_is_resumed(self, tls_settings) -> None:
        server = serve(**tls_settings)
        first = server.connect_tls()
        session = first.tls.get_session()
        client = Client(server.factory, implicit=server.settings.tls)
        client.tls = SSL.Connection(server.context, None)
        client.tls.set_connect_state()
        client.tls.set_session(session)
        with pytest.raises(SSL.WantReadError):
            client.tls.do_handshake()
        client.pump()
        assert codes(client.say(EHLO)) == ["220", "250"]


class TestTheSeam:
    def test_implicit(self, pki) -> None:
        server = serve()
        factory = tls.implicit(server.factory, pki.server)
        assert verifyObject(IProtocolFactory, factory)
        assert isinstance(factory, TLSMemoryBIOFactory)
        protocol = factory.buildProtocol(None)
        assert protocol.wrappedProtocol.factory is server.factory

    def test_what_is_encrypted(self, pki, tls_settings) -> None:
        server = serve(**tls_settings)
        client = server.greeted()
        assert not tls.is_encrypted(client.transport)
        client.starttls(server.context)
        assert tls.is_encrypted(client.transport)
        assert tls.is_encrypted(server.connect_tls().protocol.transport)

    def test_no_facts_before_the_handshake(self, tls_settings) -> None:
        server = serve(**tls_settings)
        silent = Client(server.factory, implicit=server.settings.tls)
        assert tls.facts(silent.protocol.transport) is None
        assert silent.protocol.sessionView().tls is None
        assert tls.facts(StringTransport()) is None


def test_a_failed_handshake_is_no_error_of_ours(tls_settings) -> None:
    server = serve(**tls_settings)
    with logged() as events:
        client = Client(server.factory, implicit=server.settings.tls)
        client.send(b"EHLO client.example\r\n")
        assert client.closed
    assert [eventAsText(event) for event in events if "log_failure" in event] == []
    assert server.factory.drain().called
