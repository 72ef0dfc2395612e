"""The grammars of MTA-STS: the TXT record, the policy, and the patterns of hosts."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailext.trust.mta_sts.policy import LONGEST_LIFE, StsMode, StsPolicy, read_policy
from mailext.trust.mta_sts.record import read_record_id, record_name, record_text


@pytest.mark.parametrize(
    ("records", "policy_id"),
    [
        ([b"v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        ([b"v=STSv1; id=20160831085700Z"], "20160831085700Z"),
        ([b"v=STSv1;id=a"], "a"),
        ([b"v=STSv1 \t;\t id=a \t; "], "a"),
        ([b"v=STSv1; id=" + b"x" * 32], "x" * 32),
        ([b"v=STSv1; note=x; id=a"], "a"),
        ([b"v=STSv1; id=a; id=b"], "a"),
        ([b"v=STSv1; id=a; id=b-c"], "a"),
        ([b"v=STSv1; id=a; v=STSv2"], "a"),
        ([b"v=STSv1; id=a; x_y-z.0=:<>/%22"], "a"),
        ([b"google-site-verification=x", b"v=STSv1; id=a"], "a"),
        ([b"v=STSv10; id=b", b"v=STSv1; id=a"], "a"),
        ([], None),
        ([b""], None),
        ([b"v=STSv1"], None),
        ([b"v=STSv1;"], None),
        ([b"v=STSv1; x=a"], None),
        ([b"v=STSv1; id="], None),
        ([b"v=STSv1; id=a b"], None),
        ([b"v=STSv1; id=a-b"], None),
        ([b"v=STSv1; id=a-b; id=c"], None),
        ([b"v=STSv1; id=" + b"x" * 33], None),
        ([b"v=STSv1; ID=a"], None),
        ([b"v=stsv1; id=a"], None),
        ([b"v = STSv1; id=a"], None),
        ([b" v=STSv1; id=a"], None),
        ([b"id=a; v=STSv1"], None),
        ([b"v=STSv1; id=a; nothing"], None),
        ([b"v=STSv1; id=a; x="], None),
        ([b"v=STSv1; id=a; -x=a"], None),
        ([b"v=STSv1; id=a; " + b"x" * 33 + b"=a"], None),
        ([b"v=STSv1; id=a; x=a=b"], None),
        ([b"v=STSv1; id=a; x=\xff"], None),
        ([b"v=STSv1; id=a;; x=a"], None),
        ([b"v=STSv1; id=a;;"], None),
        ([b"v=STSv1; id=a "], None),
        ([b"v=STSv1; id=a\n"], None),
        ([b"v=STSv1, id=a"], None),
        ([b"v=STSv1; id=a", b"v=STSv1; id=a"], None),
        ([b"v=STSv1; id=a", b"v=STSv1;"], None),
    ],
)
def test_a_record(records: list[bytes], policy_id: str | None) -> None:
    assert read_record_id(records) == policy_id


@pytest.mark.parametrize("middle", [b" ", b"\t", b" \t", b";", b"; ", b"a=b;", b"a"])
def test_a_record_as_long_as_they_come_takes_no_time(middle: bytes) -> None:
    record = b"v=STSv1; id=a" + middle * (60_000 // len(middle)) + b"x"
    begun = time.process_time()
    read_record_id([record])
    # Seconds, where white space was looked at again and again.
    assert time.process_time() - begun < 0.5


def test_a_record_of_ours() -> None:
    policy = StsPolicy(StsMode.TESTING, 86400, ("mx.example.org",))
    assert read_record_id([record_text(policy.id).encode()]) == policy.id
    assert record_name("example.org") == "_mta-sts.example.org"


_START = b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmax_age: 604800"
_READ = StsPolicy(StsMode.ENFORCE, 604800, ("mail.example.com",))


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        (_START, _READ),
        (_START + b"\r\n", _READ),
        (_START.replace(b"\r\n", b"\n"), _READ),
        (_START.replace(b"\r\n", b"\n", 1) + b"\n", _READ),
        (_START.replace(b": ", b":"), _READ),
        (_START.replace(b": ", b":\t \t").replace(b"\r", b" \t\r") + b" ", _READ),
        (b"max_age: 604800\nmx: mail.example.com\nmode: enforce\nversion: STSv1\n", _READ),
        (_START.replace(b"mail", b"MAIL"), _READ),
        (_START + "\nnote: für alle, \u2615 auch".encode(), _READ),
        (_START + b"\nnote_1-2.3: a : b\nnote_1-2.3: c", _READ),
        (_START + b"\nMode: none", _READ),
        (_START + b"\nmode: none\nmax_age: 1\nversion: STSv2", _READ),
        (_START + b"\nmode: whatever", _READ),
        (_START.replace(b"604800", b"0000604800"), _READ),
        (_START.replace(b"enforce", b"testing"), StsPolicy(StsMode.TESTING, 604800, ("mail.example.com",))),
        (b"version: STSv1\nmode: none\nmax_age: 0", StsPolicy(StsMode.NONE, 0)),
        (_START.replace(b"enforce", b"none"), StsPolicy(StsMode.NONE, 604800, ("mail.example.com",))),
        (
            _START + b"\nmx: *.example.net\nmx: xn--bcher-kva.example",
            StsPolicy(
                StsMode.ENFORCE, 604800, ("mail.example.com", "*.example.net", "xn--bcher-kva.example")
            ),
        ),
    ],
)
def test_a_policy(text: bytes, policy: StsPolicy) -> None:
    assert read_policy(text) == policy


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "no version"),
        (b"\r\n", "not a field"),
        (b"<html>", "not a field"),
        (_START.replace(b"version: STSv1\r\n", b""), "no version"),
        (_START.replace(b"STSv1", b"STSv2"), "not a version that is known: 'STSv2'"),
        (_START.replace(b"STSv1", b"stsv1"), "not a version"),
        (_START.replace(b"mode: enforce\r\n", b""), "no mode"),
        (_START.replace(b"enforce", b"report"), "not a mode: 'report'"),
        (_START.replace(b"enforce", b"Enforce"), "not a mode"),
        (_START.replace(b"enforce", b"none\nmode: enforce").replace(b"none", b"report"), "not a mode"),
        (_START.replace(b"mx: mail.example.com\r\n", b""), "no mx"),
        (_START.replace(b"\r\nmax_age: 604800", b""), "no max_age"),
        (_START.replace(b"604800", b"31557601"), "not a max_age"),
        (_START.replace(b"604800", b"00000604800"), "not a max_age"),
        (_START.replace(b"604800", b"-1"), "not a max_age"),
        (_START.replace(b"604800", b"1_0"), "not a max_age"),
        (_START.replace(b"604800", "٣".encode()), "not a max_age"),
        (_START.replace(b"604800", b""), "not a field"),
        (_START + b"\r\n\r\n", "not a field: ''"),
        (b"\n" + _START, "not a field: ''"),
        (_START.replace(b"\r\n", b"\r\n\r\n", 1), "not a field"),
        (_START.replace(b"\r\n", b"\r"), "not a field"),
        (b" " + _START, "not a field"),
        (b"\xef\xbb\xbf" + _START, "not a field"),
        (_START.replace(b"mode:", b"mode :"), "not a field"),
        (_START + b"\nnote", "not a field"),
        (_START + b"\n: x", "not a field"),
        (_START + b"\n-x: y", "not a field"),
        (_START + b"\n" + b"x" * 33 + b": y", "not a field"),
        (_START + b"\nnote: a\tb", "not a field"),
        (_START + b"\nnote: a\x00b", "not a field"),
        (_START + b"\nnote: \xff", "not UTF-8"),
        (_START + b"\nmx: \xc3\xa4.example", "not a pattern"),
    ],
)
def test_no_policy(text: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        read_policy(text)


@pytest.mark.parametrize(
    "pattern",
    [
        "mx.example.com.",
        "*",
        "*.",
        ".example.com",
        "a.*.example",
        "mx*.example.com",
        "**.example.com",
        "*.*.example.com",
        "a..b",
        "-a.example",
        "a-.example",
        "a_b.example",
        "mx.example.com, mx2.example.com",
        "x" * 64 + ".example",
        ("x" * 60 + ".") * 4 + "example.example",
        "[192.0.2.1]",
    ],
)
def test_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match="not a pattern of host names"):
        read_policy(_START + b"\nmx: " + pattern.encode())


def test_a_policy_that_is_wrong_does_not_fill_the_log() -> None:
    with pytest.raises(ValueError, match="not a field") as caught:
        read_policy(b"x" * 65536)
    assert len(str(caught.value)) < 200


@pytest.mark.requirement("R10")
@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("mail.example.com", True),
        ("example.com", False),
        ("other.example.com", False),
        ("a.mail.example.com", False),
        ("mx1.example.net", True),
        ("example.net", False),
        ("a.b.example.net", False),
        (".example.net", False),
        ("net", False),
        ("", False),
    ],
)
def test_which_hosts_a_policy_covers(host: str, covered: bool) -> None:
    policy = StsPolicy(StsMode.ENFORCE, 86400, ("mail.example.com", "*.example.net"))
    assert policy.covers(host) is covered


_labels = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
_names = st.lists(_labels, min_size=1, max_size=4).map(".".join)
_patterns = st.lists(st.tuples(st.sampled_from(["", "*."]), _names).map("".join), min_size=1, max_size=5)


@given(
    st.builds(
        StsPolicy,
        st.sampled_from(StsMode),
        st.integers(min_value=0, max_value=LONGEST_LIFE),
        _patterns.map(tuple),
    )
)
def test_what_is_published_is_read_as_the_same(policy: StsPolicy) -> None:
    assert read_policy(policy.text) == policy
    assert read_record_id([record_text(policy.id).encode()]) == policy.id
    for pattern in policy.mx:
        assert policy.covers(pattern.replace("*", "x", 1))


@given(_patterns.map(tuple), _patterns.map(tuple))
def test_another_policy_has_another_id(some: tuple[str, ...], others: tuple[str, ...]) -> None:
    one, other = (StsPolicy(StsMode.ENFORCE, 86400, mx) for mx in (some, others))
    assert (one.id == other.id) is (some == others)


@given(st.binary())
def test_whatever_comes_is_a_policy_or_none(text: bytes) -> None:
    read_record_id([text])
    try:
        policy = read_policy(text)
    except ValueError:
        return
    assert read_policy(policy.text) == policy
