"""The command line, and the exit status."""

from __future__ import annotations

import sys
from argparse import REMAINDER, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from mailext.cli.grammar import Command, Parser, UsageError, add_common
from mailext.cli.output import JsonOutput, Output, TextOutput
from mailext.config.problems import COMMAND_LINE, ConfigurationError, Problem
from mailext.control.requests import RequestRefusedError
from mailext.storage.errors import StoreError

__all__ = ["main"]

#: Refused, or failed.
_FAILED = 1
#: Usage or configuration.
_UNUSABLE = 2

#: The commands: what they are for, and the modules that add their arguments.
#: Only the module of the one that is given is loaded.
_COMMANDS = {
    "init": ("make a folder with everything to try the server at once", "mailext.cli.init"),
    "check": ("name what is wrong with the configuration", "mailext.cli.check"),
    "account": ("look after accounts", "mailext.cli.accounts"),
    "identity": ("look after client identities", "mailext.cli.identities"),
    "clientid": ("look after what is made of client identities", "mailext.cli.replay"),
    "licence": ("look after identities that are set up beforehand", "mailext.cli.licences"),
    "attack-mode": ("look after logins while an attack lasts", "mailext.cli.attack_mode"),
    "queue": ("look after the queue", "mailext.cli.queue"),
    "send": ("send a message from standard input", "mailext.cli.send"),
    "tlsrpt": ("show what became of TLS on the way to other domains (RFC 8460)", "mailext.cli.tls_reports"),
    "path": ("show what the hosts of a domain prove, without sending mail", "mailext.cli.path"),
    "dns": ("show what our domains are to publish, and what is missing or wrong", "mailext.cli.dns"),
}


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
        parsed = _parsed(given)
        run: Command = parsed.run
        return run(parsed, output)
    except UsageError as error:
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


def _parsed(given: Sequence[str]) -> Namespace:
    first = _first_parser().parse_args(given, Namespace(config=Path("mailext.toml"), json=False))
    text, module = _COMMANDS[first.command]
    parser = Parser(prog=f"mailext {first.command}", description=text)
    add_common(parser)
    import_module(module).add_to(parser)
    return parser.parse_args(first.arguments, first)


def _first_parser() -> Parser:
    width = max(map(len, _COMMANDS))
    commands = "\n".join(f"    {name:{width}}  {text}" for name, (text, _) in _COMMANDS.items())
    parser = Parser(
        prog="mailext",
        description="Operates a mailext server.",
        epilog=f"commands:\n{commands}\n\n'mailext COMMAND --help' tells more of one.",
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_common(parser)
    parser.add_argument("command", metavar="COMMAND", choices=_COMMANDS, help="see below")
    rest = parser.add_argument("arguments", metavar="...", nargs=REMAINDER, help="what the command takes")
    # Nothing may be enough, and then it is not to be named as missing.
    rest.required = False
    return parser
