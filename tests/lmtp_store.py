"""
A program that keeps mailboxes and takes messages by LMTP, on a socket of the
file system or a loopback address. It has threads and blocking sockets, and
none of the project's own protocols.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True)
class Stored:
    """
    :param mail: the MAIL command; ``rcpts`` the RCPT commands.
    :param recipients: those who have the message.
    :param tls: the version of TLS, empty without.
    """

    mail: str
    rcpts: tuple[str, ...]
    recipients: tuple[str, ...]
    content: bytes
    tls: str


class LmtpStore:
    """
    A running store.

    :param place: the path of its socket, or address and port.
    :param context: what TLS begins with; None: there is no STARTTLS.
    :param keyword: whether it offers REQUIRETLS under TLS.
    :param refused: by local part: the reply to RCPT.
    :param full: by local part: the reply behind the content.
    :ivar stored: what it has taken.
    """

    def __init__(
        self,
        place: Path | tuple[str, int],
        context: ssl.SSLContext | None = None,
        *,
        keyword: bool = False,
        refused: Mapping[str, str] | None = None,
        full: Mapping[str, str] | None = None,
    ) -> None:
        self.stored: list[Stored] = []
        self.refused = refused or {}
        self.full = full or {}
        self.context = context
        self.keyword = keyword
        if isinstance(place, Path):
            self._listening = socket.socket(socket.AF_UNIX)
            self._listening.bind(str(place))
            self._listening.listen()
        else:
            self._listening = socket.create_server(place)
        self._sessions: list[_Session] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more, and part with everybody."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()
        for session in self._sessions:
            session.shut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                session = _Session(self, connection)
                self._sessions.append(session)
                threading.Thread(target=session.run, daemon=True).start()


class _Session:
    def __init__(self, store: LmtpStore, connection: socket.socket) -> None:
        self._store = store
        self._connection = connection
        self._stream: BinaryIO = connection.makefile("rb")
        self._tls = ""
        self._mail = ""
        self._rcpts: list[str] = []

    def shut(self) -> None:
        """End it, from whatever thread."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        with contextlib.suppress(OSError):
            self._converse()

    def _converse(self) -> None:
        self._say("220 store.test LMTP")
        while line := self._stream.readline():
            text = line.decode().rstrip("\r\n")
            handler = {
                "LHLO": self._lhlo,
                "STARTTLS": self._starttls,
                "MAIL": self._begin,
                "RCPT": self._rcpt,
                "DATA": self._data,
            }.get(text.partition(" ")[0].upper())
            if text.upper().startswith("QUIT"):
                self._say("221 2.0.0 Bye")
                return
            if handler is None:
                self._say("500 5.5.2 What?")
            else:
                handler(text)

    def _say(self, *lines: str) -> None:
        self._connection.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def _lhlo(self, _: str) -> None:
        offer = ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        offer += ["STARTTLS"] * bool(self._store.context and not self._tls)
        offer += ["REQUIRETLS"] * bool(self._store.keyword and self._tls)
        self._say("250-store.test", *(f"250-{each}" for each in offer[:-1]), f"250 {offer[-1]}")

    def _starttls(self, _: str) -> None:
        assert self._store.context is not None
        self._say("220 2.0.0 Go on")
        secure = self._store.context.wrap_socket(self._connection, server_side=True)
        self._connection, self._stream = secure, secure.makefile("rb")
        self._tls = secure.version() or ""

    def _begin(self, text: str) -> None:
        self._mail, self._rcpts = text, []
        self._say("250 2.1.0 OK")

    def _rcpt(self, text: str) -> None:
        refusal = self._store.refused.get(_local_part(text))
        if refusal is None:
            self._rcpts.append(text)
        self._say(refusal or "250 2.1.5 OK")

    def _data(self, _: str) -> None:
        if not self._rcpts:
            self._say("503 5.5.1 No valid recipients")
            return
        self._say("354 Go on")
        lines = []
        while (line := self._stream.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        replies = [self._store.full.get(_local_part(each), "250 2.0.0 Saved") for each in self._rcpts]
        had = [each for each, reply in zip(self._rcpts, replies, strict=True) if reply.startswith("250")]
        if had:
            recipients = tuple(each.partition("<")[2].partition(">")[0] for each in had)
            self._store.stored.append(
                Stored(self._mail, tuple(self._rcpts), recipients, b"".join(lines), self._tls)
            )
        self._say(*replies)


def _local_part(command: str) -> str:
    return command.partition("<")[2].partition("@")[0]
