"""``mailext attack-mode``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from mailext.cli.asking import ask
from mailext.cli.grammar import Parser, asking, subcommand, subcommands
from mailext.cli.output import Output, Sheet
from mailext.config.model import Configuration
from mailext.control.attack_requests import SetAttackMode, ShowAttackModes
from mailext.values import AttackMode

if TYPE_CHECKING:
    from mailext.control.attack_mode import AttackModeJson, AttackStatusJson

__all__ = ["add_to"]

_NOT_ENFORCED = "no listener enforces it: [clientid] checkers has no attack-mode:mode=enforce"


def add_to(parser: Parser) -> None:
    """The subcommands of ``attack-mode``."""
    group = subcommands(parser)
    for mode, text in (
        (AttackMode.ON, "restrict logins to known devices"),
        (AttackMode.OFF, "do not restrict them, whatever happens"),
        (AttackMode.AUTO, "let failed logins decide"),
    ):
        _add_scope(subcommand(group, mode.value, text, asking(setting(mode))))
    subcommand(group, "status", "list where it is set, and where an alarm lasts", asking(status))


def _add_scope(parser: Parser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--listener", metavar="NAME", help="for this listener")
    where.add_argument("--account", metavar="ADDRESS", help="for this account")
    where.add_argument("--network", metavar="NETWORK", help="for clients of this network")


def setting(mode: AttackMode) -> Callable[[Namespace, Configuration, Output], int]:
    """``attack-mode on``, ``off`` or ``auto``."""

    def command(arguments: Namespace, configuration: Configuration, output: Output) -> int:
        asked = ask(configuration, _request(mode, arguments))
        answer = cast("AttackStatusJson", asked)
        (scope,) = answer["scopes"]
        text = f"attack mode of {_where(scope)}: {scope['mode']}"
        if mode is AttackMode.ON and not answer["enforcedBy"]:
            text += f"\n{_NOT_ENFORCED}"
        output.tell(answer, text)
        return 0

    return command


def status(arguments: Namespace, configuration: Configuration, output: Output) -> int:  # noqa: ARG001 - all
    """``attack-mode status``."""
    answer = cast("AttackStatusJson", ask(configuration, ShowAttackModes()))
    rows = [[_where(each), each["mode"], each["alarmUntil"] or ""] for each in answer["scopes"]]
    rows.append(["enforced by", ", ".join(answer["enforcedBy"]) or "no listener", ""])
    output.show(answer, Sheet(["where", "by hand", "alarm until"], rows, ""))
    return 0


def _request(mode: AttackMode, arguments: Namespace) -> SetAttackMode:
    for kind, name in (
        ("listener", arguments.listener),
        ("account", arguments.account),
        ("network", arguments.network),
    ):
        if name is not None:
            return SetAttackMode(mode.value, kind, name)
    return SetAttackMode(mode.value)


def _where(scope: AttackModeJson) -> str:
    return f"{scope['scope']} {scope['name']}" if scope["name"] else "the whole server"
