"""A day of TLS."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from mailext.tlsrpt.report import FailureDetails, PolicyFigures, Report, end_of, start_of
from mailext.values import TlsResultType

DAY = date(2026, 6, 1)

POLICY = PolicyFigures(
    "sts",
    "example.net",
    ("version: STSv1", "mode: enforce", "mx: *.example.net", "max_age: 86400"),
    ("*.example.net",),
    successes=5326,
    failures=3,
    details=(
        FailureDetails(
            TlsResultType.CERTIFICATE_EXPIRED,
            3,
            mx_host="mx.example.net",
            helo="mx1",
            receiving_ip="192.0.2.1",
            sending_ip="198.51.100.7",
            reason="certificate has expired",
        ),
    ),
)

REPORT = Report("Example", "tls@example.org", "abc1@example.org", start_of(DAY), end_of(DAY), (POLICY,))

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_lists = st.lists(_texts, max_size=3).map(tuple)
_counts = st.integers(0, 2**53 - 1)
_details = st.builds(FailureDetails, _texts, _counts, *[_texts] * 6)
_policies = st.builds(
    PolicyFigures, _texts, _texts, _lists, _lists, _counts, _counts, st.lists(_details, max_size=3).map(tuple)
)
_moments = st.dates(date(1971, 1, 1), date(9000, 1, 1)).map(start_of)

#: Any report there can be.
reports = st.builds(
    Report, _texts, _texts, _texts, _moments, _moments, st.lists(_policies, max_size=3).map(tuple)
)
