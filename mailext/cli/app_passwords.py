"""``mailext account app-password``."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, cast

from mailext.cli.asking import ask
from mailext.cli.grammar import Parser, Subcommands, add_common, asking, subcommand, subcommands
from mailext.cli.output import Output, Sheet
from mailext.config.model import Configuration
from mailext.control.app_password_requests import AddAppPassword, ListAppPasswords, RevokeAppPassword

if TYPE_CHECKING:
    from mailext.control.app_passwords import AppPasswordJson, MadeAppPasswordJson

__all__ = ["add_to"]


def add_to(group: Subcommands) -> None:
    """``app-password`` and its subcommands."""
    parser = group.add_parser("app-password", help="look after passwords for one program or device")
    add_common(parser)
    group = subcommands(parser)
    _add_options(subcommand(group, "add", "make one, and show it once", asking(add)))
    listing = subcommand(group, "list", "list an account's", asking(list_all))
    listing.add_argument("address", metavar="ADDRESS", help="the account")
    _name_options(subcommand(group, "revoke", "take one back", asking(revoke)))


def _name_options(parser: Parser) -> None:
    parser.add_argument("address", metavar="ADDRESS", help="the account")
    parser.add_argument("name", metavar="NAME", help="what it is called, for example the program's name")


def _add_options(parser: Parser) -> None:
    _name_options(parser)
    device = parser.add_mutually_exclusive_group()
    device.add_argument("--device", dest="identity_id", metavar="ID", help="good for this device alone")
    device.add_argument(
        "--first-device",
        dest="identity_id",
        action="store_const",
        const="",
        help="good for the first device that uses it alone",
    )


def add(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``account app-password add ADDRESS NAME``."""
    asked = ask(configuration, AddAppPassword(arguments.address, arguments.name, arguments.identity_id))
    made = cast("MadeAppPasswordJson", asked)
    output.tell(made, f"{made['password']}\n\nIt is shown this once.")
    return 0


def list_all(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``account app-password list ADDRESS``."""
    asked = ask(configuration, ListAppPasswords(arguments.address))
    passwords = cast("list[AppPasswordJson]", asked)
    rows = [
        [each["name"], _device(each), each["created"][:10], (each["lastUsed"] or "never")[:10]]
        for each in passwords
    ]
    output.show(passwords, Sheet(["name", "device", "made", "last used"], rows, "no app passwords"))
    return 0


def revoke(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``account app-password revoke ADDRESS NAME``."""
    asked = ask(configuration, RevokeAppPassword(arguments.address, arguments.name))
    revoked = cast("AppPasswordJson", asked)
    output.tell(revoked, f"revoked {revoked['name']!r} of {revoked['account']}; its live sessions end")
    return 0


def _device(password: AppPasswordJson) -> str:
    if password["device"] is None:
        return "any"
    return password["device"] or "the first one"
