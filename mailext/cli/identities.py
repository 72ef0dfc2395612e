"""``mailext identity``."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from mailext.cli.asking import ask
from mailext.cli.grammar import Parser, asking, subcommand, subcommands
from mailext.cli.numbers import count, duration
from mailext.cli.output import Output, Sheet, minute
from mailext.config.model import Configuration
from mailext.control.identity_json import (
    ExportJson,
    ForgottenJson,
    IdentityJson,
    ImportedJson,
    LoginJson,
    ShownIdentityJson,
)
from mailext.control.identity_requests import (
    ApproveIdentity,
    ExportIdentities,
    ForgetIdentities,
    ImportIdentities,
    LabelIdentity,
    ListIdentities,
    ListLogins,
    RevokeIdentity,
    ShowIdentity,
)

__all__ = ["add_to"]

_NONE = "no identities"


def add_to(parser: Parser) -> None:
    """The subcommands of ``identity``."""
    group = subcommands(parser)
    for name, text, run, add_arguments in (
        ("list", "list the client identities seen", list_all, _of_any_account),
        ("show", "show one, with where and when it was used", show, _of_identity),
        ("label", "give one a name", label, _label),
        ("approve", "take one on as the account's own", approve, _of_identity),
        ("revoke", "let one log in no more", revoke, _revoke),
        ("forget", "forget one, or all that is held of an account", forget, _forget),
        ("log", "list an account's logins", log, _log),
        ("export", "write all that is held of an account", export, _export),
        ("import", "take up what was exported", import_, _import),
    ):
        add_arguments(subcommand(group, name, text, asking(run)))


def list_all(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``identity list [ADDRESS]``."""
    identities = cast("list[IdentityJson]", ask(configuration, ListIdentities(arguments.address)))
    sheet = _of_all(identities) if arguments.address is None else _of_one_account(identities)
    output.show(identities, sheet)
    return 0


def _of_all(identities: Sequence[IdentityJson]) -> Sheet:
    rows = [
        [
            each["id"],
            each["account"],
            each["label"] or each["type"],
            each["status"],
            minute(each["lastSeen"]),
            str(each["count"]),
        ]
        for each in identities
    ]
    return Sheet(["id", "account", "device", "status", "last seen", "logins"], rows, _NONE)


def _of_one_account(identities: Sequence[IdentityJson]) -> Sheet:
    rows = [
        [
            each["id"],
            each["type"],
            each["status"],
            each["label"],
            minute(each["lastSeen"]),
            _where(each),
            str(each["count"]),
        ]
        for each in identities
    ]
    return Sheet(["id", "type", "status", "label", "last seen", "from", "logins"], rows, _NONE)


