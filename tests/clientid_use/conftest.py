"""The real server with identity checkers, and devices that log in to it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.black_box import RunningServer, free_ports
from tests.clientid_use.devices import Site

MakeSite = Callable[..., Site]

_ACCOUNTS = ("ben", "cho", "dev")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    """A server that never starts, with four accounts of one password, to make others like it."""
    made = RunningServer.initialised(tmp_path_factory.mktemp("clientid-use") / "site")
    for name in _ACCOUNTS:
        made.run("account", "add", name, "--password-stdin", stdin=made.password.encode() + b"\n")
    return made


@pytest.fixture
def site(tmp_path: Path, template: RunningServer) -> Iterator[MakeSite]:
    """
    Starts the server with these identity checkers, once its state directory is
    prepared. Several of them have the same key for identities. In the end no token of a device stands in its log or in a file of
    its state (C24).
    """
    made: list[Site] = []

    def make(
        *checkers: str,
        delay: str = "10ms",
        top: str = "",
        more: str = "",
        prepare: Callable[[Path], object] = lambda _: None,
    ) -> Site:
        folder = tmp_path / f"site-{len(made)}"
        shutil.copytree(template.folder, folder)
        server = RunningServer(folder, *free_ports(3))
        ports = {
            str(template.submission): server.submission,
            str(template.submissions): server.submissions,
            str(template.mx): server.mx,
        }
        server.reconfigure(lambda text: re.sub(r"(?<=tcp:)\d+", lambda port: str(ports[port[0]]), text))
        server.reconfigure(
            lambda text: _configured(text, checkers, f'auth-failure-delay = "{delay}"\n{top}', more)
        )
        prepare(server.folder / "state")
        server.start()
        made.append(Site(server))
        return made[-1]

    yield make
    for each in made:
        each.server.stop()
        each.assert_no_token_was_kept()


def _configured(text: str, checkers: tuple[str, ...], top: str, more: str) -> str:
    # A list of JSON strings is one of TOML's.
    chosen = f"checkers = {json.dumps(checkers)}\n{more}"
    replaced, count = re.subn(r"^checkers = .*$", lambda _: chosen, text, flags=re.MULTILINE)
    assert count == 1
    return f"{top}\n{replaced}"
