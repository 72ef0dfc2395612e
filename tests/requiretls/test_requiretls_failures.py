"""What it means that no host took a message."""

from __future__ import annotations

import itertools

import pytest

from mailext.requiretls.failures import HostFailure, folded, leads_to_next_pass
from mailext.requiretls.path import Lack, Requirement, Shortfall, passes
from mailext.values import Outcome, RequireTlsMode, Security, TlsDemand

KEYWORD = Shortfall(Lack.KEYWORD, "REQUIRETLS is not offered")
NO_TLS = Shortfall(Lack.TLS, "no TLS")
UNKNOWN = Shortfall(Lack.UNKNOWN, "not proved to be a host of the domain")
LATER = Outcome(421, "4.3.2", "Come back later")
UNREACHABLE = Outcome(451, "4.4.1", "Connection timed out")
GONE = Outcome(554, "5.3.2", "No mail here")


def required(security: Security = Security.MAY) -> Requirement:
    return passes(TlsDemand.REQUIRE, security, RequireTlsMode.ENFORCE, null_reverse_path=False)[0]


def fold(requirement: Requirement, *causes: Outcome | Shortfall) -> Outcome:
    return folded(requirement, [HostFailure(f"mx{n}.example", cause) for n, cause in enumerate(causes, 1)])


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("causes", "code", "enhanced"),
    [
        ([KEYWORD], 550, "5.7.30"),
        ([NO_TLS], 550, "5.7.10"),
        ([NO_TLS, KEYWORD], 550, "5.7.30"),
        ([KEYWORD, NO_TLS], 550, "5.7.30"),
        ([NO_TLS, NO_TLS], 550, "5.7.10"),
        ([GONE, NO_TLS], 550, "5.7.10"),
        ([NO_TLS, GONE], 550, "5.7.10"),
        ([GONE, KEYWORD, NO_TLS], 550, "5.7.30"),
        ([GONE], 554, "5.3.2"),
        ([LATER, KEYWORD], 421, "4.3.2"),
        ([KEYWORD, UNREACHABLE], 451, "4.4.1"),
        ([NO_TLS, LATER, KEYWORD], 421, "4.3.2"),
        ([GONE, LATER], 421, "4.3.2"),
        ([UNREACHABLE, LATER], 451, "4.4.1"),
        ([UNKNOWN], 451, "4.4.3"),
        ([NO_TLS, UNKNOWN, KEYWORD], 451, "4.4.3"),
        ([GONE, UNKNOWN], 451, "4.4.3"),
        ([UNKNOWN, LATER], 421, "4.3.2"),
    ],
)
def test_under_requiretls(causes: list[Outcome | Shortfall], code: int, enhanced: str) -> None:
    outcome = fold(required(), *causes)
    assert (outcome.code, outcome.enhanced) == (code, enhanced)


@pytest.mark.requirement("R15")
def test_every_mixture_of_three_hosts() -> None:
    for causes in itertools.product([KEYWORD, NO_TLS, LATER, GONE], repeat=3):
        outcome = fold(required(), *causes)
        if LATER in causes:
            assert outcome == LATER
        elif KEYWORD in causes:
            assert outcome.enhanced == "5.7.30"
        elif NO_TLS in causes:
            assert outcome.enhanced == "5.7.10"
        else:
            assert outcome == GONE


def test_the_words_name_the_host() -> None:
    assert fold(required(), NO_TLS, KEYWORD).text == (
        "REQUIRETLS support required: mx2.example: REQUIRETLS is not offered"
    )
    assert fold(required(), GONE, NO_TLS).text == "Encryption needed: mx2.example: no TLS"


def test_ordinary_mail_is_deferred_by_what_the_operator_asks_for() -> None:
    (ordinary,) = passes(TlsDemand.NONE, Security.VERIFY, RequireTlsMode.ENFORCE, null_reverse_path=False)
    assert fold(ordinary, NO_TLS) == Outcome(451, "4.7.10", "Encryption needed: mx1.example: no TLS")
    assert fold(ordinary, NO_TLS, GONE).is_temporary


def test_mail_without_need_of_tls_is_refused_by_it() -> None:
    # RFC 8689 section 4.2.2.
    (optional,) = passes(
        TlsDemand.OPTIONAL, Security.ENCRYPT, RequireTlsMode.ENFORCE, null_reverse_path=False
    )
    assert fold(optional, NO_TLS) == Outcome(550, "5.7.10", "Encryption needed: mx1.example: no TLS")


@pytest.mark.requirement("R24")
def test_a_report_is_never_refused_for_want_of_anything() -> None:
    first, second = passes(
        TlsDemand.REQUIRE, Security.ENCRYPT, RequireTlsMode.ENFORCE, null_reverse_path=True
    )
    failures = [HostFailure("mx1.example", KEYWORD), HostFailure("mx2.example", UNREACHABLE)]
    assert leads_to_next_pass(failures)
    # What is left is the operator's own rule: it waits.
    assert fold(second, NO_TLS).is_temporary
    assert first != second


@pytest.mark.requirement("R24")
def test_trouble_alone_makes_no_concessions() -> None:
    assert not leads_to_next_pass([HostFailure("mx1.example", UNREACHABLE), HostFailure("mx2.example", GONE)])
    assert not leads_to_next_pass([HostFailure("mx1.example", UNKNOWN), HostFailure("mx2.example", GONE)])
    assert leads_to_next_pass([HostFailure("mx1.example", UNKNOWN), HostFailure("mx2.example", NO_TLS)])


def test_what_cannot_be_looked_up_returns_nothing() -> None:
    outcome = fold(required(), UNKNOWN)
    assert outcome.text == ("A host cannot be validated: mx1.example: not proved to be a host of the domain")
