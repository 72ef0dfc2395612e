"""``mailext account app-password``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import cast

from mailext.cli.asking import ask
from mailext.cli.output import Output, Sheet
from mailext.config.model import Configuration
from mailext.control.app_password_requests import AddAppPassword, ListAppPasswords, RevokeAppPassword
from mailext.control.app_passwords import AppPasswordJson, MadeAppPasswordJson

__all__ = ["add", "add_options", "list_all", "name_options", "revoke"]


def name_options(parser: ArgumentParser) -> None:
    """The account, and the name of one app password."""
    parser.add_argument("address", metavar="ADDRESS", help="the account")
    parser.add_argument("name", metavar="NAME", help="what it is called, for example the program's name")


def add_options(parser: ArgumentParser) -> None:
    """The options of ``app-password add``."""
    name_options(parser)
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
