"""``mailext init``: everything that is needed to try the server at once."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import sys
import tomllib
from argparse import Namespace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from mailext.cli.asking import ask
from mailext.cli.certificate import self_signed
from mailext.cli.grammar import Parser
from mailext.cli.output import Output
from mailext.config.reader import read_tables
from mailext.control.requests import AddAccount, RequestRefusedError, SetPassword

__all__ = ["add_to"]

_ADDRESS = "ann@example.org"
_SUBMISSION = "127.0.0.1:2587"


def add_to(parser: Parser) -> None:
    """The arguments of ``init``."""
    parser.add_argument("directory", metavar="DIR", type=Path)
    parser.set_defaults(run=init)


def init(arguments: Namespace, output: Output) -> int:
    """
    ``init DIR``.

    :raise RequestRefusedError: if there is a configuration already; nothing is
        then changed.
    :raise OSError: if a file cannot be written.
    """
    folder: Path = arguments.directory
    config = folder / "mailext.toml"
    if config.exists():
        raise RequestRefusedError(f"{config} is there already")
    folder.mkdir(parents=True, exist_ok=True)
    text = files("mailext.cli").joinpath("starter.toml").read_text("utf-8")
    configuration = read_tables(tomllib.loads(text), folder.absolute())
    certificate, key = self_signed(configuration.hostname, datetime.now(UTC))
    password = secrets.token_hex(12)
    _write(folder / "cert.pem", certificate, 0o644)
    _write(folder / "key.pem", key, 0o600)
    _write(folder / "password", password.encode() + b"\n", 0o600)
    try:
        ask(configuration, AddAccount(_ADDRESS, password))
    except RequestRefusedError:
        # An init that was cut short has left the account.
        ask(configuration, SetPassword(_ADDRESS, password))
    # Last of all: where it is, all the rest is.
    _write(config, text.encode(), 0o644)
    start, lines = _start(config), _first_message(folder)
    made = {"config": str(config), "start": start, "send": lines}
    output.tell(made, _MADE.format(config=config, start=start, swaks=lines[0], send=lines[1], folder=folder))
    return 0


_MADE = """\
{config} and all that it needs is there. Start the server:

    {start}

Send a first message in a second terminal, with swaks or without:

    {swaks}

    {send}

It arrives in {folder}/state/mail/example.org/ann/new."""


def _write(file: Path, content: bytes, mode: int) -> None:
    # A new file, for one that is there has its own mode and perhaps readers.
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def _start(config: Path) -> str:
    return f"{_program('twistd')} -n mailext --config {shlex.quote(str(config))}"


def _first_message(folder: Path) -> list[str]:
    password = shlex.quote(str(folder / "password"))
    config = shlex.quote(str(folder / "mailext.toml"))
    swaks = (
        f"swaks --server {_SUBMISSION} --tls --auth PLAIN --auth-user {_ADDRESS} "
        f'--auth-password "$(cat {password})" --from {_ADDRESS} --to {_ADDRESS}'
    )
    return [
        swaks,
        rf"printf 'Subject: Hello\n\nHello.\n' | {_program('mailext')} --config {config} send {_ADDRESS}",
    ]


def _program(name: str) -> str:
    """How to call a program that was installed together with this one."""
    beside = Path(sys.executable).parent / name
    found = shutil.which(name)
    return name if found is not None or not beside.exists() else shlex.quote(str(beside))
