"""The examples of README.md and docs/ do what the pages say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import documented
from tests.black_box import ROOT, answers, environment, eventually, free_ports

#: The ports that the pages name, each for one of its own kind.
_PORTS = ("2587", "2465", "2525", "2526")


class Reader:
    """
    Does what a page says, in a folder of its own, and on free ports.

    :param folder: an empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = dict(zip(_PORTS, map(str, free_ports(len(_PORTS))), strict=True))
        self._servers: list[subprocess.Popen[bytes]] = []
        # The python of this environment, with its twistd and mailext, comes first.
        commands = folder / "bin"
        commands.mkdir()
        for name, code in {
            "twistd": "from twisted.scripts.twistd import run; run()",
            "mailext": "import sys; from mailext.cli import main; sys.exit(main())",
            "pytest": "import sys, pytest; sys.exit(pytest.console_main())",
        }.items():
            (commands / name).write_text(f"#!{sys.executable}\n{code}\n")
            (commands / name).chmod(0o755)
        (commands / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        (commands / "python").chmod(0o755)
        path = os.pathsep.join([str(commands), os.environ["PATH"], "/usr/sbin"])
        self._environment = environment() | {"PATH": path, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}

    def follow(self, page: str) -> None:
        """Do what a page says, from top to bottom."""
        for step in documented.steps(page):
            match step:
                case documented.File(name, text):
                    path = self._folder / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(self._with_ports(text), "utf-8")
                case documented.Program(text):
                    self._run([sys.executable, "-c", self._with_ports(text)])
                case documented.Command(line):
                    self.enter(line)

    def enter(self, line: str) -> None:
        """Enter a command; one that runs a server runs on until the reader leaves."""
        line = self._with_ports(line.replace(".venv/bin/", ""))
        if re.match(r"twistd -n |python \S+\.py$", line):
            self._serve(line)
            return
        if "/new/" in line:
            eventually(lambda: any(self._folder.glob("demo/state/mail/*/*/new/*")), "a message")
        self._run(["bash", "-e", "-o", "pipefail", "-c", line])
        if line.startswith("mailext init"):
            config = self._folder / "demo/mailext.toml"
            config.write_text(self._with_ports(config.read_text("utf-8")), "utf-8")

    def _with_ports(self, text: str) -> str:
        return re.sub(r"\b(?:2587|2465|2525|2526)\b", lambda match: self._ports[match[0]], text)

    def _run(self, command: list[str]) -> None:
        run = subprocess.run(
            command, cwd=self._folder, env=self._environment, capture_output=True, timeout=60, check=False
        )
        assert run.returncode == 0, f"{command[-1]}\n{run.stdout.decode()}\n{run.stderr.decode()}"

    def _serve(self, line: str) -> None:
        server = subprocess.Popen(
            ["bash", "-c", "exec " + line],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
        )
        self._servers.append(server)
        port = int(self._ports["2587" if " mailext " in line else "2526"])
        eventually(lambda: server.poll() is not None or answers(port), f"{line} to listen")
        assert server.poll() is None, f"{line} has ended"

    def leave(self) -> None:
        for server in self._servers:
            server.terminate()
            server.wait()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    someone = Reader(tmp_path)
    yield someone
    someone.leave()


def _pages() -> list[object]:
    with_examples = [
        (path, text)
        for path in sorted((ROOT / "docs").rglob("*.rst"))
        if any(documented.steps(text := path.read_text("utf-8")))
    ]
    return [
        pytest.param(text, id=path.stem, marks=[pytest.mark.interop("swaks")] if "$ swaks" in text else [])
        for path, text in with_examples
    ]


@pytest.mark.parametrize("page", _pages())
def test_a_page_can_be_followed(page: str, reader: Reader) -> None:
    reader.follow(page)


@pytest.mark.interop("swaks")
def test_the_readme_can_be_followed(reader: Reader) -> None:
    page = (ROOT / "README.md").read_text("utf-8")
    (start,) = (line for line in page.splitlines() if line.endswith("--config demo/mailext.toml"))
    environment_made, installed, *commands = start.split(" && ")
    assert (environment_made, installed) == ("python3 -m venv .venv", ".venv/bin/pip install .")
    for command in commands:
        reader.enter(command)
    reader.follow(page)


def test_both_kinds_of_page_are_read_alike() -> None:
    markdown = "```python title=a.py\nx = 1\n```\n\n```console\n$ echo one\none\n$ echo two\n```\n```python\nrun\n```\n"
    rest = (
        ".. code-block:: python\n   :caption: a.py\n\n   x = 1\n\n"
        ".. code-block:: console\n\n   $ echo one\n   one\n   $ echo two\n\n.. code-block:: python\n\n   run\n"
    )
    found = [
        documented.File("a.py", "x = 1\n"),
        documented.Command("echo one"),
        documented.Command("echo two"),
        documented.Program("run\n"),
    ]
    assert list(documented.steps(markdown)) == found
    assert list(documented.steps(rest)) == found
