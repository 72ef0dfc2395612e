"""The protocol of the control socket, and the socket's name."""

import base64
import json
import os
import socket
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from mailext.config.model import Configuration
from mailext.control.client import ServerDownError, ask_server
from mailext.control.dispatch import Dispatcher, Reply
from mailext.control.offline import open_offline
from mailext.control.requests import ListAccounts
from mailext.control.server import ControlFactory, ControlProtocol, ControlService, ControlSocketInUseError
from mailext.control.socket_names import SOCKET_NAME, short_name
from tests.support import logged, success_result_of


@pytest.fixture
def dispatcher(tmp_path: Path) -> Iterator[Dispatcher]:
    """Answers for a state directory of its own."""
    configuration = Configuration(
        hostname="mx.example.org", domains=("example.org",), state_dir=tmp_path / "state"
    )
    with open_offline(configuration, Clock()) as dispatcher:
        yield dispatcher


def conversation(protocol: ControlProtocol, *parts: bytes) -> list[dict[str, object]]:
    transport = StringTransport()
    protocol.makeConnection(transport)
    for part in parts:
        protocol.dataReceived(part)
    return [json.loads(line) for line in transport.value().splitlines()]


def test_trouble_with_the_database_is_told_in_its_words(dispatcher: Dispatcher, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "state" / "mailext.sqlite")) as database:
        database.execute("DROP TABLE account")
    with logged() as events:
        reply = success_result_of(dispatcher.answer({"operation": "account list"}))
    assert reply == {"error": "the database: no such table: account"}
    assert "log_failure" in events[-1]


def test_a_request_a_line(dispatcher: Dispatcher) -> None:
    protocol = ControlFactory(dispatcher, lambda: 1000).buildProtocol(None)
    assert conversation(
        protocol,
        b'{"operation": "account add", "arguments": {"address": "ann", "pass',
        b'word": "secret"}}\n{"operation": "account list"}\n',
    ) == [{"result": {"address": "ann@example.org"}}, {"result": [{"address": "ann@example.org"}]}]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"operation": "queue show", "arguments": {"queue_id": "\\ud800"}}', "not JSON"),
        (b"[]", "not a request"),
        (b'{"operation": "queue list", "arguments": []}', "not a request"),
        (b'{"operation": "shutdown"}', "there is no such operation; known: account add"),
        (b'{"operation": "account add", "arguments": {"address": "ann"}}', "account add: not its arguments"),
        (b'{"operation": "queue list", "arguments": {"x": 1}}', "queue list: not its arguments"),
        (
            b'{"operation": "send", "arguments": {"recipients": ["ann"], "content": "*"}}',
            "the content is not base64",
        ),
        (
            b'{"operation": "send", "arguments": {"recipients": ["ann"], "content": "", "requiretls": "x"}}',
            "not a demand: 'x'; known: none, optional, require",
        ),
    ],
)
def test_what_is_no_request(dispatcher: Dispatcher, line: bytes, error: str) -> None:
    protocol = ControlFactory(dispatcher, lambda: 1000).buildProtocol(None)
    [reply] = conversation(protocol, line + b"\n")
    assert str(reply["error"]).startswith(error)


def test_what_is_no_request_holds_up_no_other(dispatcher: Dispatcher) -> None:
    protocol = ControlFactory(dispatcher, lambda: 1000).buildProtocol(None)
    replies = conversation(protocol, b"[" * 100_000 + b"\n" + b'{"operation": "queue list"}\n')
    assert replies == [{"error": "not JSON"}, {"result": []}]


def test_a_request_has_a_bound(dispatcher: Dispatcher) -> None:
    transport = StringTransport()
    protocol = ControlProtocol(dispatcher, 10)
    protocol.makeConnection(transport)
    protocol.dataReceived(b"x" * 11)
    assert json.loads(transport.value()) == {"error": "the request is too long"}
    assert transport.disconnecting


