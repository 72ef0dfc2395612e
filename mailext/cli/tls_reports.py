"""``mailext tlsrpt``."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from typing import TypedDict, cast

from mailext.cli.asking import ask
from mailext.cli.grammar import Parser, asking, subcommand
from mailext.cli.numbers import count
from mailext.cli.output import Output, Sheet
from mailext.config.model import Configuration
from mailext.config.problems import Problem
from mailext.control.as_json import rfc3339
from mailext.control.tls_figures import TlsFiguresJson
from mailext.control.tls_requests import ShowTlsFigures
from mailext.tlsrpt.as_json import MalformedReportError, policy_as_json, policy_of_json
from mailext.tlsrpt.reading import LARGEST_FILE, read_reports
from mailext.tlsrpt.report import FailureDetails, PolicyFigures, Report
from mailext.tlsrpt.summary import distinct, summed

__all__ = [
    "ReportJson",
    "ReportsJson",
    "add_to",
]

_STANDARD_INPUT = "-"
_EVERY_DOMAIN = None
_TODAY = 1
_COLUMNS = ["policy", "result", "sessions", "host", "address", "reason"]


class ReportJson(TypedDict):
    """A report that was read. Times are RFC 3339 in UTC."""

    organization: str
    contact: str
    id: str
    begin: str
    end: str


class ReportsJson(TypedDict):
    """Reports that were read, each once, and all they tell together, as one report would."""

    reports: list[ReportJson]
    policies: list[dict[str, object]]


def add_to(parser: Parser) -> None:
    """The subcommands of ``tlsrpt``; without one it shows today's figures."""
    parser.set_defaults(run=asking(show), domain=_EVERY_DOMAIN, days=_TODAY)
    group = parser.add_subparsers(metavar="COMMAND")
    _add_show_options(subcommand(group, "show", "show what was counted", asking(show)))
    reading = subcommand(group, "read", "sum up the reports of others", read)
    reading.add_argument(
        "files", metavar="FILE", nargs="+", help="a report, or a message with one; - is standard input"
    )


def _add_show_options(parser: Parser) -> None:
    parser.add_argument(
        "domain", metavar="DOMAIN", nargs="?", default=_EVERY_DOMAIN, help="on the way to this domain only"
    )
    parser.add_argument(
        "--days", type=count, default=_TODAY, metavar="N", help="of the last N days, in UTC (today)"
    )


def show(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``tlsrpt show [--days N] [DOMAIN]``."""
    request = ShowTlsFigures(arguments.days, arguments.domain)
    figures = cast("list[TlsFiguresJson]", ask(configuration, request))
    rows = [
        [each["day"], each["domain"], *row, each["report"] or ""]
        for each in figures
        for row in _rows(map(policy_of_json, each["policies"]), each["domain"])
    ]
    output.show(figures, Sheet(["day", "domain", *_COLUMNS, "report"], rows, "nothing was counted"))
    return 0


def read(arguments: Namespace, output: Output) -> int:
    """
    ``tlsrpt read FILE...``.

    :return: 1 if one of the files cannot be read.
    """
    found: list[Report] = []
    problems: list[Problem] = []
    for name in arguments.files:
        try:
            found += read_reports(_content(name))
        except OSError as error:
            problems.append(Problem(name, "", error.strerror or str(error)))
        except MalformedReportError as error:
            problems.append(Problem(name, "", str(error)))
    reports = distinct(found)
    policies = summed(policy for report in reports for policy in report.policies)
    told = ReportsJson(
        reports=[_report_as_json(report) for report in reports],
        policies=[policy_as_json(policy) for policy in policies],
    )
    rows = [[policy.domain, *row] for policy in policies for row in _rows([policy], policy.domain)]
    if reports or not problems:
        output.show(told, Sheet(["domain", *_COLUMNS], rows, "the reports tell of no session"))
    if problems:
        output.complain(problems)
    return 1 if problems else 0


def _content(name: str) -> bytes:
    # One octet more tells that there are too many.
    if name == _STANDARD_INPUT:
        return sys.stdin.buffer.read(LARGEST_FILE + 1)
    with open(name, "rb") as file:  # noqa: PTH123 - the name as it was given stands in errors
        return file.read(LARGEST_FILE + 1)


def _rows(policies: Iterable[PolicyFigures], domain: str) -> Iterator[Sequence[str]]:
    for policy in policies:
        name = policy.policy_type if policy.domain == domain else f"{policy.policy_type} of {policy.domain}"
        if policy.successes or not policy.details:
            yield [name, "success", str(policy.successes), "", "", ""]
        for details in policy.details:
            yield [name, *_detail_cells(details)]


def _detail_cells(details: FailureDetails) -> Sequence[str]:
    return [
        details.result_type,
        str(details.sessions),
        details.mx_host,
        details.receiving_ip,
        details.reason,
    ]


def _report_as_json(report: Report) -> ReportJson:
    return ReportJson(
        organization=report.organization,
        contact=report.contact,
        id=report.id,
        begin=rfc3339(report.begin.timestamp()),
        end=rfc3339(report.end.timestamp()),
    )
