"""The commands on a state directory that no server has open."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mailext.cli import main
from mailext.cli.output import Sheet, TextOutput
from mailext.storage.store import open_store_offline
from tests.cli.conftest import Run


def as_json(answer: tuple[int, str, str]) -> Any:
    status, out, err = answer
    assert (status, err) == (0, "")
    return json.loads(out)


def error(answer: tuple[int, str, str], status: int) -> dict[str, str]:
    assert (answer[0], answer[1]) == (status, "")
    said: dict[str, dict[str, str]] = json.loads(answer[2])
    assert said.keys() == {"error"}
    assert said["error"].keys() == {"file", "key", "reason"}
    return said["error"]


# Accounts


def test_accounts_come_and_go(run: Run) -> None:
    assert run("account", "add", "Ann@Example.ORG", "--password-stdin", stdin=b"secret\n") == (
        0,
        "added ann@example.org\n",
        "",
    )
    assert as_json(run("account", "list", "--json")) == [{"address": "ann@example.org"}]
    assert run("account", "passwd", "ann", "--password-stdin", stdin=b"other\n")[0] == 0
    assert run("account", "remove", "ann")[0] == 0
    assert run("account", "list") == (0, "no accounts\n", "")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["add", "ann", "--password-stdin"], "there is an account ann@example.org"),
        (["add", "a b@example.org", "--password-stdin"], "not an address: 'a b@example.org'"),
        (["passwd", "carol", "--password-stdin"], "there is no account carol@example.org"),
        (["remove", "carol"], "there is no account carol@example.org"),
    ],
)
@pytest.mark.usefixtures("accounts")
def test_what_is_refused_is_status_1(run: Run, arguments: list[str], reason: str) -> None:
    assert error(run("--json", "account", *arguments, stdin=b"secret\n"), 1)["reason"] == reason
    status, out, err = run("account", *arguments, stdin=b"secret\n")
    assert (status, out, err) == (1, "", f"mailext: {reason}\n")


def test_a_password_is_not_empty(run: Run) -> None:
    assert "not empty" in error(run("--json", "account", "add", "ann", "--password-stdin"), 1)["reason"]


def test_a_password_is_asked_for_twice(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["secret", "secrte"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    assert error(run("--json", "account", "add", "ann"), 1)["reason"] == "the two are not the same"


@pytest.mark.usefixtures("accounts")
def test_a_password_that_scram_does_not_take(run: Run) -> None:
    told = run("account", "passwd", "ann", "--scram", "--password-stdin", stdin=b"a\x07b\n")
    assert told[0] == 1
    assert told[2].startswith("mailext: SCRAM does not take this password")
    assert run("account", "passwd", "ann", "--scram", "--password-stdin", stdin=b"secret\n")[0] == 0


# Sending, and the queue


@pytest.mark.usefixtures("accounts")
def test_a_message_waits_in_the_queue(run: Run) -> None:
    message = b"From: Carol <carol@example.net>\nSubject: one\n two\nBcc: x@example.org\n\nHello.\n"
    sent = as_json(run("send", "--json", "--requiretls", "all@example.org", stdin=message))
    queue_id = sent["reply"].rpartition(" ")[2]
    [entry] = as_json(run("queue", "list", "--json"))
    assert entry["id"] == queue_id
    assert entry["reversePath"] == "carol@example.net"
    assert (entry["requiretls"], entry["hold"]) == ("require", False)
    assert [recipient["address"] for recipient in entry["recipients"]] == [
        "ann@example.org",
        "bob@example.org",
    ]
    shown = as_json(run("queue", "show", queue_id, "--json"))
    assert {field["name"]: field["value"] for field in shown["headers"]}["Subject"] == "one two"
    assert [field["name"] for field in shown["headers"]] == ["From", "Subject", "Date", "Message-ID"]
    assert shown["size"] > len(message)


@pytest.mark.usefixtures("accounts")
def test_a_message_can_be_held_and_released(run: Run) -> None:
    run("send", "ann", stdin=b"Subject: x\n\nHello.\n")
    [entry] = as_json(run("queue", "list", "--json"))
    assert run("queue", "hold", entry["id"]) == (0, f"{entry['id']} is on hold\n", "")
    [held] = as_json(run("queue", "list", "--json"))
    assert held["hold"] is True
    assert run("queue", "release", entry["id"])[0] == 0
    assert error(run("queue", "release", entry["id"], "--json"), 1)["reason"].endswith("on hold")


@pytest.mark.parametrize(
    "operation", [["show"], ["hold"], ["release"], ["retry"], ["drop"], ["requiretls", "none"]]
)
def test_a_message_that_is_not_there(run: Run, operation: list[str]) -> None:
    name, *more = operation
    reason = error(run("--json", "queue", name, "nowhere", *more), 1)["reason"]
    assert reason.startswith("there is no message nowhere ")


@pytest.mark.usefixtures("accounts")
def test_messages_can_be_tried_at_once(run: Run) -> None:
    assert run("queue", "retry", "all") == (0, "no messages that are not on hold\n", "")
    for name in ("ann", "bob"):
        run("send", name, stdin=b"Subject: x\n\nHello.\n")
    ann, bob = [entry["id"] for entry in as_json(run("queue", "list", "--json"))]
    assert as_json(run("queue", "retry", ann, "--json")) == [{"id": ann}]
    run("queue", "hold", bob)
    assert as_json(run("queue", "retry", "all", "--json")) == [{"id": ann}]
    assert run("queue", "retry", "all")[1].split() == ["tried", "again", ann]
    assert "that is not on hold" in error(run("queue", "retry", bob, "--json"), 1)["reason"]


@pytest.mark.usefixtures("accounts")
def test_a_message_can_be_dropped(run: Run, tmp_path: Path) -> None:
    for size in (10, 100_000):
        run("send", "ann", stdin=b"Subject: x\n\n" + b"Hello.\n" * (size // 7))
    for entry in as_json(run("queue", "list", "--json")):
        status, out, _ = run("queue", "drop", entry["id"])
        assert (status, out) == (0, f"{entry['id']} is dropped, and its sender is not told\n")
    assert as_json(run("queue", "list", "--json")) == []
    assert [path for path in (tmp_path / "state/content").rglob("*") if path.is_file()] == []


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize("demand", ["none", "require", "optional"])
def test_the_demand_of_a_message_can_be_changed(run: Run, demand: str) -> None:
    run("send", "--requiretls", "ann", stdin=b"Subject: x\n\nHello.\n")
    [entry] = as_json(run("queue", "list", "--json"))
    changed = as_json(run("queue", "requiretls", entry["id"], demand, "--json"))
    assert changed == {"id": entry["id"], "requiretls": demand}
    [entry] = as_json(run("queue", "list", "--json"))
    assert entry["requiretls"] == demand


@pytest.mark.usefixtures("accounts")
def test_a_list_can_be_of_some(run: Run) -> None:
    for name in ("ann", "bob", "ann"):
        run("send", name, stdin=b"Subject: x\n\nHello.\n")
    ids = [entry["id"] for entry in as_json(run("queue", "list", "--json"))]
    run("queue", "hold", ids[1])

    def listed(*flags: str) -> list[str]:
        return [entry["id"] for entry in as_json(run("queue", "list", "--json", *flags))]

    # Those of one second are of one age.
    assert sorted(listed("--limit", "2")) == sorted(ids)[:2]
    assert listed("--held") == ids[1:2]
    assert listed("--domain", "example.ORG") == ids
    assert run("queue", "list", "--domain", "example.net") == (0, "no such messages\n", "")


@pytest.mark.usefixtures("accounts")
def test_tables_are_for_people(run: Run) -> None:
    assert run("queue", "list") == (0, "the queue is empty\n", "")
    run("send", "-f", "", "ann", stdin=b"Subject: [b]x[/b] \x1b[31m\n\nHello.\n")
    status, table, _ = run("queue", "list")
    assert status == 0
    header, line = table.splitlines()
    assert header.split() == ["id", "arrived", "size", "from", "recipients", "next", "attempt"]
    assert "<>" in line
    _, shown, _ = run("queue", "show", line.split()[0])
    assert "Subject: [b]x[/b] \N{REPLACEMENT CHARACTER}[31m" in shown
    assert "ann@example.org> queued after 0 attempts" in shown


@pytest.mark.usefixtures("accounts")
def test_recipients_can_stand_in_the_message(run: Run) -> None:
    message = b"To: Ann <ann@example.org>\nBcc: bob@example.org\n\nHello.\n"
    assert run("send", "-t", "-i", stdin=message)[0] == 0
    [entry] = as_json(run("queue", "list", "--json"))
    assert [recipient["address"] for recipient in entry["recipients"]] == [
        "ann@example.org",
        "bob@example.org",
    ]
    assert entry["reversePath"] == "postmaster@example.org"


@pytest.mark.usefixtures("accounts")
@pytest.mark.requirement("R7")
def test_a_message_can_ask_for_delivery_without_tls(run: Run) -> None:
    message = b"From: ann@example.org\nTLS-Required: No\n\nHello.\n"
    assert run("send", "--tls-optional", "ann", stdin=message)[0] == 0
    [entry] = as_json(run("queue", "list", "--json"))
    assert entry["requiretls"] == "optional"
    names = [field["name"] for field in as_json(run("queue", "show", entry["id"], "--json"))["headers"]]
    assert names.count("TLS-Required") == 1


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["ann", "carol"], "there is no carol@example.org here"),
        ([], "no recipient"),
        (["a b@example.org"], "not an address: 'a b@example.org'"),
        (["-f", "@", "ann"], "not an address: '@'"),
    ],
)
def test_what_cannot_be_sent(run: Run, arguments: list[str], reason: str) -> None:
    assert error(run("send", "--json", *arguments, stdin=b"\nHello.\n"), 1)["reason"] == reason
    assert as_json(run("queue", "list", "--json")) == []


def test_a_message_that_is_too_large(run: Run, tmp_path: Path) -> None:
    with (tmp_path / "mailext.toml").open("a") as file:
        file.write('[limits]\nmessage-size = "100B"\n')
    reason = error(run("send", "--json", "ann", stdin=b"x" * 101), 1)["reason"]
    assert reason == "the message is larger than 100 octets"


# Identities


def test_no_identities(run: Run) -> None:
    assert as_json(run("identity", "list", "--json")) == []
    assert run("identity", "list", "ann") == (0, "no identities\n", "")
    assert error(run("--json", "identity", "list", "@"), 1)["reason"] == "not an address: '@'"


# Check


def test_check_names_what_is_wrong(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "mailext.toml"
    config.write_text(config.read_text() + '"x@example.net" = ["ann"]\n[relay]\nresolver = ["127.0.0.1:1"]\n')
    status, out, _ = run("check", "--json")
    found = json.loads(out)
    assert status == 1
    assert [problem["key"] for problem in found["problems"]] == ['aliases."x@example.net"']
    assert "not delivered here" in found["problems"][0]["reason"]
    assert found["notes"][0] == {
        "file": str(config),
        "key": "relay.resolver",
        "reason": found["notes"][0]["reason"],
    }
    assert found["notes"][0]["reason"].startswith("127.0.0.1 is not fit to be asked")
    assert not (tmp_path / "state").exists()


@pytest.mark.usefixtures("accounts")
def test_check_says_who_gets_the_postmasters_mail(run: Run) -> None:
    status, out, _ = run("check")
    assert status == 0
    assert "postmaster@example.org is no account or alias: mail for it goes to ann@example.org" in out


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize(("contact", "remarked"), [("tls", True), ("ann", False), ("all", False)])
def test_check_says_who_is_nobody_to_ask_about_reports(
    run: Run, tmp_path: Path, contact: str, *, remarked: bool
) -> None:
    config = tmp_path / "mailext.toml"
    config.write_text(config.read_text() + f'[tlsrpt]\ncontact = "{contact}@example.org"\n')
    status, out, _ = run("check")
    assert status == 0
    assert ("tlsrpt.contact: tls@example.org leads to nobody here" in out) == remarked


# The command line


def test_a_configuration_that_cannot_be_used_is_status_2(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "mailext.toml"
    config.write_text('hostnam = "x"\n')
    for command in (["check"], ["account", "list"]):
        assert error(run("--json", *command), 2) == {
            "file": str(config),
            "key": "hostnam",
            "reason": "unknown key; did you mean hostname?",
        }
    assert run("check")[2] == f"mailext: {config}: hostnam: unknown key; did you mean hostname?\n"


def test_all_that_is_wrong_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mailext.toml").write_text("hostname = 1\ndomains = 2\n")
    said = json.loads(run("check", "--json")[2])
    assert [said["error"]["key"], *(each["key"] for each in said["others"])] == ["hostname", "domains"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["queue"],
        ["queue", "show"],
        ["queue", "list", "--limit", "0"],
        ["queue", "requiretls", "x", "maybe"],
        ["account", "add"],
        ["send", "--requiretls", "--tls-optional"],
    ],
)
def test_usage_is_status_2(run: Run, arguments: list[str]) -> None:
    assert error(run("--json", *arguments), 2)["file"] == "command line"
    assert run(*arguments)[2].startswith("mailext: command line: ")


def test_the_options_stand_before_or_behind(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = str(tmp_path / "mailext.toml")
    for arguments in (
        ["--config", config, "--json", "queue", "list"],
        ["queue", "--config", config, "list", "--json"],
        ["queue", "list", "--json", "--config", config],
    ):
        assert main(arguments) == 0
        assert json.loads(capsys.readouterr().out) == []
    monkeypatch.chdir(tmp_path)
    assert main(["queue", "list"]) == 0


def test_a_state_directory_that_is_in_use(run: Run, tmp_path: Path) -> None:
    store = open_store_offline(tmp_path / "state")
    try:
        assert "is in use by process" in error(run("--json", "account", "list"), 1)["reason"]
    finally:
        store.close()


Narrow = Callable[[int, Sequence[str], Sequence[Sequence[str]]], list[str]]


@pytest.fixture
def narrow(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Narrow:
    """The lines of a table in a terminal of this width."""

    def lines(width: int, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(width))
        TextOutput().show(None, Sheet(columns, rows, ""))
        shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
        assert max(map(len, shown)) <= width
        assert "…" not in "".join(shown)
        return [line.rstrip() for line in shown]

    return lines


COLUMNS = ["id", "account", "label", "last seen"]
ROW = ["0123456789abcdef", "ann@a-rather-long-domain.example.org", "A label of some length", "2026-11-22"]


def test_a_table_in_a_narrow_terminal_is_wrapped_between_words(narrow: Narrow) -> None:
    assert narrow(80, COLUMNS, [ROW]) == [
        "id                account                               label         last seen",
        "0123456789abcdef  ann@a-rather-long-domain.example.org  A label of    2026-11-22",
        "                                                        some length",
    ]


def test_where_that_does_not_do_each_row_stands_by_itself(narrow: Narrow) -> None:
    short = ["fedcba9876543210", "bob@example.org", "", "2026-11-21"]
    assert narrow(50, COLUMNS, [ROW, short]) == [
        "id         0123456789abcdef",
        "account    ann@a-rather-long-domain.example.org",
        "label      A label of some length",
        "last seen  2026-11-22",
        "",
        "id         fedcba9876543210",
        "account    bob@example.org",
        "last seen  2026-11-21",
    ]
    assert "".join(line[11:] for line in narrow(30, COLUMNS, [ROW])[1:3]) == ROW[1]
