"""What the modules of commands build their part of the command line with."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from mailext.cli.output import Output
from mailext.config.model import Configuration
from mailext.config.source import Source, read

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = [
    "Command",
    "Parser",
    "Subcommands",
    "UsageError",
    "add_common",
    "asking",
    "subcommand",
    "subcommands",
]

#: A command: does what was asked, and returns the exit status.
Command = Callable[[Namespace, Output], int]


class UsageError(Exception):
    """The command line cannot be understood."""


class Parser(ArgumentParser):
    """A parser that tells of errors by :class:`UsageError`."""

    def error(self, message: str) -> NoReturn:
        """See :meth:`argparse.ArgumentParser.error`."""
        raise UsageError(f"{message}\n{self.format_usage().rstrip()}")


# argparse has no public name for what add_subparsers() returns.
Subcommands: TypeAlias = "_SubParsersAction[Parser]"


def subcommands(parser: Parser) -> Subcommands:
    """Let a command have subcommands, of which one has to be given."""
    return parser.add_subparsers(required=True, metavar="COMMAND")


def subcommand(group: Subcommands, name: str, text: str, run: Command) -> Parser:
    """
    Add a subcommand.

    :param text: what it is for.
    """
    parser = group.add_parser(name, help=text, description=text)
    add_common(parser)
    parser.set_defaults(run=run)
    return parser


def add_common(parser: Parser) -> None:
    """
    The options of all commands. Behind the command they are as good as before
    it; what was not given there must not hide what was given here.
    """
    parser.add_argument("--config", type=Path, default=SUPPRESS, metavar="FILE", help=_CONFIG_HELP)
    parser.add_argument("--json", action="store_true", default=SUPPRESS, help=_JSON_HELP)


_CONFIG_HELP = "the configuration file (./mailext.toml without it)"
_JSON_HELP = "say everything in JSON, for programs"


def asking(run: Callable[[Namespace, Configuration, Output], int]) -> Command:
    """A command that needs to know where the state is."""

    def command(arguments: Namespace, output: Output) -> int:
        return run(arguments, read(Source(arguments.config)), output)

    return command
