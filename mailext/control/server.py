"""The control socket of a running server."""

from __future__ import annotations

import errno
import json
import socket
import stat
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock, maybeDeferred, succeed
from twisted.internet.interfaces import IListeningPort, IReactorUNIX
from twisted.internet.protocol import Factory, Protocol

from mailext.control.dispatch import Dispatcher, Reply
from mailext.control.lines import Lines, OverlongLineError
from mailext.control.socket_names import short_name

__all__ = ["ControlFactory", "ControlProtocol", "ControlService", "ControlSocketInUseError"]

# What an envelope and a password may need beside the content of a message.
_BESIDE_CONTENT = 256 * 1024


class ControlSocketInUseError(Exception):
    """Somebody answers on the control socket, or it is no socket."""


class ControlProtocol(Protocol):
    """
    One request a line, answered in their order.

    :param limit: the most octets of a request.
    """

    def __init__(self, dispatcher: Dispatcher, limit: int) -> None:
        self._dispatcher = dispatcher
        self._lines = Lines(limit)
        self._turn = DeferredLock()

    def dataReceived(self, data: bytes) -> None:
        """Answer the requests that are complete."""
        try:
            for line in self._lines.feed(data):
                self._turn.acquire().addCallback(self._answer, line).addCallback(self._finish)
        except OverlongLineError:
            self._reply({"error": "the request is too long"})
            self._close()

    def _answer(self, _: DeferredLock, line: bytes) -> Deferred[Reply]:
        try:
            message = _read(line)
        except (ValueError, RecursionError):
            return succeed({"error": "not JSON"})
        return self._dispatcher.answer(message)

    def _finish(self, reply: Reply) -> None:
        self._turn.release()
        self._reply(reply)

    def _reply(self, reply: Reply) -> None:
        assert self.transport is not None
        self.transport.write(json.dumps(reply).encode() + b"\n")

    def _close(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()


class ControlFactory(Factory):
    """
    :param message_size: gives the largest message that can be sent, in octets.
    """

    noisy = False

    def __init__(self, dispatcher: Dispatcher, message_size: Callable[[], int]) -> None:
        self._dispatcher = dispatcher
        self._message_size = message_size

    def buildProtocol(self, addr: object) -> ControlProtocol:  # noqa: ARG002 - all are the operator
        """A protocol whose requests have room for the largest message, in base64."""
        return ControlProtocol(self._dispatcher, self._message_size() * 4 // 3 + _BESIDE_CONTENT)


class ControlService(Service):
    """
    Listens on the control socket while the server runs.

    :param folder: the state directory; its lock is held.
    """

    def __init__(self, reactor: IReactorUNIX, folder: Path, factory: ControlFactory) -> None:
        self._reactor = reactor
        self._folder = folder
        self._factory = factory
        self._port: IListeningPort | None = None
        self._open = ExitStack()

    def startService(self) -> None:
        """
        :raise ControlSocketInUseError: if somebody answers there already.
        :raise OSError: if the socket cannot be made.
        """
        super().startService()  # type: ignore[no-untyped-call]
        # The name is needed until the end, when the socket is removed.
        name = self._open.enter_context(short_name(self._folder))
        _remove_stale(name, self._folder)
        self._port = self._reactor.listenUNIX(name, self._factory, mode=0o600)

    def stopService(self) -> Deferred[None]:
        """Listen no more, and remove the socket."""
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        with self._open:
            if self._port is not None:
                await maybeDeferred(self._port.stopListening)


def _read(line: bytes) -> object:
    """
    :raise ValueError: if the line is not JSON, or a text in it is none: half of
        a surrogate pair can be escaped, and be written nowhere.
    """
    message: object = json.loads(line)
    if b"\\u" in line:
        json.dumps(message, ensure_ascii=False).encode("utf-8")
    return message


def _remove_stale(name: str, folder: Path) -> None:
    path = Path(name)
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ControlSocketInUseError(f"{folder / path.name} is not a socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(name) != errno.ECONNREFUSED:
            raise ControlSocketInUseError(f"a server answers on {folder / path.name}")
    path.unlink()
