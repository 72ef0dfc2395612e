"""``mailext queue``."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, cast

from mailext.cli.asking import ask
from mailext.cli.grammar import Parser, asking, subcommand, subcommands
from mailext.cli.numbers import count
from mailext.cli.output import Output, Sheet
from mailext.config.model import Configuration
from mailext.control.requests import (
    DemandTls,
    DropMessage,
    HoldMessage,
    ListQueue,
    ReleaseMessage,
    RetryMessages,
    ShowMessage,
)

if TYPE_CHECKING:
    from mailext.control.as_json import EntryJson, ShownEntryJson
    from mailext.control.queue import DemandJson, MessageJson

__all__ = ["add_to"]


def add_to(parser: Parser) -> None:
    """The subcommands of ``queue``."""
    group = subcommands(parser)
    listing = subcommand(group, "list", "list the messages that wait", asking(list_all))
    listing.add_argument("--limit", type=count, metavar="N", help="the N oldest only")
    listing.add_argument("--held", action="store_true", help="those on hold only")
    listing.add_argument(
        "--domain", metavar="DOMAIN", help="those that a recipient of this domain has not got, only"
    )
    for name, text, run in (
        ("show", "show a message with its header section", show),
        ("hold", "keep a message until it is released", hold),
        ("release", "let a held message go, and try it at once", release),
    ):
        _of_message(subcommand(group, name, text, asking(run)))
    retrying = subcommand(group, "retry", "try messages at once", asking(retry))
    retrying.add_argument("id", metavar="ID|all", help="the queue id, or all that are not on hold")
    _of_message(subcommand(group, "drop", "remove a message without telling its sender", asking(drop)))
    text = "change what a message demands of its path (RFC 8689)"
    demanding = subcommand(group, "requiretls", text, asking(demand_tls))
    _of_message(demanding)
    demanding.add_argument("requiretls", choices=["none", "require", "optional"])


def _of_message(parser: Parser) -> None:
    parser.add_argument("id", metavar="ID", help="the queue id")


def list_all(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``queue list``."""
    request = ListQueue(arguments.limit, arguments.held, arguments.domain)
    entries = cast("list[EntryJson]", ask(configuration, request))
    rows = [
        [
            entry["id"],
            entry["arrived"],
            str(entry["size"]),
            f"<{entry['reversePath']}>",
            ", ".join(recipient["address"] for recipient in entry["recipients"]),
            "on hold" if entry["hold"] else entry["nextAttempt"],
        ]
        for entry in entries
    ]
    columns = ["id", "arrived", "size", "from", "recipients", "next attempt"]
    empty = "the queue is empty" if request == ListQueue() else "no such messages"
    output.show(entries, Sheet(columns, rows, empty))
    return 0


def show(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``queue show ID``."""
    entry = cast("ShownEntryJson", ask(configuration, ShowMessage(arguments.id)))
    facts = [
        ("id", entry["id"]),
        ("from", f"<{entry['reversePath']}>"),
        ("size", str(entry["size"])),
        ("arrived", entry["arrived"]),
        ("next attempt", "on hold" if entry["hold"] else entry["nextAttempt"]),
        ("requiretls", entry["requiretls"]),
    ]
    facts += [("recipient", _recipient(entry, index)) for index in range(len(entry["recipients"]))]
    facts += [("header", f"{field['name']}: {field['value']}") for field in entry["headers"]]
    output.show(entry, Sheet(["", ""], facts, ""))
    return 0


def _recipient(entry: ShownEntryJson, index: int) -> str:
    recipient = entry["recipients"][index]
    said = f": {recipient['lastReply']}" if recipient["lastReply"] else ""
    return f"<{recipient['address']}> {recipient['state']} after {recipient['attempts']} attempts{said}"


def hold(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``queue hold ID``."""
    answer = cast("MessageJson", ask(configuration, HoldMessage(arguments.id)))
    output.tell(answer, f"{answer['id']} is on hold")
    return 0


def release(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``queue release ID``."""
    answer = cast("MessageJson", ask(configuration, ReleaseMessage(arguments.id)))
    output.tell(answer, f"{answer['id']} is tried again")
    return 0


def retry(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``queue retry ID|all``."""
    queue_id = None if arguments.id == "all" else arguments.id
    answer = cast("list[MessageJson]", ask(configuration, RetryMessages(queue_id)))
    sheet = Sheet(
        ["tried again"], [[message["id"]] for message in answer], "no messages that are not on hold"
    )
    output.show(answer, sheet)
    return 0


def drop(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``queue drop ID``."""
    answer = cast("MessageJson", ask(configuration, DropMessage(arguments.id)))
    output.tell(answer, f"{answer['id']} is dropped, and its sender is not told")
    return 0


def demand_tls(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``queue requiretls ID none|require|optional``."""
    answer = cast("DemandJson", ask(configuration, DemandTls(arguments.id, arguments.requiretls)))
    output.tell(answer, f"{answer['id']} has requiretls {answer['requiretls']}")
    return 0
