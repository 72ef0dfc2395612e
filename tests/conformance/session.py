"""A client that says just what it is told to."""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass, field
from typing import BinaryIO, Self

_TIMEOUT = 20.0
_LINE = re.compile(rb"(\d{3})([ -])(.*)\r\n", re.DOTALL)


class NoReplyError(Exception):
    """The server has parted, or says what is no reply."""


@dataclass(frozen=True)
class Reply:
    """:param lines: without code and line end."""

    code: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.code} {self.lines[-1]}"


@dataclass(frozen=True)
class Server:
    """
    What is examined.

    :param implicit: whether TLS begins with the connection, and not by STARTTLS.
    :param context: what TLS begins with.
    :param sender: the reverse-path.
    """

    host: str
    port: int
    implicit: bool
    context: ssl.SSLContext
    sender: str
    login: tuple[str, str] | None = field(default=None, repr=False)


class Session:
    """One connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._socket: socket.socket = socket.create_connection((server.host, server.port), _TIMEOUT)
        self._stream: BinaryIO = self._socket.makefile("rb")
        if server.implicit:
            self.begin_tls()
        self.greeting = self._reply()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._socket.close()

    def ask(self, line: str | bytes) -> Reply:
        """Say a line, and wait for its reply."""
        octets = line if isinstance(line, bytes) else line.encode("ascii")
        self._socket.sendall(octets + b"\r\n")
        return self._reply()

    def hello(self) -> dict[str, str]:
        """:return: by keyword, what else stands in its line of the EHLO reply."""
        reply = self.ask("EHLO conformance.test")
        if reply.code != 250:
            raise NoReplyError(f"EHLO is answered {reply}")
        parts = (line.partition(" ") for line in reply.lines[1:])
        return {keyword.upper(): rest for keyword, _, rest in parts}

    def secured(self) -> Session:
        """Under TLS, and nothing said there."""
        if not self._server.implicit:
            self.hello()
            reply = self.ask("STARTTLS")
            if reply.code != 220:
                raise NoReplyError(f"STARTTLS is answered {reply}")
            self.begin_tls()
        return self

    def begin_tls(self) -> None:
        """Make the handshake."""
        secure = self._server.context.wrap_socket(self._socket, server_hostname=self._server.host)
        self._socket, self._stream = secure, secure.makefile("rb")

    def _reply(self) -> Reply:
        lines: list[str] = []
        while True:
            octets = self._stream.readline(2000)
            match = _LINE.fullmatch(octets)
            if match is None:
                raise NoReplyError(f"no reply: {octets!r}" if octets else "the connection is closed")
            lines.append(match[3].decode("utf-8", "replace"))
            if match[2] == b" ":
                return Reply(int(match[1]), tuple(lines))