def show(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``identity show ADDRESS ID``."""
    asked = ask(configuration, ShowIdentity(arguments.address, arguments.id))
    shown = cast("ShownIdentityJson", asked)
    until = f" until {shown['revokedUntil']}" if shown["revokedUntil"] else ""
    rows = [
        ["id", shown["id"]],
        ["account", shown["account"]],
        ["type", shown["type"]],
        ["label", shown["label"]],
        ["status", shown["status"] + until],
        ["first seen", shown["firstSeen"]],
        ["last seen", f"{shown['lastSeen']} {_where(shown)}".rstrip()],
        ["protocols", ", ".join(shown["protocols"])],
        ["logins", f"{shown['count']}, failed {shown['failures']}, refused {shown['refusals']}"],
        *(
            ["by any account", f"{each['lastSeen']} {each['network']} {each['country']}".rstrip()]
            for each in shown["places"]
        ),
        *(
            ["login", f"{each['time']} {each['outcome']} {each['address']} {each['reason']}".rstrip()]
            for each in shown["logins"]
        ),
    ]
    output.show(shown, Sheet(["", ""], rows, ""))
    return 0


def label(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``identity label ADDRESS ID TEXT``."""
    asked = ask(configuration, LabelIdentity(arguments.address, arguments.id, arguments.text))
    answer = cast("IdentityJson", asked)
    output.tell(answer, f"{answer['id']} of {answer['account']} is called {answer['label']!r}")
    return 0


def approve(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``identity approve ADDRESS ID``."""
    answer = cast("IdentityJson", ask(configuration, ApproveIdentity(arguments.address, arguments.id)))
    output.tell(answer, f"approved {answer['id']} of {answer['account']}")
    return 0


def revoke(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``identity revoke ADDRESS ID [--for DURATION]``."""
    asked = ask(configuration, RevokeIdentity(arguments.address, arguments.id, arguments.duration))
    answer = cast("IdentityJson", asked)
    until = f" until {answer['revokedUntil']}" if answer["revokedUntil"] else ""
    text = f"revoked {answer['id']} of {answer['account']}{until}; the account's live sessions end"
    output.tell(answer, text)
    return 0


def forget(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``identity forget ADDRESS ID|--all``."""
    asked = ask(configuration, ForgetIdentities(arguments.address, arguments.id))
    answer = cast("ForgottenJson", asked)
    text = f"forgot {answer['identities']} identities and {answer['logins']} logins of {answer['account']}"
    output.tell(answer, text)
    return 0


def log(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``identity log ADDRESS``."""
    asked = ask(configuration, ListLogins(arguments.address, arguments.everything, arguments.limit))
    logins = cast("list[LoginJson]", asked)
    rows = [
        [
            minute(each["time"]),
            each["outcome"],
            each["id"],
            each["label"] or each["type"],
            _where(each),
            each["protocol"],
            each["reason"],
        ]
        for each in logins
    ]
    columns = ["time", "outcome", "id", "device", "from", "by", "reason"]
    empty = "no logins; types with the flag user-log are kept here, and --all shows every attempt"
    output.show(logins, Sheet(columns, rows, empty))
    return 0


def export(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``identity export ADDRESS [ID]``: JSON, in any case."""
    asked = ask(configuration, ExportIdentities(arguments.address, arguments.id))
    exported = cast("ExportJson", asked)
    output.tell(exported, json.dumps(exported, indent=2))
    return 0


def import_(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``identity import [FILE]``."""
    content = sys.stdin.read() if arguments.file is None else arguments.file.read_text("utf-8")
    answer = cast("ImportedJson", ask(configuration, ImportIdentities(content)))
    text = f"took up {answer['added']} identities of {answer['account']}; {answer['known']} were known"
    output.tell(answer, text)
    return 0


def _where(each: IdentityJson | LoginJson) -> str:
    return f"{each['address']} {each['country']}".rstrip()


def _of_account(parser: Parser) -> None:
    parser.add_argument("address", metavar="ADDRESS", help="the account")


def _of_identity(parser: Parser) -> None:
    _of_account(parser)
    parser.add_argument("id", metavar="ID", help="the identity; as many first digits as it takes")


def _of_any_account(parser: Parser) -> None:
    parser.add_argument("address", metavar="ADDRESS", nargs="?", help="of this account only")


def _label(parser: Parser) -> None:
    _of_identity(parser)
    parser.add_argument("text", metavar="TEXT", help="its name; empty for none")


def _revoke(parser: Parser) -> None:
    _of_identity(parser)
    parser.add_argument(
        "--for",
        dest="duration",
        metavar="DURATION",
        type=duration,
        help="for so long, as 2h or 7d; for good without it",
    )


def _forget(parser: Parser) -> None:
    _of_account(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("id", metavar="ID", nargs="?", help="the identity")
    what.add_argument("--all", action="store_true", help="everything that is held of the account")


def _log(parser: Parser) -> None:
    _of_account(parser)
    parser.add_argument(
        "--all",
        dest="everything",
        action="store_true",
        help="every attempt, not only those of types with the flag user-log",
    )
    parser.add_argument("--limit", type=count, default=100, metavar="N", help="how many (100)")


def _export(parser: Parser) -> None:
    _of_account(parser)
    parser.add_argument("id", metavar="ID", nargs="?", help="of this identity only")


def _import(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path, help="standard input without it")
