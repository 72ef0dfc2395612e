"""What a message demands, of all that was said about it."""

from __future__ import annotations

import itertools

import pytest

from mailext.message.headers import HeaderSection, tls_demand
from mailext.requiretls.demand import settle
from mailext.values import MailOptions, TlsDemand

PLAIN = MailOptions()
WITH_PARAMETER = MailOptions(requiretls=True)


@pytest.mark.requirement("R5", "R6", "R20")
@pytest.mark.parametrize(
    ("options", "header", "policy", "demand"),
    [
        (PLAIN, TlsDemand.NONE, TlsDemand.NONE, TlsDemand.NONE),
        (PLAIN, TlsDemand.OPTIONAL, TlsDemand.NONE, TlsDemand.OPTIONAL),
        (WITH_PARAMETER, TlsDemand.NONE, TlsDemand.NONE, TlsDemand.REQUIRE),
        (WITH_PARAMETER, TlsDemand.OPTIONAL, TlsDemand.NONE, TlsDemand.REQUIRE),
        (PLAIN, TlsDemand.NONE, TlsDemand.REQUIRE, TlsDemand.REQUIRE),
        (PLAIN, TlsDemand.OPTIONAL, TlsDemand.REQUIRE, TlsDemand.REQUIRE),
        (PLAIN, TlsDemand.NONE, TlsDemand.OPTIONAL, TlsDemand.OPTIONAL),
        (WITH_PARAMETER, TlsDemand.OPTIONAL, TlsDemand.OPTIONAL, TlsDemand.REQUIRE),
    ],
)
def test_settled(options: MailOptions, header: TlsDemand, policy: TlsDemand, demand: TlsDemand) -> None:
    assert settle(options, header, policy) is demand


@pytest.mark.requirement("R6")
def test_nothing_weakens_the_parameter() -> None:
    for header, policy in itertools.product(TlsDemand, repeat=2):
        assert settle(WITH_PARAMETER, header, policy) is TlsDemand.REQUIRE


@pytest.mark.requirement("R5")
def test_with_a_header_section_as_it_comes() -> None:
    headers, _ = HeaderSection.parse(b"Subject: x\r\ntls-required:\r\n no\r\n\r\nTLS-Required: yes\r\n")
    assert settle(PLAIN, tls_demand(headers), TlsDemand.NONE) is TlsDemand.OPTIONAL
