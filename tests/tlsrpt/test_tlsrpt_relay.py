"""What the relay tells of TLS: once a session, against each policy, and nothing of a missing keyword."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailext.interfaces import IBindingAuthenticator, IReportedAuthenticator, ITlsResultSink
from mailext.net.client.pool import ConnectionPool
from mailext.testing.dns import DnsFault
from mailext.trust.together import JointAuthenticator
from mailext.values import (
    DnsError,
    DnsStatus,
    HopSession,
    PolicyResult,
    Proof,
    PublishedDemand,
    RequireTlsMode,
    Security,
    TlsEvidence,
    TlsFailure,
    TlsPolicy,
    TlsPolicyType,
    TlsResult,
    TlsResultType,
)
from tests.delivery.relay_site import ADDRESSES, NAMES, HostPki, RelaySite, host_pki, message


@implementer(ITlsResultSink)
class Sink:
    def __init__(self) -> None:
        self.results: list[TlsResult] = []

    def record(self, result: TlsResult) -> None:
        self.results.append(result)

    def told(self) -> list[tuple[str, str, str, str]]:
        """Domain, kind of policy, host, and what was wrong."""
        return [
            (
                each.domain,
                each.result.policy.type.value,
                each.mx_host.partition(".")[0],
                each.result.failure.type.value if each.result.failure else "",
            )
            for each in self.results
        ]


@implementer(IReportedAuthenticator)
class Published:
    """
    Somebody who publishes a policy.

    :param failure: what is wrong with the policy itself.
    """

    def __init__(self, kind: TlsPolicyType = TlsPolicyType.STS, failure: TlsFailure | None = None) -> None:
        self.kind = kind
        self.failure = failure
        self.error: Exception | None = None

    def policyFor(self, domain, hop):
        if self.error is not None:
            raise self.error
        return domain

    def judgeConnection(self, policy, hop, evidence) -> Proof:
        return Proof()

    def policyResults(self, policy, hop, evidence: TlsEvidence | None) -> list[PolicyResult]:
        failure = self.failure
        if failure is None and evidence is not None and evidence.pkix_error is not None:
            failure = TlsFailure(evidence.pkix_result, evidence.pkix_error)
        return [PolicyResult(TlsPolicy(self.kind, policy), failure)]


@implementer(IBindingAuthenticator)
class Excluding(Published):
    """A policy that does not have the host among its own."""

    def demandOf(self, policy, hop) -> PublishedDemand:
        return PublishedDemand(excluded="not one of ours" if hop.host.startswith("a.") else "")


class CountingSite(RelaySite):
    """
    :ivar sink: what it is told.
    :ivar publish: who publishes policies.
    """

    def __init__(self, pki: HostPki) -> None:
        super().__init__(pki)
        self.sink = Sink()

    def publish(self, *published: Published) -> None:
        self.authenticator = JointAuthenticator([self.known, *published])

    def means(self):
        return replace(super().means(), results=self.sink)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> HostPki:
    folder: Path = tmp_path_factory.mktemp("pki")
    return host_pki(folder)


@pytest.fixture
def site(pki: HostPki) -> CountingSite:
    site = CountingSite(pki)
    site.dns("insecure")
    site.host("b", "dead")
    return site


def test_fakes() -> None:
    verifyObject(ITlsResultSink, Sink())
    verifyObject(IReportedAuthenticator, Published())


@pytest.mark.parametrize(
    ("host", "failure"),
    [
        ("starttls good", ""),
        ("plain", "starttls-not-supported"),
        ("starttls good STARTTLS=454", "starttls-not-supported"),
        ("starttls good STARTTLS=554", "starttls-not-supported"),
        ("starttls no-handshake", "validation-failure"),
        ("starttls wrong-name", "certificate-host-mismatch"),
        ("starttls expired", "certificate-expired"),
        ("starttls stranger", "certificate-not-trusted"),
    ],
)
def test_against_a_policy(site: CountingSite, host: str, failure: str) -> None:
    site.publish(Published())
    site.host("a", host)
    assert site.deliver(message("none")).popitem()[1].delivered
    assert site.sink.told() == [("example.net", "sts", "a", failure)]


@pytest.mark.parametrize(
    ("host", "failure"),
    [
        ("starttls good", ""),
        # Without a policy any TLS is as good as another.
        ("starttls stranger", ""),
        ("plain", "starttls-not-supported"),
        ("starttls no-handshake", "validation-failure"),
    ],
)
def test_without_a_policy(site: CountingSite, host: str, failure: str) -> None:
    site.host("a", host)
    site.deliver(message("none"))
    assert site.sink.told() == [("example.net", "no-policy-found", "a", failure)]


def test_both_ends_of_the_connection_are_told(site: CountingSite) -> None:
    site.host("a", "plain")
    site.deliver(message("none"))
    [result] = site.sink.results
    assert result.session == HopSession("192.0.2.1", result.session.local_address, "mx.example.org")


def test_each_address_that_was_tried_is_a_session(site: CountingSite) -> None:
    site.records.add(NAMES["a"], "A", ADDRESSES["a"], ADDRESSES["b"])
    site.host("a", "starttls no-handshake")
    site.host("b", "starttls good")
    site.deliver(message("none"))
    told = [(each.session.address, each.result.failure is None) for each in site.sink.results]
    assert told == [(ADDRESSES["a"], False), (ADDRESSES["b"], True)]


def test_each_policy_has_its_own_result(site: CountingSite) -> None:
    unusable = TlsFailure(TlsResultType.TLSA_INVALID)
    site.publish(Published(), Published(TlsPolicyType.TLSA, unusable))
    site.host("a", "starttls good")
    site.deliver(message("none"))
    assert site.sink.told() == [
        ("example.net", "sts", "a", ""),
        ("example.net", "tlsa", "a", "tlsa-invalid"),
    ]


def test_a_missing_keyword_is_no_failure_of_tls(site: CountingSite) -> None:
    site.dns("secure")
    site.host("a", "starttls good")
    site.host("b", "starttls good")
    outcome = site.deliver(message("require")).popitem()[1]
    assert outcome.enhanced == "5.7.30"
    assert site.sink.told() == [
        ("example.net", "no-policy-found", "a", ""),
        ("example.net", "no-policy-found", "b", ""),
    ]


def test_tls_that_was_required_is_counted_as_one_failure_for_each_host(site: CountingSite) -> None:
    site.destination(Security.ENCRYPT, RequireTlsMode.ENFORCE)
    site.host("a", "plain")
    site.host("b", "starttls no-handshake")
    assert not site.deliver(message("none")).popitem()[1].delivered
    assert site.sink.told() == [
        ("example.net", "no-policy-found", "a", "starttls-not-supported"),
        ("example.net", "no-policy-found", "b", "validation-failure"),
    ]


def test_a_host_that_cannot_be_reached_is_not_counted(site: CountingSite) -> None:
    site.host("a", "dead")
    site.deliver(message("none"))
    assert site.sink.told() == []


def test_one_session_is_counted_once_for_all_its_messages(site: CountingSite) -> None:
    pool = ConnectionPool(site.connector(), site.world.clock)
    site.connector = lambda: pool
    site.host("a", "starttls good")
    for _ in range(3):
        site.world.result(site.delivering(message("none")))
    site.world.result(pool.close())
    assert site.sink.told() == [("example.net", "no-policy-found", "a", "")]


@pytest.mark.parametrize(
    ("words", "security"), [("optional", Security.MAY), ("none", Security.NONE)], ids=["tagged", "configured"]
)
def test_where_nobody_cares_for_tls_nothing_is_counted(
    site: CountingSite, words: str, security: Security
) -> None:
    site.destination(security, RequireTlsMode.ENFORCE)
    site.publish(Published())
    site.host("a", "starttls no-handshake")
    assert site.deliver(message(words)).popitem()[1].delivered
    assert site.sink.told() == []


def test_a_look_up_that_fails_is_one_of_dnssec(site: CountingSite) -> None:
    published = Published(TlsPolicyType.TLSA)
    published.error = DnsError(DnsFault.BOGUS.value, DnsStatus.BOGUS)
    site.publish(published)
    site.host("a", "starttls good")
    site.deliver(message("none"))
    assert site.sink.told() == [
        ("example.net", "tlsa", "a", "dnssec-invalid"),
        ("example.net", "tlsa", "b", "dnssec-invalid"),
    ]


def test_a_host_that_its_policy_excludes(site: CountingSite) -> None:
    not_covered = TlsFailure(TlsResultType.VALIDATION_FAILURE)
    site.publish(Excluding(failure=not_covered), Published(TlsPolicyType.TLSA))
    site.host("a", "starttls good")
    site.deliver(message("none"))
    # There was no session, and so none that complied with the other policy.
    assert site.sink.told() == [("example.net", "sts", "a", "validation-failure")]


def test_any_other_error_is_our_own(site: CountingSite) -> None:
    published = Published()
    published.error = RuntimeError("no")
    site.publish(published)
    site.host("a", "starttls good")
    site.deliver(message("none"))
    assert site.sink.told() == []


def test_dane_that_the_operator_requires(site: CountingSite) -> None:
    site.destination(Security.DANE, RequireTlsMode.ENFORCE)
    site.host("a", "starttls good")
    site.deliver(message("none"))
    assert site.sink.told() == [("example.net", "no-policy-found", "a", "dane-required")]


def test_a_smarthost_stands_for_itself(site: CountingSite) -> None:
    site.dns("smarthost")
    site.host("smart", "starttls good")
    site.deliver(message("none"))
    assert site.sink.told() == [("smart.example.com", "no-policy-found", "smart", "")]
