"""``mailext check``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import cast

from attrs import asdict, evolve

from mailext.accounts.addresses import AddressBook, AddressKind
from mailext.cli.asking import ask
from mailext.cli.grammar import Parser
from mailext.cli.output import Output
from mailext.config.loading import load
from mailext.config.model import Configuration
from mailext.config.problems import Problem
from mailext.config.reporting import contact_address
from mailext.config.source import Source
from mailext.config.trial import TrialServices
from mailext.config.validation import resolver_remarks
from mailext.control.accounts import AccountJson
from mailext.control.addresses import address_book
from mailext.control.requests import ListAccounts
from mailext.storage.engine import DATABASE_NAME

__all__ = ["add_to"]


def add_to(parser: Parser) -> None:
    """The arguments of ``check``."""
    parser.set_defaults(run=check)


def check(arguments: Namespace, output: Output) -> int:
    """
    Look at all that the server would, and beyond.

    :return: 1 if something is wrong that does not keep the server from
        running, as a target of an alias that it cannot deliver to.
    :raise ConfigurationError: if the server could not run.
    """
    from twisted.internet import reactor  # noqa: PLC0415 - other commands do without

    source = Source(arguments.config)
    configuration = load(source, reactor, TrialServices(reactor))
    file = str(arguments.config)
    book = address_book(configuration, _accounts(configuration))
    problems = [Problem(file, each.key, each.reason) for each in book.problems()]
    notes = [source.problem(*finding) for finding in resolver_remarks(configuration.relay)]
    notes += [Problem(file, each.key, each.reason) for each in book.remarks()]
    notes += [Problem(file, "tlsrpt.contact", remark) for remark in _contact_remarks(configuration, book)]
    lines = [f"problem: {each}" for each in problems] + [f"note: {each}" for each in notes]
    if not problems:
        lines.append(f"{file} can be used")
    output.tell(
        {"problems": [asdict(each) for each in problems], "notes": [asdict(each) for each in notes]},
        "\n".join(lines),
    )
    return 1 if problems else 0


def _contact_remarks(configuration: Configuration, book: AddressBook) -> Iterator[str]:
    contact = configuration.tlsrpt.contact
    if contact and book.resolve(contact_address(contact)).kind is AddressKind.UNKNOWN:
        yield f"{contact} leads to nobody here: what is asked about reports comes back"


def _accounts(configuration: Configuration) -> list[str]:
    # To check is to change nothing: a state directory is not made for it, and nothing moved to a shared one.
    if not (configuration.state_dir / DATABASE_NAME).exists():
        return []
    accounts = cast("list[AccountJson]", ask(evolve(configuration, shared_dir=None), ListAccounts()))
    return [each["address"] for each in accounts]
