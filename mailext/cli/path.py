"""``mailext path``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import TypedDict

from mailext.cli.grammar import Parser
from mailext.cli.output import Output, Sheet
from mailext.cli.process import run_program
from mailext.config.loading import load
from mailext.config.source import Source
from mailext.config.trial import TrialServices
from mailext.delivery.relay.survey import DomainSurvey, HostSurvey
from mailext.service.next_hops import IRelayReactor
from mailext.service.surveying import survey_once
from mailext.values import (
    MxLevel,
    Outcome,
    PolicyResult,
    TlsDemand,
    TlsPolicyType,
)

__all__ = ["HostJson", "PathJson", "add_to"]


class MailJson(TypedDict):
    """
    What would become of a message.

    :ivar host: the host that would be given it, null if none would.
    :ivar reply: what its sender would be told if none would.
    """

    host: str | None
    reply: str


class HostMailJson(TypedDict):
    """
    Whether a host would be given a message.

    :ivar reason: why not.
    """

    goes: bool
    reason: str


class PolicyJson(TypedDict):
    """
    :ivar failure: what is wrong, as TLS reports say it; null: nothing.
    """

    type: str
    domain: str
    strings: list[str]
    failure: dict[str, str] | None


class HostJson(TypedDict):
    """
    :ivar tls: null if there was none.
    :ivar certificate: why a chain of authorities does not verify it; empty if
        one does, null without TLS.
    """

    host: str
    port: int
    preference: int
    address: str
    mx: str
    tls: dict[str, str] | None
    certificate: str | None
    authenticatedBy: list[str]
    policies: list[PolicyJson]
    keyword: bool
    ordinary: HostMailJson
    requiretls: HostMailJson


class PathJson(TypedDict):
    """
    :ivar settings: what the operator wants of the destination.
    :ivar hosts: in the order to try.
    """

    domain: str
    settings: dict[str, str]
    hosts: list[HostJson]
    ordinary: MailJson
    requiretls: MailJson


def add_to(parser: Parser) -> None:
    """The arguments of ``path``."""
    parser.add_argument("domain", metavar="DOMAIN")
    parser.set_defaults(run=path)


def path(arguments: Namespace, output: Output) -> int:
    """
    ``path DOMAIN``.

    :return: 1 if a message with REQUIRETLS would not go.
    :raise ConfigurationError: if the server could not run.
    """
    from twisted.internet import reactor  # noqa: PLC0415 - other commands do without

    configuration = load(Source(arguments.config), reactor, TrialServices(reactor))

    async def survey(reactor: IRelayReactor) -> DomainSurvey:
        return await survey_once(reactor, configuration, arguments.domain)

    found = run_program(survey)
    output.show(_as_json(found), Sheet(["host", "", ""], list(_rows(found)), ""))
    return 0 if found.taker(TlsDemand.REQUIRE) is not None else 1


_KEYS = {TlsDemand.NONE: "ordinary mail", TlsDemand.REQUIRE: "with REQUIRETLS"}

_MX = {
    MxLevel.NONE: "not proved to be one of the domain's",
    MxLevel.MTA_STS: "one of the domain's by its MTA-STS policy",
    MxLevel.DNSSEC: "one of the domain's by DNSSEC",
    MxLevel.CONFIGURED: "named by no MX record",
}


# For people


def _rows(found: DomainSurvey) -> Iterator[list[str]]:
    for host in found.hosts:
        facts = list(_facts(host))
        yield [host.hop.host, *facts[0]]
        yield from (["", *fact] for fact in facts[1:])
    for demand, title in _KEYS.items():
        taker = found.taker(demand)
        would = f"goes to {taker.host}" if taker is not None else str(found.outcome(demand))
        yield [found.route.destination, title, would]


def _facts(host: HostSurvey) -> Iterator[tuple[str, str]]:
    evidence = host.evidence
    yield "MX", f"preference {host.hop.preference}, {_MX[host.proof.mx]}"
    yield "DANE", _told(host, TlsPolicyType.TLSA) or "no TLSA records that DNSSEC proves"
    yield "MTA-STS", _told(host, TlsPolicyType.STS) or "no policy"
    if evidence is not None:
        yield "TLS", f"{evidence.version}, {evidence.cipher}"
        yield "certificate", evidence.pkix_error or "verified"
        yield "keyword", "REQUIRETLS" if host.proof.requiretls else "REQUIRETLS is not offered"
    for demand, title in _KEYS.items():
        yield title, _reason(host, demand) or "goes"


def _told(host: HostSurvey, kind: TlsPolicyType) -> str:
    """What is published of this kind, and what became of it; empty if nothing is."""
    return "; ".join(_result(host, each) for each in host.policies if each.policy.type is kind)


def _result(host: HostSurvey, result: PolicyResult) -> str:
    said = ", ".join(result.policy.strings) or "not known"
    if result.failure is not None:
        return f"{said}: {result.failure.reason or result.failure.type}"
    return f"{said}: complied with" if host.evidence is not None else said


def _reason(host: HostSurvey, demand: TlsDemand) -> str:
    cause = host.causes.get(demand)
    if cause is None:
        return ""
    return str(cause) if isinstance(cause, Outcome) else cause.reason


# For programs


def _as_json(found: DomainSurvey) -> PathJson:
    return {
        "domain": found.route.destination,
        "settings": {
            "security": found.route.security.value,
            "requiretls": found.route.requiretls.value,
        },
        "hosts": [_host_as_json(host) for host in found.hosts],
        "ordinary": _mail_as_json(found, TlsDemand.NONE),
        "requiretls": _mail_as_json(found, TlsDemand.REQUIRE),
    }


def _mail_as_json(found: DomainSurvey, demand: TlsDemand) -> MailJson:
    taker = found.taker(demand)
    if taker is not None:
        return {"host": taker.host, "reply": ""}
    return {"host": None, "reply": str(found.outcome(demand))}


def _host_as_json(host: HostSurvey) -> HostJson:
    evidence = host.evidence
    return {
        "host": host.hop.host,
        "port": host.hop.port,
        "preference": host.hop.preference,
        "address": host.address,
        "mx": host.proof.mx.name.lower(),
        "tls": {"version": evidence.version, "cipher": evidence.cipher} if evidence is not None else None,
        "certificate": (evidence.pkix_error or "") if evidence is not None else None,
        "authenticatedBy": sorted(host.proof.by),
        "policies": [_policy_as_json(each) for each in host.policies],
        "keyword": host.proof.requiretls,
        "ordinary": _host_mail_as_json(host, TlsDemand.NONE),
        "requiretls": _host_mail_as_json(host, TlsDemand.REQUIRE),
    }


def _host_mail_as_json(host: HostSurvey, demand: TlsDemand) -> HostMailJson:
    return {"goes": demand not in host.causes, "reason": _reason(host, demand)}


def _policy_as_json(result: PolicyResult) -> PolicyJson:
    failure = result.failure
    return {
        "type": result.policy.type.value,
        "domain": result.policy.domain,
        "strings": list(result.policy.strings),
        "failure": {"type": failure.type.value, "reason": failure.reason} if failure is not None else None,
    }
