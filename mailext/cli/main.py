"""The command line, and the exit status."""

from __future__ import annotations

import sys
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from mailext.cli import accounts, app_passwords, attack_mode, identities, licences, queue, replay, tls_reports
from mailext.cli.check import check
from mailext.cli.dns import dns
from mailext.cli.init import init
from mailext.cli.numbers import count
from mailext.cli.output import JsonOutput, Output, TextOutput
from mailext.cli.path import path
from mailext.cli.send import send
from mailext.cli.send_options import add_send_options
from mailext.config.loading import COMMAND_LINE, Source, read
from mailext.config.model import Configuration
from mailext.config.problems import ConfigurationError, Problem
from mailext.control.requests import RequestRefusedError
from mailext.storage.errors import StoreError
from mailext.values import AttackMode

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["main"]

#: Refused, or failed.
_FAILED = 1
#: Usage or configuration.
_UNUSABLE = 2

_Command = Callable[[Namespace, Output], int]
_Asking = Callable[[Namespace, Configuration, Output], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """
    :param arguments: of the command line, without the program's name; those of
        the process if not given.
    :return: the exit status.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    # What is wrong with the command line is told in its own form, too.
    output: Output = JsonOutput() if "--json" in given else TextOutput()
    try:
        parsed = _parser().parse_args(given)
        run: _Command = parsed.run
        return run(parsed, output)
    except _UsageError as error:
        output.complain([Problem(COMMAND_LINE, "", str(error))])
        return _UNUSABLE
    except ConfigurationError as error:
        output.complain(error.problems)
        return _UNUSABLE
    except OSError as error:
        output.complain([Problem(str(error.filename or ""), "", error.strerror or str(error))])
        return _FAILED
    except (RequestRefusedError, StoreError) as error:
        output.complain([Problem("", "", str(error))])
        return _FAILED


class _UsageError(Exception):
    """The command line cannot be understood."""


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _UsageError(f"{message}\n{self.format_usage().rstrip()}")


def _parser() -> ArgumentParser:
    parser = _Parser(prog="mailext", description="Operates a mailext server.")
    parser.add_argument("--config", type=Path, default=Path("mailext.toml"), help=_CONFIG_HELP)
    parser.add_argument("--json", action="store_true", help=_JSON_HELP)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    making = _add(commands, "init", "make a folder with everything to try the server at once", init)
    making.add_argument("directory", metavar="DIR", type=Path)
    _add(commands, "check", "name what is wrong with the configuration", check)
    _add_account(_group(commands, "account", "accounts"))
    _add_identity(_group(commands, "identity", "client identities"))
    _add_clientid(_group(commands, "clientid", "what is made of client identities"))
    _add_licence(_group(commands, "licence", "identities that are set up beforehand"))
    _add_attack_mode(_group(commands, "attack-mode", "logins while an attack lasts"))
    _add_queue(_group(commands, "queue", "the queue"))
    _add_send(commands)
    _add_tls_reports(commands)
    surveying = _add(commands, "path", "show what the hosts of a domain prove, without sending mail", path)
    surveying.add_argument("domain", metavar="DOMAIN")
    _add_dns(commands)
    return parser


_CONFIG_HELP = "the configuration file (./mailext.toml without it)"
_JSON_HELP = "say everything in JSON, for programs"

# argparse has no public name for what add_subparsers() returns.
_Commands: TypeAlias = "_SubParsersAction[_Parser]"


def _add_account(group: _Commands) -> None:
    for name, text, run in (
        ("add", "add an account", accounts.add),
        ("passwd", "give an account a new password", accounts.passwd),
    ):
        command = _add(group, name, text, _asking(run))
        command.add_argument("address", metavar="ADDRESS")
        command.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )
        command.add_argument(
            "--scram", action="store_true", help="let the account log in by SCRAM-SHA-256 too"
        )
    removal = _add(group, "remove", "remove an account; its mailbox stays", _asking(accounts.remove))
    removal.add_argument("address", metavar="ADDRESS")
    _add(group, "list", "list the accounts", _asking(accounts.list_all))
    _add_app_password(_group(group, "app-password", "passwords for one program or device"))


def _add_app_password(group: _Commands) -> None:
    app_passwords.add_options(_add(group, "add", "make one, and show it once", _asking(app_passwords.add)))
    listing = _add(group, "list", "list an account's", _asking(app_passwords.list_all))
    listing.add_argument("address", metavar="ADDRESS", help="the account")
    app_passwords.name_options(_add(group, "revoke", "take one back", _asking(app_passwords.revoke)))


def _add_identity(group: _Commands) -> None:
    for each in identities.COMMANDS:
        each.options(_add(group, each.name, each.text, _asking(each.run)))


def _add_clientid(group: _Commands) -> None:
    text = "try the configuration's identity checkers on the logins that were kept"
    replay.add_options(_add(group, "replay", text, _asking(replay.replay)))


def _add_licence(group: _Commands) -> None:
    licences.add_options(_add(group, "add", "set up a licence", _asking(licences.add)))
    _add(group, "list", "list the licences", _asking(licences.list_all))
    revoking = _add(group, "revoke", "take a licence back for good", _asking(licences.revoke))
    revoking.add_argument("id", metavar="ID", help="the licence's id")


def _add_attack_mode(group: _Commands) -> None:
    for mode, text in (
        (AttackMode.ON, "restrict logins to known devices"),
        (AttackMode.OFF, "do not restrict them, whatever happens"),
        (AttackMode.AUTO, "let failed logins decide"),
    ):
        attack_mode.add_scope(_add(group, mode.value, text, _asking(attack_mode.setting(mode))))
    _add(group, "status", "list where it is set, and where an alarm lasts", _asking(attack_mode.status))


def _add_queue(group: _Commands) -> None:
    listing = _add(group, "list", "list the messages that wait", _asking(queue.list_all))
    listing.add_argument("--limit", type=count, metavar="N", help="the N oldest only")
    listing.add_argument("--held", action="store_true", help="those on hold only")
    listing.add_argument(
        "--domain", metavar="DOMAIN", help="those that a recipient of this domain has not got, only"
    )
    for name, text, run in (
        ("show", "show a message with its header section", queue.show),
        ("hold", "keep a message until it is released", queue.hold),
        ("release", "let a held message go, and try it at once", queue.release),
    ):
        _add_queue_id(_add(group, name, text, _asking(run)))
    retrying = _add(group, "retry", "try messages at once", _asking(queue.retry))
    retrying.add_argument("id", metavar="ID|all", help="the queue id, or all that are not on hold")
    _add_queue_id(_add(group, "drop", "remove a message without telling its sender", _asking(queue.drop)))
    demanding = _add(
        group, "requiretls", "change what a message demands of its path (RFC 8689)", _asking(queue.demand_tls)
    )
    _add_queue_id(demanding)
    demanding.add_argument("requiretls", choices=["none", "require", "optional"])


def _add_queue_id(command: ArgumentParser) -> None:
    command.add_argument("id", metavar="ID", help="the queue id")


def _add_send(commands: _Commands) -> None:
    add_send_options(_add(commands, "send", "send a message from standard input", send))


def _add_tls_reports(commands: _Commands) -> None:
    text = "show what became of TLS on the way to other domains (RFC 8460)"
    showing = _add(commands, "tlsrpt", text, _asking(tls_reports.show))
    tls_reports.add_show_defaults(showing)
    group = showing.add_subparsers(metavar="COMMAND")
    tls_reports.add_show_options(_add(group, "show", text, _asking(tls_reports.show)))
    tls_reports.add_read_options(_add(group, "read", "sum up the reports of others", tls_reports.read))


def _group(commands: _Commands, name: str, subject: str) -> _Commands:
    group = commands.add_parser(name, help=f"look after {subject}")
    _add_common(group)
    return group.add_subparsers(required=True, metavar="COMMAND")


def _add_dns(commands: _Commands) -> None:
    command = _add(commands, "dns", "show what our domains are to publish, and what is missing or wrong", dns)
    command.add_argument("domain", metavar="DOMAIN", nargs="?", help="this one only")
    command.add_argument(
        "--next-key",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="a key or certificate (PEM) that is to be used some day",
    )
    command.add_argument("--rua", metavar="URI", help="where TLS reports are wanted")
    command.add_argument(
        "--zone", action="store_true", help="lines for a zone file, without a look at what is published"
    )


def _add(commands: _Commands, name: str, text: str, run: _Command) -> _Parser:
    command = commands.add_parser(name, help=text, description=text)
    _add_common(command)
    command.set_defaults(run=run)
    return command


def _add_common(parser: ArgumentParser) -> None:
    # Behind the command they are as good as before it; what was not given
    # there must not hide what was given here.
    parser.add_argument("--config", type=Path, default=SUPPRESS, help=_CONFIG_HELP)
    parser.add_argument("--json", action="store_true", default=SUPPRESS, help=_JSON_HELP)


def _asking(run: _Asking) -> _Command:
    """A command that needs to know where the state is."""

    def command(arguments: Namespace, output: Output) -> int:
        return run(arguments, read(Source(arguments.config)), output)

    return command
