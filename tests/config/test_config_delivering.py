"""What [delivery] and [programs] mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailext.config.delivering import lmtp_hop, program_address, runnable
from mailext.config.model import Program
from mailext.delivery.program import Program as RunnableProgram
from mailext.values import Mailbox, NextHop


@pytest.mark.parametrize(
    ("text", "hop"),
    [
        ("unix:/run/dovecot/lmtp", NextHop("localhost", 0, path="/run/dovecot/lmtp")),
        (f"unix:/{'x' * 106}", NextHop("localhost", 0, path=f"/{'x' * 106}")),
        ("store.example", NextHop("store.example", 24)),
        ("Store.Example:2424", NextHop("store.example", 2424)),
        ("192.0.2.1", NextHop("192.0.2.1", 24)),
        ("[::1]:2424", NextHop("::1", 2424)),
    ],
)
def test_where_a_program_listens_that_speaks_lmtp(text: str, hop: NextHop) -> None:
    assert lmtp_hop(text) == hop


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("unix:", "not an absolute path: ''"),
        ("unix:run/lmtp", "not an absolute path: 'run/lmtp'"),
        # Octets count.
        (f"unix:/{'ü' * 54}", "longer than 107 octets"),
        ("", "not a domain name"),
        ("a b", "not a domain name"),
        ("store.example:0", "not a port"),
        ("::1", "in brackets|write"),
    ],
)
def test_where_none_can_listen(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        lmtp_hop(text)


def test_the_address_of_a_program_has_one_spelling() -> None:
    assert program_address("List@Example.ORG") == Mailbox("list", "example.org")
    assert program_address("list@bücher.example") == Mailbox("list", "xn--bcher-kva.example")


@pytest.mark.parametrize("text", ["", "list", "@example.org", "list@", "a b@example.org", "list@[192.0.2.1]"])
def test_what_is_no_address_of_a_program(text: str) -> None:
    with pytest.raises(ValueError):
        program_address(text)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "program"
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_a_program(program: Path) -> None:
    said = Program(command=(str(program), "$HOME", "*"), timeout=7.0)
    assert runnable(said) == RunnableProgram((str(program), "$HOME", "*"), 7.0)


def test_a_program_that_is_none(program: Path) -> None:
    folder = program.parent
    for command, reason in (
        ((), "there is no program"),
        (("program",), "not an absolute path: 'program'"),
        ((str(folder / "none"),), f"not a program that may be run: {folder}/none"),
        ((str(folder),), "not a program that may be run"),
    ):
        with pytest.raises(ValueError, match=reason):
            runnable(Program(command=command))
    program.chmod(0o644)
    with pytest.raises(ValueError, match="not a program that may be run"):
        runnable(Program(command=(str(program),)))
