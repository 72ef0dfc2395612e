"""Whether a connection may carry a message: every demand against every proof."""

from __future__ import annotations

import itertools

import pytest

from mailext.requiretls.path import Lack, Requirement, bound, onward, passes, shortfall
from mailext.values import (
    AuthenticatedBy,
    MailOptions,
    MxLevel,
    Proof,
    PublishedDemand,
    RequireTlsMode,
    Ret,
    Security,
    TlsDemand,
    TlsLevel,
    TlsUse,
)

PKIX, DANE = frozenset({AuthenticatedBy.PKIX}), frozenset({AuthenticatedBy.DANE})
NONE, OPTIONAL, REQUIRE = TlsDemand
ENFORCE, WITH_STARTTLS, OPPORTUNISTIC = RequireTlsMode

#: Every proof that there can be.
PROOFS = [
    Proof(tls, by, mx, requiretls)
    for tls, bys in (
        (TlsLevel.NONE, [frozenset()]),
        (TlsLevel.ENCRYPTED, [frozenset()]),
        (TlsLevel.AUTHENTICATED, [PKIX, DANE, PKIX | DANE]),
    )
    for by, mx, requiretls in itertools.product(bys, MxLevel, [False, True])
]
EVERYTHING = list(itertools.product(TlsDemand, Security, RequireTlsMode, [False, True]))


def secure_enough(security: Security, proof: Proof) -> bool:
    """What the operator's words mean, said another way."""
    encrypted = proof.tls is not TlsLevel.NONE
    return {
        Security.NONE: True,
        Security.MAY: True,
        Security.ENCRYPT: encrypted,
        Security.DANE: AuthenticatedBy.DANE in proof.by and proof.mx >= MxLevel.DNSSEC,
        Security.STS: AuthenticatedBy.PKIX in proof.by and proof.mx is not MxLevel.NONE,
        Security.VERIFY: bool(proof.by),
    }[security]


def strict_but_for_the_keyword(proof: Proof) -> bool:
    return bool(proof.by) and proof.mx is not MxLevel.NONE


def carries(requirement: Requirement, proof: Proof) -> bool:
    return shortfall(requirement, proof) is None


def test_the_table_is_complete() -> None:
    assert len(PROOFS) == (1 + 1 + 3) * 4 * 2
    assert len(EVERYTHING) == 3 * 6 * 3 * 2


@pytest.mark.requirement("R10", "R11", "R12", "R17")
@pytest.mark.parametrize(("demand", "security", "mode", "null"), EVERYTHING)
def test_the_first_pass(demand: TlsDemand, security: Security, mode: RequireTlsMode, null: bool) -> None:
    requirement = passes(demand, security, mode, null_reverse_path=null)[0]
    for proof in PROOFS:
        expected = secure_enough(security, proof)
        if demand is REQUIRE and mode is ENFORCE:
            expected = expected and strict_but_for_the_keyword(proof) and proof.requiretls
        if demand is REQUIRE and mode is WITH_STARTTLS:
            expected = expected and proof.tls is not TlsLevel.NONE
        assert carries(requirement, proof) is expected, proof


@pytest.mark.requirement("R24")
@pytest.mark.parametrize(("demand", "security", "mode", "null"), EVERYTHING)
def test_the_second_pass_is_for_reports_under_requiretls_alone(
    demand: TlsDemand, security: Security, mode: RequireTlsMode, null: bool
) -> None:
    first, *rest = passes(demand, security, mode, null_reverse_path=null)
    if not (null and demand is REQUIRE):
        assert rest == []
        return
    for second in rest:
        assert second.starttls
        assert not second.requiretls
        for proof in PROOFS:
            assert carries(second, proof) is secure_enough(security, proof)
    relaxes = any(secure_enough(security, proof) and not carries(first, proof) for proof in PROOFS)
    assert len(rest) == relaxes


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(("demand", "security", "mode", "null"), EVERYTHING)
def test_what_is_lacking(demand: TlsDemand, security: Security, mode: RequireTlsMode, null: bool) -> None:
    requirement = passes(demand, security, mode, null_reverse_path=null)[0]
    for proof in PROOFS:
        missing = shortfall(requirement, proof)
        if missing is None:
            continue
        only_the_keyword = secure_enough(security, proof) and strict_but_for_the_keyword(proof)
        assert missing.lack is (Lack.KEYWORD if only_the_keyword else Lack.TLS), proof
        assert missing.reason


@pytest.mark.parametrize(("demand", "security", "mode", "null"), EVERYTHING)
def test_whether_tls_is_tried_and_can_be_done_without(
    demand: TlsDemand, security: Security, mode: RequireTlsMode, null: bool
) -> None:
    for requirement in passes(demand, security, mode, null_reverse_path=null):
        assert requirement.starttls is (security is not Security.NONE or demand is REQUIRE)
        if not carries(requirement, Proof()):
            assert requirement.tls_use is TlsUse.REQUIRED
        elif requirement.starttls:
            assert requirement.tls_use is TlsUse.WHERE_OFFERED
        else:
            assert requirement.tls_use is TlsUse.NEVER


@pytest.mark.parametrize(("demand", "security", "mode", "null"), EVERYTHING)
def test_ordinary_mail_waits(demand: TlsDemand, security: Security, mode: RequireTlsMode, null: bool) -> None:
    first, *rest = passes(demand, security, mode, null_reverse_path=null)
    is_last_word = demand is REQUIRE and mode is not OPPORTUNISTIC and (not null or bool(rest))
    assert first.final is (demand is OPTIONAL or is_last_word)
    assert not any(second.final for second in rest)


