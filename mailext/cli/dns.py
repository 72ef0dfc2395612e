"""``mailext dns``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from mailext.accounts.canonical import canonical_domain
from mailext.cli.grammar import Parser
from mailext.cli.output import Output, Sheet
from mailext.cli.process import run_program
from mailext.config.loading import load
from mailext.config.model import Configuration
from mailext.config.problems import COMMAND_LINE, ConfigurationError, Problem
from mailext.config.publishing import publications
from mailext.config.source import Source
from mailext.config.trial import TrialServices
from mailext.publishing.survey import Finding, State
from mailext.publishing.wanted import Publication, Subject, WantedRecord, wanted_records
from mailext.service.next_hops import IRelayReactor
from mailext.service.publishing import survey_own_domains

__all__ = ["DomainJson", "RecordJson", "add_to"]


class RecordJson(TypedDict):
    """One thing to publish, and what was found."""

    subject: str
    name: str
    type: str
    text: str
    state: str
    found: list[str]
    remarks: list[str]


class DomainJson(TypedDict):
    """What a domain is to publish."""

    domain: str
    records: list[RecordJson]


def add_to(parser: Parser) -> None:
    """The arguments of ``dns``."""
    parser.add_argument("domain", metavar="DOMAIN", nargs="?", help="this one only")
    parser.add_argument(
        "--next-key",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="a key or certificate (PEM) that is to be used some day",
    )
    parser.add_argument("--rua", metavar="URI", help="where TLS reports are wanted")
    parser.add_argument(
        "--zone", action="store_true", help="lines for a zone file, without a look at what is published"
    )
    parser.set_defaults(run=dns)


def dns(arguments: Namespace, output: Output) -> int:
    """
    ``dns [DOMAIN]``.

    :return: 1 if something is missing or wrong.
    :raise ConfigurationError: if the server could not run, or a file or domain
        of the command line cannot be used.
    """
    from twisted.internet import reactor  # noqa: PLC0415 - other commands do without

    configuration = load(Source(arguments.config), reactor, TrialServices(reactor))
    try:
        wanted = _wanted(arguments, configuration)
        if arguments.zone:
            _show_zone(wanted, output)
            return 0
        return _show_survey(_surveyed(configuration, wanted), output)
    except ValueError as error:
        raise ConfigurationError([Problem(COMMAND_LINE, "", str(error))]) from error


def _wanted(arguments: Namespace, configuration: Configuration) -> list[Publication]:
    wanted = publications(configuration, arguments.next_key, arguments.rua)
    if arguments.domain is None:
        return wanted
    domain = canonical_domain(arguments.domain)
    meant = [each for each in wanted if each.domain == domain]
    if not meant:
        known = ", ".join(each.domain for each in wanted)
        raise ValueError(f"{arguments.domain} is not among our domains: {known}")
    return meant


def _surveyed(configuration: Configuration, wanted: Sequence[Publication]) -> dict[str, list[Finding]]:
    async def survey(reactor: IRelayReactor) -> dict[str, list[Finding]]:
        return await survey_own_domains(reactor, configuration, wanted)

    return run_program(survey)


# What was found


def _show_survey(found: Mapping[str, Sequence[Finding]], output: Output) -> int:
    rows = [_row(each) for findings in found.values() for each in findings]
    columns = ["", "name", "type", "to be published", ""]
    output.show(_as_json(found), Sheet(columns, rows, "no domains"))
    return 0 if all(each.state is State.OK for findings in found.values() for each in findings) else 1


def _row(finding: Finding) -> list[str]:
    record = finding.record
    told = list(finding.remarks)
    if finding.state is State.WRONG and finding.found:
        told.append("there is " + ", ".join(finding.found))
    return [
        finding.state.value,
        record.name,
        record.type,
        record.text.replace("\n", ", "),
        "; ".join(told).replace("\r\n", ", "),
    ]


def _as_json(found: Mapping[str, Sequence[Finding]]) -> list[DomainJson]:
    return [
        {"domain": domain, "records": [_record_as_json(each) for each in findings]}
        for domain, findings in found.items()
    ]


def _record_as_json(finding: Finding) -> RecordJson:
    record = finding.record
    return {
        "subject": record.subject.value,
        "name": record.name,
        "type": record.type,
        "text": record.text,
        "state": finding.state.value,
        "found": list(finding.found),
        "remarks": list(finding.remarks),
    }


# What is to be published, without a look at what is


def _show_zone(wanted: Sequence[Publication], output: Output) -> None:
    records = {each.domain: list(wanted_records(each)) for each in wanted}
    unseen = {
        domain: [Finding(record, State.UNKNOWN) for record in several] for domain, several in records.items()
    }
    lines = [line for several in records.values() for record in several for line in _zone_lines(record)]
    # Several domains have one host.
    output.tell(_as_json(unseen), "\n".join(dict.fromkeys(lines)))


def _zone_lines(record: WantedRecord) -> Iterator[str]:
    if record.subject is Subject.STS_POLICY:
        yield f"; {record.name} is to say:"
        yield from (f";   {line}" for line in record.text.split("\n"))
    elif record.subject is not Subject.CERTIFICATE:
        yield f"{record.name}. IN {record.type} {record.text}"
