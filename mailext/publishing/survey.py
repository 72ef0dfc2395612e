"""What a domain of ours has published, against what it is to publish."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from dns.rdata import Rdata
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.TXT import TXT

from mailext.interfaces import IResolver
from mailext.publishing.own_certificates import faults, remarks
from mailext.publishing.wanted import Publication, Subject, WantedRecord, wanted_records
from mailext.tlsrpt.record import parse_record
from mailext.trust.mta_sts.means import FetchPolicy, StsFetchError
from mailext.trust.mta_sts.policy import StsMode, StsPolicy, read_policy
from mailext.trust.mta_sts.record import read_record_id
from mailext.values import DnsAnswer, DnsError, DnsStatus

__all__ = ["Finding", "State", "survey"]


class State(StrEnum):
    """How it stands with what is to be published."""

    OK = "ok"
    #: There is nothing.
    MISSING = "missing"
    #: There is something, but it does not do.
    WRONG = "wrong"
    #: It could not be looked up.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    :param found: what there is, as in a zone file.
    :param remarks: what is to be said of it.
    """

    record: WantedRecord
    state: State
    found: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


async def survey(
    publication: Publication, resolver: IResolver, fetch: FetchPolicy, now: datetime
) -> list[Finding]:
    """
    Look at a domain as any sender would.

    :param fetch: gets the policy of MTA-STS.
    :raise ValueError: if the certificate is none.
    """
    looking = _Survey(publication, resolver, fetch, now)
    return [await looking.find(record) for record in wanted_records(publication)]


_NOT_PROVED = "DNSSEC does not prove it"


class _Survey:
    def __init__(
        self, publication: Publication, resolver: IResolver, fetch: FetchPolicy, now: datetime
    ) -> None:
        self._publication = publication
        self._resolver = resolver
        self._fetch = fetch
        self._now = now
        self._mx_hosts: tuple[str, ...] = ()

    async def find(self, record: WantedRecord) -> Finding:
        """How it stands with one record."""
        look = {
            Subject.CERTIFICATE: self._certificate,
            Subject.MX: self._mx,
            Subject.TLSA: self._tlsa,
            Subject.NEXT_TLSA: self._tlsa,
            Subject.STS_HOST: self._sts_host,
            Subject.STS_POLICY: self._sts_policy,
            Subject.STS_RECORD: self._sts_record,
            Subject.TLSRPT: self._tlsrpt,
        }[record.subject]
        try:
            return await look(record)
        except DnsError as error:
            return Finding(record, State.UNKNOWN, remarks=(f"it cannot be looked up: {error}",))

    async def _certificate(self, record: WantedRecord) -> Finding:
        file = Path(record.name)
        wrong = tuple(faults(record.text, file, self._now))
        return Finding(
            record, State.WRONG if wrong else State.OK, remarks=(*wrong, *remarks(file, self._now))
        )

    async def _mx(self, record: WantedRecord) -> Finding:
        host = self._publication.host
        answer = await self._resolver.mx(record.name)
        hosts = sorted(answer.records, key=lambda each: (each.preference, each.host))
        self._mx_hosts = tuple(each.host for each in hosts)
        found = tuple(f"{each.preference} {each.host}." for each in hosts)
        if not found:
            return Finding(record, State.MISSING)
        if host not in self._mx_hosts:
            return Finding(record, State.WRONG, found, (f"{host} is not among them",))
        where = await self._resolver.addresses(host)
        if not where.records:
            return Finding(record, State.WRONG, found, (f"{host} has no address",))
        if where.name != host:
            # RFC 5321 section 5.1.
            return Finding(record, State.WRONG, found, (f"{host} is an alias of {where.name}",))
        return Finding(record, State.OK, found, () if answer.status is DnsStatus.SECURE else (_NOT_PROVED,))

    async def _tlsa(self, record: WantedRecord) -> Finding:
        answer = await self._resolver.lookup(record.name, RdataType.TLSA)
        found = _texts(answer)
        if not found:
            return Finding(record, State.MISSING)
        if record.text not in found:
            if record.subject is Subject.NEXT_TLSA:
                return Finding(record, State.MISSING, found)
            return Finding(record, State.WRONG, found, ("the key of the certificate is not among them",))
        if answer.status is not DnsStatus.SECURE:
            # RFC 7672 section 2.2.1: nobody goes by it.
            return Finding(record, State.WRONG, found, (_NOT_PROVED,))
        return Finding(record, State.OK, found)

    async def _sts_host(self, record: WantedRecord) -> Finding:
        answer = await self._resolver.addresses(record.name)
        return Finding(record, State.OK if answer.records else State.MISSING, answer.records)

    async def _sts_policy(self, record: WantedRecord) -> Finding:
        try:
            text = await self._fetch(self._publication.domain)
        except StsFetchError as error:
            return Finding(record, State.MISSING, remarks=(str(error),))
        shown = (text.decode("utf-8", "replace"),)
        try:
            policy = read_policy(text)
        except ValueError as error:
            return Finding(record, State.WRONG, shown, (str(error),))
        wrong = tuple(_differences(self._publication.policy, policy))
        if policy.mode is not StsMode.NONE:
            left_out = [host for host in self._mx_hosts if not policy.covers(host)]
            wrong += tuple(f"it does not cover the MX host {host}" for host in left_out)
        return Finding(record, State.WRONG if wrong else State.OK, shown, wrong)

    async def _sts_record(self, record: WantedRecord) -> Finding:
        answer = await self._resolver.lookup(record.name, RdataType.TXT)
        found = _texts(answer)
        if not found:
            return Finding(record, State.MISSING)
        policy_id = read_record_id(_strings(answer))
        if policy_id is None:
            return Finding(record, State.WRONG, found, ("it makes no sense, or there are several",))
        if policy_id != self._publication.policy.id:
            # RFC 8461 section 3.1.
            return Finding(record, State.WRONG, found, ("its id is not that of the policy",))
        return Finding(record, State.OK, found)

    async def _tlsrpt(self, record: WantedRecord) -> Finding:
        answer = await self._resolver.lookup(record.name, RdataType.TXT)
        # RFC 8460 section 3: others are left out, and there must be one.
        ours = [text for text in _strings(answer) if text.startswith(b"v=TLSRPTv1;")]
        if not ours:
            return Finding(record, State.MISSING, _texts(answer))
        if len(ours) > 1:
            return Finding(record, State.WRONG, _texts(answer), ("there are several",))
        try:
            parse_record(ours[0].decode("utf-8", "replace"))
        except ValueError as error:
            return Finding(record, State.WRONG, _texts(answer), (str(error),))
        return Finding(record, State.OK, _texts(answer))


def _differences(wanted: StsPolicy, published: StsPolicy) -> Iterable[str]:
    if published.mode is not wanted.mode:
        yield f"its mode is {published.mode}, and not {wanted.mode}"
    if published.mode is not StsMode.NONE and set(published.mx) != set(wanted.mx):
        yield f"its hosts are {', '.join(published.mx)}, and not {', '.join(wanted.mx)}"
    if published.max_age != wanted.max_age:
        yield f"its max_age is {published.max_age}, and not {wanted.max_age}"


def _texts(answer: DnsAnswer[Rdata]) -> tuple[str, ...]:
    return tuple(record.to_text() for record in answer.records)


def _strings(answer: DnsAnswer[Rdata]) -> list[bytes]:
    return [b"".join(record.strings) for record in answer.records if isinstance(record, TXT)]