#: What DANE and MTA-STS can come to, one by one and together.
PUBLISHED = [
    PublishedDemand(),
    PublishedDemand(TlsLevel.ENCRYPTED),
    PublishedDemand(TlsLevel.AUTHENTICATED, DANE),
    PublishedDemand(TlsLevel.AUTHENTICATED, PKIX),
    PublishedDemand(TlsLevel.AUTHENTICATED, DANE | PKIX),
]


@pytest.mark.parametrize("published", PUBLISHED)
@pytest.mark.parametrize(("demand", "security", "mode", "null"), EVERYTHING)
def test_what_is_published_binds_beside_what_is_wanted_here(
    demand: TlsDemand, security: Security, mode: RequireTlsMode, null: bool, published: PublishedDemand
) -> None:
    for requirement in passes(demand, security, mode, null_reverse_path=null):
        both = bound(requirement, published)
        assert (both.final, both.starttls, both.requiretls) == (
            requirement.final,
            requirement.starttls,
            requirement.requiretls,
        )
        for proof in PROOFS:
            kept = published.tls <= proof.tls and published.by <= proof.by
            assert carries(both, proof) is (carries(requirement, proof) and kept), proof


@pytest.mark.parametrize("one", PUBLISHED)
@pytest.mark.parametrize("other", PUBLISHED)
def test_what_several_publish_binds_together(one: PublishedDemand, other: PublishedDemand) -> None:
    together = one.merged(other)
    for proof in PROOFS:
        apart = all(carries(bound(Requirement(), each), proof) for each in (one, other))
        assert carries(bound(Requirement(), together), proof) is apart


@pytest.mark.parametrize(
    ("security", "mode", "proof", "reason"),
    [
        (Security.ENCRYPT, ENFORCE, Proof(), "no TLS"),
        (Security.VERIFY, ENFORCE, Proof(reason="STARTTLS refused"), "no TLS (STARTTLS refused)"),
        (
            Security.MAY,
            ENFORCE,
            Proof(TlsLevel.ENCRYPTED, mx=MxLevel.DNSSEC, requiretls=True, reason="certificate has expired"),
            "TLS, but not authenticated (certificate has expired)",
        ),
        (
            Security.MAY,
            ENFORCE,
            Proof(TlsLevel.AUTHENTICATED, PKIX, requiretls=True, reason="MX record not proved"),
            "not proved to be a host of the domain (MX record not proved)",
        ),
        (
            Security.DANE,
            ENFORCE,
            Proof(TlsLevel.AUTHENTICATED, PKIX, MxLevel.DNSSEC, requiretls=True),
            "not authenticated by DANE",
        ),
        (
            Security.MAY,
            ENFORCE,
            Proof(TlsLevel.AUTHENTICATED, PKIX, MxLevel.CONFIGURED),
            "REQUIRETLS is not offered",
        ),
    ],
)
def test_reasons(security: Security, mode: RequireTlsMode, proof: Proof, reason: str) -> None:
    (requirement,) = passes(REQUIRE, security, mode, null_reverse_path=False)
    missing = shortfall(requirement, proof)
    assert missing is not None
    assert missing.reason == reason


class TestOnward:
    @pytest.mark.requirement("R16")
    @pytest.mark.parametrize("proof", PROOFS)
    def test_the_parameter_goes_where_all_is_proved(self, proof: Proof) -> None:
        allowed = strict_but_for_the_keyword(proof) and proof.requiretls
        for options in MailOptions(), MailOptions(requiretls=True):
            assert onward(options, REQUIRE, proof).requiretls is allowed
            assert not onward(options, NONE, proof).requiretls
            assert not onward(options, OPTIONAL, proof).requiretls

    @pytest.mark.parametrize("ret", [None, *Ret])
    def test_headers_only_come_back(self, ret: Ret | None) -> None:
        # RFC 8689 section 5.
        options = MailOptions(ret=ret, envid="x", size=3)
        assert onward(options, REQUIRE, Proof()) == MailOptions(ret=Ret.HDRS, envid="x", size=3)
        assert onward(options, NONE, Proof()) == options
        assert onward(options, OPTIONAL, Proof()) == options


@pytest.mark.requirement("R10", "R15")
@pytest.mark.parametrize(
    ("security", "at_best", "lack"),
    [
        (Security.MAY, MxLevel.NONE, Lack.TLS),
        (Security.MAY, MxLevel.MTA_STS, Lack.UNKNOWN),
        (Security.DANE, MxLevel.MTA_STS, Lack.TLS),
    ],
)
def test_what_could_not_be_looked_up_might_have_proved_the_host(
    security: Security, at_best: MxLevel, lack: Lack
) -> None:
    [requirement] = passes(TlsDemand.REQUIRE, security, RequireTlsMode.ENFORCE, null_reverse_path=False)
    by = frozenset(AuthenticatedBy)
    proof = Proof(TlsLevel.AUTHENTICATED, by, MxLevel.NONE, requiretls=True, mx_at_best=at_best)
    missing = shortfall(requirement, proof)
    assert missing is not None
    assert missing.lack is lack
    # What TLS lacks is known, whatever else is not.
    in_clear = shortfall(requirement, Proof(mx_at_best=at_best))
    assert in_clear is not None
    assert in_clear.lack is Lack.TLS
