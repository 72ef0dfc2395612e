"""``mailext account``."""

from __future__ import annotations

import getpass
import sys
from argparse import Namespace
from typing import TYPE_CHECKING, cast

from mailext.cli import app_passwords
from mailext.cli.asking import ask
from mailext.cli.grammar import Parser, asking, subcommand, subcommands
from mailext.cli.output import Output, Sheet
from mailext.config.model import Configuration
from mailext.control.requests import (
    AddAccount,
    ListAccounts,
    RemoveAccount,
    RequestRefusedError,
    SetPassword,
)

if TYPE_CHECKING:
    from mailext.control.accounts import AccountJson

__all__ = ["add_to"]


def add_to(parser: Parser) -> None:
    """The subcommands of ``account``."""
    group = subcommands(parser)
    for name, text, run in (
        ("add", "add an account", add),
        ("passwd", "give an account a new password", passwd),
    ):
        command = subcommand(group, name, text, asking(run))
        command.add_argument("address", metavar="ADDRESS")
        command.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )
        command.add_argument(
            "--scram", action="store_true", help="let the account log in by SCRAM-SHA-256 too"
        )
    removal = subcommand(group, "remove", "remove an account; its mailbox stays", asking(remove))
    removal.add_argument("address", metavar="ADDRESS")
    subcommand(group, "list", "list the accounts", asking(list_all))
    app_passwords.add_to(group)


def add(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``account add ADDRESS``."""
    password = _password(from_stdin=arguments.password_stdin)
    answer = cast("AccountJson", ask(configuration, AddAccount(arguments.address, password, arguments.scram)))
    output.tell(answer, f"added {answer['address']}")
    return 0


def passwd(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``account passwd ADDRESS``."""
    password = _password(from_stdin=arguments.password_stdin)
    answer = cast(
        "AccountJson", ask(configuration, SetPassword(arguments.address, password, arguments.scram))
    )
    output.tell(answer, f"{answer['address']} has a new password")
    return 0


def remove(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``account remove ADDRESS``."""
    answer = cast("AccountJson", ask(configuration, RemoveAccount(arguments.address)))
    output.tell(answer, f"removed {answer['address']}; its mailbox stays")
    return 0


def list_all(arguments: Namespace, configuration: Configuration, output: Output) -> int:  # noqa: ARG001 - a command's signature
    """``account list``."""
    accounts = cast("list[AccountJson]", ask(configuration, ListAccounts()))
    output.show(accounts, Sheet(["address"], [[each["address"]] for each in accounts], "no accounts"))
    return 0


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Once more: "):
        raise RequestRefusedError("the two are not the same")
    return password
