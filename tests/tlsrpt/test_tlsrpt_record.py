"""The TXT record that says where reports are wanted (RFC 8460 section 3)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from mailext.testing.dns import DnsFault, DnsRecords, FakeResolver
from mailext.tlsrpt.record import HttpsDestination, MailDestination, parse_record, published_destinations
from mailext.values import DnsError, Mailbox
from tests.support import failure_result_of, success_result_of

MAIL = MailDestination(Mailbox("reports", "example.com"))
HTTPS = HttpsDestination("https://reporting.example.com/v1/tlsrpt")


@pytest.mark.parametrize("start", ["", "rua=", "rua=mailto:", "rua=https://"])
@pytest.mark.parametrize("middle", [" ", "\t", " \t", ";", ",", ", ", "a=b;"])
def test_a_record_as_long_as_they_come_takes_no_time(start: str, middle: str) -> None:
    record = f"v=TLSRPTv1;{start}{middle * (60_000 // len(middle))}x"
    begun = time.process_time()
    with pytest.raises(ValueError):
        parse_record(record)
    # Seconds, where white space was looked at again and again.
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v=TLSRPTv1;rua=mailto:reports@example.com", (MAIL,)),
        ("v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt", (HTTPS,)),
        ("v=TLSRPTv1;rua=mailto:reports@example.com,https://reporting.example.com/v1/tlsrpt", (MAIL, HTTPS)),
        ("v=TLSRPTv1 ;\trua=mailto:reports@example.com \t, mailto:reports@example.com ; ", (MAIL, MAIL)),
        ("v=TLSRPTv1;x-y.z=1!@;rua=mailto:reports@example.com;", (MAIL,)),
        ("v=TLSRPTv1;rua=mailto:reports@example.com;rua=mailto:reports@example.com", (MAIL, MAIL)),
        ("v=TLSRPTv1;rua=mailto:reports@example.com?subject=x", (MAIL,)),
        ("v=TLSRPTv1;rua=mailto:a%2Cb%21@example.com", None),
        ("v=TLSRPTv1;rua=mailto:%22a%2Cb%22@example.com", (MailDestination(Mailbox("a,b", "example.com")),)),
        ("v=TLSRPTv1;rua=ftp://example.com/,mailto:reports@example.com", (MAIL,)),
        ("v=TLSRPTv1;rua=ftp://example.com/", ()),
        ("v=TLSRPTv1;rua=HTTPS://example.com", (HttpsDestination("HTTPS://example.com"),)),
        ("", None),
        ("v=TLSRPTv1", None),
        ("v=TLSRPTv1;", None),
        ("v=TLSRPTv1;x=1", None),
        ("v=tlsrptv1;rua=mailto:reports@example.com", None),
        ("v=TLSRPTv2;rua=mailto:reports@example.com", None),
        ("v=TLSRPTv1;RUA=mailto:reports@example.com", None),
        ("v=TLSRPTv1;rua=", None),
        ("v=TLSRPTv1;;rua=mailto:reports@example.com", None),
        ("v=TLSRPTv1;rua=mailto:reports@example.com,", None),
        ("v=TLSRPTv1;rua=mailto:reports@example.com!10m", None),
        ("v=TLSRPTv1;rua=mailto:reports", None),
        ("v=TLSRPTv1;rua=mailto:a%0D%0Ab@example.com", None),
        ("v=TLSRPTv1;rua=mailto:%ff@example.com", None),
        ("v=TLSRPTv1;rua=https:///x", None),
        ("v=TLSRPTv1;rua=https://user:secret@example.com/", None),
        ("v=TLSRPTv1;rua=https://example.com:99999/", None),
        ("v=TLSRPTv1;rua=https://[::1/", None),
        ("v=TLSRPTv1;rua=https://example.com/ x", None),
        ("v=TLSRPTv1;rua=https://example.com/\r\nX: y", None),
        ("v=TLSRPTv1;nothing", None),
    ],
)
def test_records(text: str, expected: tuple[object, ...] | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match=r".+"):
            parse_record(text)
    else:
        assert parse_record(text) == expected


@given(st.text())
def test_whatever_it_says_it_is_a_record_or_an_error(text: str) -> None:
    try:
        found = parse_record(f"v=TLSRPTv1;{text}")
    except ValueError:
        return
    # What is to be said over HTTP or SMTP has no line ends in it.
    assert all(str(each).isprintable() for each in found)


def published(records: DnsRecords) -> tuple[object, ...]:
    resolver = FakeResolver(records)
    return success_result_of(Deferred.fromCoroutine(published_destinations(resolver, "example.com")))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], ()),
        (['"v=TLSRPTv1;rua=mailto:reports@example.com"'], (MAIL,)),
        # RFC 7208 section 3.3: put together without spaces.
        (['"v=TLSRPTv1;rua=mailto:rep" "orts@example.com"'], (MAIL,)),
        (['"v=TLSRPTv1;rua=mailto:reports@example.com"', '"v=spf1 -all"'], (MAIL,)),
        (['"v=TLSRPTv1;rua=mailto:reports@example.com"', '"v=TLSRPTv1; rua=mailto:b@example.com"'], ()),
        (['"v=TLSRPTv1 ;rua=mailto:reports@example.com"'], ()),
        (['"v=TLSRPTv1;rua=nonsense with spaces"'], ()),
        (['"v=TLSRPTv1;rua=mailto:\\200@example.com"'], ()),
    ],
)
def test_what_dns_says(texts: list[str], expected: tuple[object, ...]) -> None:
    records = DnsRecords()
    records.add("_smtp._tls.example.com", "TXT", *texts)
    assert published(records) == expected


def test_a_look_up_that_fails() -> None:
    records = DnsRecords()
    records.fail("_smtp._tls.example.com", "TXT", DnsFault.SERVFAIL)
    finding = Deferred.fromCoroutine(published_destinations(FakeResolver(records), "example.com"))
    failure_result_of(finding).trap(DnsError)