def test_the_largest_message_has_room(dispatcher: Dispatcher) -> None:
    size = 300_000
    protocol = ControlFactory(dispatcher, lambda: size).buildProtocol(None)
    content = base64.b64encode(b"x" * size).decode()
    request = {"operation": "send", "arguments": {"recipients": ["nobody"], "content": content}}
    [reply] = conversation(protocol, json.dumps(request).encode() + b"\n")
    assert reply == {"error": "there is no nobody@example.org here"}


class Slow:
    """Takes the place of a dispatcher that has to wait."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[Reply]] = []

    def answer(self, message: object) -> Deferred[Reply]:
        self.waiting.append(Deferred())
        return self.waiting[-1]


def test_answers_keep_their_order() -> None:
    slow = Slow()
    transport = StringTransport()
    protocol = ControlProtocol(slow, 100)  # type: ignore[arg-type]
    protocol.makeConnection(transport)
    protocol.dataReceived(b"{}\n{}\n")
    assert len(slow.waiting) == 1
    slow.waiting[0].callback({"result": 1})
    slow.waiting[1].callback({"result": 2})
    assert transport.value() == b'{"result": 1}\n{"result": 2}\n'


# The socket itself


class Ports:
    """Takes the place of a reactor: binds at once, and never accepts."""

    def __init__(self) -> None:
        self.bound: list[socket.socket] = []

    def listenUNIX(self, address: str, factory: object, mode: int) -> "Ports":
        port = socket.socket(socket.AF_UNIX)
        port.bind(address)
        os.chmod(address, mode)  # noqa: PTH101 - the name is not a path of its own
        port.listen()
        self.bound.append(port)
        return self

    def stopListening(self) -> None:
        for port in self.bound:
            port.close()


def service(folder: Path, ports: Ports, dispatcher: Dispatcher) -> ControlService:
    return ControlService(ports, folder, ControlFactory(dispatcher, lambda: 1))  # type: ignore[arg-type]


def test_a_deep_folder(tmp_path: Path, dispatcher: Dispatcher) -> None:
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    ports = Ports()
    running = service(folder, ports, dispatcher)
    running.startService()
    assert stat.S_IMODE((folder / SOCKET_NAME).stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as client, short_name(folder) as name:
        client.connect(name)
    success_result_of(running.stopService())


def test_a_stale_socket_is_replaced(tmp_path: Path, dispatcher: Dispatcher) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET_NAME))
    ports = Ports()
    running = service(tmp_path, ports, dispatcher)
    running.startService()
    assert len(ports.bound) == 1
    success_result_of(running.stopService())


def test_a_live_socket_is_left_alone(tmp_path: Path, dispatcher: Dispatcher) -> None:
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(str(tmp_path / SOCKET_NAME))
        live.listen()
        with pytest.raises(ControlSocketInUseError, match="a server answers on"):
            service(tmp_path, Ports(), dispatcher).startService()


def test_a_file_of_that_name_is_left_alone(tmp_path: Path, dispatcher: Dispatcher) -> None:
    (tmp_path / SOCKET_NAME).write_text("mine")
    with pytest.raises(ControlSocketInUseError, match="is not a socket"):
        service(tmp_path, Ports(), dispatcher).startService()
    assert (tmp_path / SOCKET_NAME).read_text() == "mine"


def test_a_server_that_is_down(tmp_path: Path) -> None:
    with pytest.raises(ServerDownError):
        ask_server(tmp_path, ListAccounts())
    with pytest.raises(ServerDownError):
        ask_server(tmp_path / "none", ListAccounts())
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET_NAME))
    with pytest.raises(ServerDownError):
        ask_server(tmp_path, ListAccounts())


def test_somebody_who_may_not_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket.connect", refuse)
    with pytest.raises(PermissionError, match="root and to the server's own user") as error:
        ask_server(tmp_path, ListAccounts())
    assert error.value.filename == str(tmp_path / "control.sock")
