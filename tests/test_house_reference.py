"""The tables of docs/reference are a contract: they say what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mailext.config.reference import reference_page
from mailext.interfaces import IClientIdentityCheckerFactory, IDeliveryPolicyFactory
from mailext.plugins import describe
from mailext.queue.as_json import EntryJson, RecipientJson, ShownEntryJson
from mailext.wire import replies
from tests.black_box import ADDRESS, RunningServer
from tests.samples import SAMPLE

REFERENCE = Path(__file__).parents[1] / "docs/reference"


def page(name: str) -> str:
    return (REFERENCE / f"{name}.rst").read_text("utf-8")


def first_cells(name: str, title: str) -> list[str]:
    """:return: the literals in the first column of the table below a title."""
    below = page(name).partition(f"\n{title}\n{'-' * len(title)}\n")[2]
    section = re.split(r"\n[^\n]+\n-+\n", below)[0]
    return re.findall(r"^   \* - ``([^`]+)``$", section, re.MULTILINE)


def test_every_key_of_the_configuration_stands_in_its_page() -> None:
    assert page("configuration").endswith(reference_page())


@pytest.mark.parametrize(
    ("title", "made"),
    [
        ("queue list", EntryJson.__annotations__),
        ("Each of ``recipients``", RecipientJson.__annotations__),
        ("queue show", ShownEntryJson.__annotations__.keys() - EntryJson.__annotations__.keys()),
    ],
)
def test_the_json_of_the_queue_stands_in_its_page(title: str, made: dict[str, object]) -> None:
    assert first_cells("json", title) == list(made)


def test_the_json_of_identities_stands_in_its_page(server: RunningServer) -> None:
    with server.client() as client:
        client.docmd("CLIENTID", "UUID 6f1c2f0e-3a86-4d3b-9d0c-3f0e9f5d2a11")
        client.login(ADDRESS, server.password)
        client.sendmail(ADDRESS, [ADDRESS], SAMPLE)
    (identity,) = json.loads(server.run("identity", "list", "--json").stdout)
    assert first_cells("json", "identity list") == list(identity)


@pytest.mark.parametrize(
    ("title", "interface"),
    [
        ("Identity checkers", IClientIdentityCheckerFactory),
        ("Delivery policies", IDeliveryPolicyFactory),
    ],
)
def test_every_built_in_plugin_stands_in_its_page(title: str, interface: type) -> None:
    installed = [line.split()[0] for line in describe(interface).splitlines()]
    assert first_cells("plugins", title) == installed


def test_every_standing_reply_stands_in_its_page() -> None:
    stated = re.findall(r"^   \* - ([0-9]{3})\n     - ([0-9.]+|\\-)$", page("replies"), re.MULTILINE)
    standing = [each for each in vars(replies).values() if isinstance(each, replies.Reply)]
    assert {(str(each.code), each.enhanced or "\\-") for each in standing} <= set(stated)
