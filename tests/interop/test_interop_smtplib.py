"""smtplib of Python's standard library, for what other clients have no words for."""

from __future__ import annotations

import smtplib

import pytest

from tests.black_box import ADDRESS, RunningServer
from tests.samples import SAMPLE, is_delivered

_TOKEN = "6f1c2f0e-3a86-4d3b-9d0c-3f0e9f5d2a11"


@pytest.mark.requirement("C1", "C24", "R20")
def test_a_message_from_a_known_device_that_requires_tls(server: RunningServer) -> None:
    with server.client() as client:
        assert client.docmd("CLIENTID", f"UUID {_TOKEN}")[0] == 250
        client.login(ADDRESS, server.password)
        client.sendmail(ADDRESS, [ADDRESS], SAMPLE, mail_options=["REQUIRETLS"])
    (stored,) = server.wait_for_messages()
    assert is_delivered(SAMPLE, stored)
    assert _TOKEN.encode() not in stored
    assert _TOKEN not in server.log.read_text("utf-8")


@pytest.mark.requirement("C3", "R1", "R3")
def test_nothing_that_needs_tls_is_to_be_had_in_clear(server: RunningServer) -> None:
    with smtplib.SMTP("127.0.0.1", server.submission, local_hostname="client.example") as client:
        client.ehlo()
        assert not {"auth", "clientid", "requiretls"} & set(client.esmtp_features)
        assert client.docmd("CLIENTID", f"UUID {_TOKEN}")[0] == 500
        assert client.mail(ADDRESS, ["REQUIRETLS"]) == (523, b"5.7.10 REQUIRETLS needs TLS")


@pytest.mark.requirement("C4")
def test_clientid_is_advertised_in_every_ehlo_reply_under_tls(server: RunningServer) -> None:
    with server.client() as client:
        assert client.has_extn("clientid")
        client.docmd("CLIENTID", f"UUID {_TOKEN}")
        client.ehlo()
        assert client.has_extn("clientid")
        client.login(ADDRESS, server.password)
        client.ehlo()
        assert client.has_extn("clientid")


def test_a_message_with_addresses_beyond_ascii(server: RunningServer) -> None:
    server.run("account", "add", "jürgen@example.org", "--password-stdin", stdin=b"a long password\n")
    message = SAMPLE.replace(b"A sample", "Grüße".encode())
    with server.logged_in() as client:
        client.sendmail(ADDRESS, ["jürgen@example.org"], message, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    (stored,) = server.wait_for_messages(address="jürgen@example.org")
    assert is_delivered(message, stored)


def test_submission_wants_a_login_first(server: RunningServer) -> None:
    with server.client() as client:
        assert client.mail(ADDRESS)[0] == 530


def test_an_account_sends_as_itself_only(server: RunningServer) -> None:
    with server.logged_in() as client:
        with pytest.raises(smtplib.SMTPSenderRefused) as refusal:
            client.sendmail("bob@example.org", [ADDRESS], SAMPLE)
        assert refusal.value.smtp_code == 553


def test_an_unknown_local_recipient_is_refused_at_once(server: RunningServer) -> None:
    with smtplib.SMTP("127.0.0.1", server.mx, local_hostname="peer.example.net") as client:
        client.ehlo()
        client.mail("bob@example.net")
        code, text = client.rcpt("nobody@example.org")
        assert (code, text[:5]) == (550, b"5.1.1")
        assert client.rcpt("postmaster")[0] == 250


def test_a_session_carries_many_messages(server: RunningServer) -> None:
    with server.logged_in() as client:
        for _ in range(20):
            client.sendmail(ADDRESS, [ADDRESS], SAMPLE)
    assert all(is_delivered(SAMPLE, stored) for stored in server.wait_for_messages(20))
