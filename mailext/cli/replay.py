"""``mailext clientid replay``."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypedDict, cast

from mailext.cli.asking import ask
from mailext.cli.grammar import Parser, asking, subcommand, subcommands
from mailext.cli.output import Output, Sheet
from mailext.clientid.configured import make_checkers
from mailext.clientid.dispositions import Dispositions
from mailext.clientid.entries import LoginEntry
from mailext.clientid.replay import ListenerRules, LockedOut, Replay, ReplayReport
from mailext.config.model import Configuration
from mailext.control.as_json import rfc3339
from mailext.control.replay import AttemptsPage, read_entry, read_identity, read_licence
from mailext.control.replay_requests import ReadAttempts, ReadIdentities, ReadLicences
from mailext.control.requests import RequestRefusedError
from mailext.plugins import PluginError
from mailext.values import IdentityRecord

__all__ = ["LockedOutJson", "ReplayJson", "add_to"]

_PAGE = 5000


class LockedOutJson(TypedDict):
    """Whom a checker would have refused, though the login succeeded."""

    account: str
    id: str
    type: str
    checker: str
    mode: str
    logins: int
    first: str
    last: str
    reason: str


class ReplayJson(TypedDict):
    """What a replay found. Times are RFC 3339 in UTC."""

    logins: int
    refused: int
    failures: int
    stopped: int
    undecided: int
    lockedOut: list[LockedOutJson]


def add_to(parser: Parser) -> None:
    """The subcommands of ``clientid``."""
    text = "try the configuration's identity checkers on the logins that were kept"
    _add_options(subcommand(subcommands(parser), "replay", text, asking(replay)))


def _add_options(parser: Parser) -> None:
    parser.add_argument(
        "--clientid",
        dest="checkers",
        metavar="STRING",
        action="append",
        help="a checker, in place of the configuration's; may be given several times",
    )
    parser.add_argument(
        "--since", metavar="TIME", type=_moment, default=0.0, help="only what happened since then (RFC 3339)"
    )


def replay(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``clientid replay``."""
    rules = {
        name: ListenerRules(
            partial(make_checkers, arguments.checkers or listener.clientid.checkers),
            Dispositions.from_names(listener.clientid.types),
        )
        for name, listener in configuration.listeners.items()
    }
    pages = _attempts(configuration, arguments.since)
    first = next(pages, None)
    if first is None:
        raise RequestRefusedError("no attempt to log in was kept")
    licences = map(read_licence, cast("list[object]", ask(configuration, ReadLicences())))
    try:
        played = Replay(rules, _identities(configuration), licences, first[0].time)
    except PluginError as error:
        raise RequestRefusedError(f"--clientid: {error}") from error
    played.run(first)
    for page in pages:
        played.run(page)
    report = played.report()
    output.show(_as_json(report), _sheet(report))
    return 0


def _attempts(configuration: Configuration, since: float) -> Iterator[Sequence[LoginEntry]]:
    last = -1
    page = AttemptsPage(last=0, entries=[])
    while page["last"] != last:
        last = page["last"]
        page = cast("AttemptsPage", ask(configuration, ReadAttempts(last, since, _PAGE)))
        if page["entries"]:
            yield [read_entry(each) for each in page["entries"]]


def _identities(configuration: Configuration) -> Iterator[IdentityRecord]:
    account = identity_id = ""
    while page := cast("list[object]", ask(configuration, ReadIdentities(account, identity_id, _PAGE))):
        records = [read_identity(each) for each in page]
        yield from records
        account, identity_id = records[-1].account, records[-1].id


def _as_json(report: ReplayReport) -> ReplayJson:
    return ReplayJson(
        logins=report.logins,
        refused=report.refused,
        failures=report.failures,
        stopped=report.stopped,
        undecided=report.undecided,
        lockedOut=[
            LockedOutJson(
                account=each.account,
                id=each.clientid,
                type=each.type,
                checker=each.checker,
                mode=_mode(each),
                logins=each.logins,
                first=rfc3339(each.first),
                last=rfc3339(each.last),
                reason=each.reason,
            )
            for each in report.locked_out
        ],
    )


def _sheet(report: ReplayReport) -> Sheet:
    summary = (
        f"{report.refused} of {report.logins} logins would have been refused, "
        f"and {report.stopped} of {report.failures} attempts with wrong passwords."
    )
    if report.undecided:
        summary += f" Of {report.undecided} attempts nothing can be said."
    rows = [
        [
            each.account,
            each.clientid or "no identity",
            str(each.logins),
            rfc3339(each.last)[:10],
            f"{each.checker} {_mode(each)}: {each.reason}",
        ]
        for each in report.locked_out
    ]
    columns = ["account", "id", "logins", "last", "refused by"]
    return Sheet(columns, rows, f"nobody is locked out\n{summary}", below=summary)


def _mode(each: LockedOut) -> str:
    return "enforce" if each.enforced else "observe"


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"neither a date nor a time (RFC 3339): {text!r}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
