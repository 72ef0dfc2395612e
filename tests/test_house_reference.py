"""The tables of docs/reference are a contract: they say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailext.cli import main
from mailext.cli.dns import DomainJson, RecordJson
from mailext.cli.path import HostJson, PathJson
from mailext.cli.replay import LockedOutJson, ReplayJson
from mailext.cli.tls_reports import ReportJson, ReportsJson
from mailext.config.reference import reference_page
from mailext.control.accounts import AccountJson
from mailext.control.app_passwords import AppPasswordJson
from mailext.control.as_json import EntryJson, RecipientJson, ShownEntryJson
from mailext.control.attack_mode import AttackModeJson, AttackStatusJson
from mailext.control.identity_json import (
    ExportJson,
    ForgottenJson,
    IdentityJson,
    ImportedJson,
    LoginJson,
    PlaceJson,
)
from mailext.control.licences import LicenceJson
from mailext.control.queue import DemandJson, MessageJson
from mailext.control.submission import SentJson
from mailext.control.tls_figures import TlsFiguresJson
from mailext.interfaces import IClientIdentityCheckerFactory, IDeliveryPolicyFactory
from mailext.plugins import describe
from mailext.tap import Options
from mailext.wire import replies

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
        ("queue hold, queue release, queue drop, queue retry", MessageJson.__annotations__),
        ("queue requiretls", DemandJson.__annotations__),
        ("identity list", IdentityJson.__annotations__),
        ("identity show", ["places", "logins"]),
        ("Each of ``places``", PlaceJson.__annotations__),
        ("identity log", LoginJson.__annotations__),
        ("identity export", ExportJson.__annotations__),
        ("identity forget", ForgottenJson.__annotations__),
        ("identity import", ImportedJson.__annotations__),
        ("clientid replay", ReplayJson.__annotations__),
        ("Each of ``lockedOut``", LockedOutJson.__annotations__),
        ("licence list", LicenceJson.__annotations__),
        ("attack-mode", AttackStatusJson.__annotations__),
        ("Each of ``scopes``", AttackModeJson.__annotations__),
        ("account list", AccountJson.__annotations__),
        ("account app-password list", AppPasswordJson.__annotations__),
        ("send", SentJson.__annotations__),
        ("tlsrpt show", TlsFiguresJson.__annotations__),
        ("tlsrpt read", ReportsJson.__annotations__),
        ("Each of ``reports``", ReportJson.__annotations__),
        ("path", PathJson.__annotations__),
        ("dns", DomainJson.__annotations__),
        ("Each of ``records``", RecordJson.__annotations__),
        ("Each of ``hosts``", HostJson.__annotations__),
    ],
)
def test_what_the_commands_print_as_json_stands_in_its_page(title: str, made: dict[str, object]) -> None:
    assert first_cells("json", title) == list(made)


def help_of(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    with pytest.raises(SystemExit) as end:
        main([*command, "--help"])
    assert end.value.code == 0
    return capsys.readouterr().out


def leaves(capsys: pytest.CaptureFixture[str], *group: str) -> list[str]:
    """:return: the commands that have none below them."""
    names = re.findall(r"^    ([a-z-]+)(?: +\S|$)", help_of(capsys, *group), re.MULTILINE)
    if not names:
        return [" ".join(group)]
    return [leaf for name in names for leaf in leaves(capsys, *group, name)]


def test_every_command_stands_in_its_page(capsys: pytest.CaptureFixture[str]) -> None:
    found = leaves(capsys)
    stated = [re.match(r"[a-z -]+[a-z]", cell)[0] for cell in first_cells("commands", "mailext")]
    assert stated == found


def test_every_flag_of_the_server_stands_in_its_page() -> None:
    flags = set(re.findall(r"--[a-z-]+", Options().getUsage())) - {"--version", "--help"}
    assert flags <= set(re.findall(r"--[a-z-]+", page("commands")))


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


def test_every_log_event_stands_in_its_page() -> None:
    sources = (path.read_text("utf-8") for path in (REFERENCE.parents[1] / "mailext").rglob("*.py"))
    emitted = {
        event for source in sources for event in re.findall(r'\bevent="([a-z-]+)",$', source, re.MULTILINE)
    }
    assert emitted <= set(re.findall(r"^   \* - ``([a-z-]+)``$", page("log"), re.MULTILINE))
    assert {"accepted", "attempt", "done"} <= emitted
