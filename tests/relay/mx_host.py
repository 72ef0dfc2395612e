"""
A mail host on a loopback address that does what words tell it, right and
wrong.

It has threads and blocking sockets, and not the project's own protocols: a
script is read from top to bottom, and can do at any octet what no decent
server does.
"""

from __future__ import annotations

import base64
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn

#: What a host may say instead of a reply.
_ODDITIES = {
    "malformed": b"2x0 What is that?\r\n",
    "endless": b"250-" + b"x" * 1_000_000,
    "injection": b"220 Go on\r\n250-mx\r\n250-STARTTLS\r\n250 REQUIRETLS\r\n",
}
#: Parted from without a word.
_CUT = "cut"
_HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"

_KEYWORDS = {"dsn": "DSN", "smtputf8": "SMTPUTF8", "chunking": "CHUNKING", "auth": "AUTH PLAIN"}


@dataclass(frozen=True)
class Arrival:
    """
    A message that a host has taken.

    :param mail: the MAIL command; ``rcpts`` the RCPT commands.
    :param content: without dot-stuffing.
    :param tls: the version of TLS, empty in clear.
    :param login: who had logged in.
    :param chunked: whether it came by BDAT.
    :param when: wall clock, before the host said that it has it.
    """

    host: str
    mail: str
    rcpts: tuple[str, ...]
    content: bytes
    tls: str
    login: str = ""
    chunked: bool = False
    when: float = 0.0

    @property
    def recipients(self) -> list[str]:
        return [_address(each) for each in self.rcpts]

    @property
    def parameters(self) -> list[str]:
        """What MAIL and RCPT said beside the addresses, SIZE apart."""
        words = [word for command in (self.mail, *self.rcpts) for word in command.partition("> ")[2].split()]
        return [word for word in dict.fromkeys(words) if not word.startswith("SIZE=")]


@dataclass
class Script:
    """
    What a host does, in words:

    * what it offers: ``starttls``, ``keyword`` (REQUIRETLS, in TLS alone),
      ``keyword-in-clear`` (only there), ``dsn``, ``smtputf8``, ``chunking``,
      ``auth``; not ``seven-bit``; ``small``: no more than 100 octets;
    * ``implicit``: TLS from the first octet; ``no-handshake``: never;
      ``mute-handshake``: no word about it;
    * ``insists``: no mail without TLS; ``slow``: octet by octet;
    * ``VERB=450``, or ``VERB=450:4.2.1``, is what it says to a verb, and
      ``VERB=450,250`` one after the other, the last one from then on. ``cut``
      parts instead; ``silence``, ``malformed``, ``endless`` and
      ``injection`` speak for themselves. ``GREET`` is the greeting, ``BODY`` the first line of the
      content, ``END`` its end, ``RCPT.carol`` the recipient carol alone.

    Other words are for whoever makes its certificate.
    """

    words: frozenset[str]
    answers: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> Script:
        words = text.split()
        said = [word.partition("=") for word in words if "=" in word]
        return cls(frozenset(words), {verb: answers.split(",") for verb, _, answers in said})

    def answer(self, verb: str) -> str | None:
        """:return: what is to be said now; None: the usual."""
        answers = self.answers.get(verb)
        if not answers:
            return None
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def offer(self, *, secure: bool) -> list[str]:
        """The keywords of the EHLO reply."""
        keywords = ["PIPELINING", "SIZE 100" if "small" in self.words else "SIZE 100000000"]
        keywords += [] if "seven-bit" in self.words else ["8BITMIME"]
        keywords += [keyword for word, keyword in _KEYWORDS.items() if word in self.words]
        if not secure and "starttls" in self.words:
            keywords.append("STARTTLS")
        if ("keyword" if secure else "keyword-in-clear") in self.words:
            keywords.append("REQUIRETLS")
        return keywords


class MxHost:
    """
    A running host.

    :param name: what it is called in the scenario.
    :param context: what TLS begins with.
    :param login: the user name and password that AUTH takes.
    :ivar arrivals: the messages that it has.
    :ivar heard: every command that it was told.
    :ivar sessions: how many connections there were.
    """

    def __init__(
        self,
        name: str,
        address: str,
        port: int,
        script: Script,
        context: ssl.SSLContext | None = None,
        login: tuple[str, str] = ("", ""),
    ) -> None:
        self.name = name
        self.address = address
        self.script = script
        self.context = context
        self.login = login
        self.arrivals: list[Arrival] = []
        self.heard: list[str] = []
        self.sessions = 0
        self._lock = threading.Lock()
        self._under_way: list[_Session] = []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, port), family=family, backlog=128)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def stop(self) -> None:
        """Take no connections any more, and cut those that there are."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for session in self._under_way:
            session.shut()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.sessions += 1
            session = _Session(self, connection)
            thread = threading.Thread(target=self._serve, args=(session,), daemon=True)
            self._under_way.append(session)
            self._threads.append(thread)
            thread.start()

    @staticmethod
    def _serve(session: _Session) -> None:
        # Who is hung up on, in whatever layer, is not to be a failure here.
        with suppress(OSError, ValueError, _PartedError):
            session.run()
        session.shut()

    def note(self, line: str) -> None:
        with self._lock:
            self.heard.append(line)

    def take(self, arrival: Arrival) -> None:
        with self._lock:
            self.arrivals.append(arrival)

    def answer(self, verb: str) -> str | None:
        with self._lock:
            return self.script.answer(verb)


class _PartedError(Exception):
    """The script wants the connection to end."""


class _Session:
    """One connection."""

    def __init__(self, host: MxHost, connection: socket.socket) -> None:
        self._host = host
        self._words = host.script.words
        self._connection = connection
        self._stream: BinaryIO = connection.makefile("rb")
        self._tls = ""
        self._login = ""
        self._handlers: Mapping[str, Callable[[str], object]] = {
            "EHLO": self._hello,
            "HELO": self._hello,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": self._rset,
            "NOOP": lambda _: self._reply("NOOP", "250 2.0.0 OK"),
            "QUIT": self._quit,
        }
        self._forget()

    def run(self) -> None:
        if "implicit" in self._words:
            self._secure()
        self._reply("GREET", f"220 {self._host.name} ESMTP")
        while line := self._stream.readline():
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            self._host.note(text)
            handler = self._handlers.get(text.partition(" ")[0].upper())
            if handler is None:
                self._write(b"500 5.5.2 What?\r\n")
            else:
                handler(text)

    def shut(self) -> None:
        """End it, from whatever thread."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _forget(self) -> None:
        self._sender = ""
        self._recipients: list[str] = []
        self._chunks = b""

    # What is said

    def _reply(self, verb: str, *usual: str) -> bool:
        """:return: whether the answer is yes."""
        scripted = self._host.answer(verb)
        if scripted == _CUT:
            raise _PartedError
        if scripted == "silence":
            self._listen_on()
        if scripted in _ODDITIES:
            self._write(_ODDITIES[scripted])
            return scripted == "injection"
        lines: Sequence[str] = usual if scripted is None else [self._said(scripted)]
        parted = [f"{line[:3]}-{line[4:]}" for line in lines[:-1]] + [lines[-1]]
        self._write("".join(f"{line}\r\n" for line in parted).encode())
        return lines[-1][0] in "23"

    def _said(self, answer: str) -> str:
        code, _, enhanced = answer.partition(":")
        return f"{code} {enhanced or f'{code[0]}.9.{code[2]}'} Said by {self._host.name}"

    def _write(self, octets: bytes) -> None:
        if "slow" not in self._words:
            self._connection.sendall(octets)
            return
        for octet in octets:
            time.sleep(0.003)
            self._connection.sendall(bytes([octet]))

    def _listen_on(self) -> NoReturn:
        """Say no word any more, for as long as the client likes to wait."""
        while self._connection.recv(4096):
            pass
        raise _PartedError

    # What is done

    def _hello(self, text: str) -> None:
        self._forget()
        if text.upper().startswith("HELO"):
            self._reply("HELO", f"250 {self._host.name}")
            return
        offer = self._host.script.offer(secure=bool(self._tls))
        self._reply("EHLO", *(f"250 {line}" for line in (self._host.name, *offer)))

    def _starttls(self, _: str) -> None:
        if self._reply("STARTTLS", "220 2.0.0 Go on"):
            self._secure()

    def _secure(self) -> None:
        if "mute-handshake" in self._words:
            self._listen_on()
        if "no-handshake" in self._words:
            self._connection.recv(1)
            self._connection.sendall(_HANDSHAKE_FAILURE)
            raise _PartedError
        assert self._host.context is not None, "a host needs a certificate for TLS"
        secure = self._host.context.wrap_socket(self._connection, server_side=True)
        self._connection, self._stream = secure, secure.makefile("rb")
        self._tls = secure.version() or ""

    def _auth(self, text: str) -> None:
        octets = base64.b64decode(text.split()[2])
        _, username, password = octets.decode("utf-8").split("\0")
        if (username, password) == self._host.login:
            self._login = username
            self._reply("AUTH", "235 2.7.0 Welcome")
        else:
            self._write(b"535 5.7.8 No\r\n")

    def _mail(self, text: str) -> None:
        self._forget()
        if "insists" in self._words and not self._tls:
            self._write(b"530 5.7.0 Must issue a STARTTLS command first\r\n")
        elif "auth" in self._words and not self._login:
            self._write(b"530 5.7.0 Authentication required\r\n")
        elif self._reply("MAIL", "250 2.1.0 OK"):
            self._sender = text

    def _rcpt(self, text: str) -> None:
        local_part = _address(text).partition("@")[0]
        own = f"RCPT.{local_part}"
        if not self._sender:
            self._write(b"503 5.5.1 MAIL first\r\n")
        elif self._reply(own if own in self._host.script.answers else "RCPT", "250 2.1.5 OK"):
            self._recipients.append(text)

    def _data(self, _: str) -> None:
        if not self._recipients:
            self._write(b"554 5.5.1 No valid recipients\r\n")
            return
        if not self._reply("DATA", "354 Go on"):
            return
        lines = []
        while (line := self._line_of_content()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        self._end(b"".join(lines))

    def _line_of_content(self) -> bytes:
        line = self._stream.readline()
        if not line or self._host.answer("BODY") == _CUT:
            raise _PartedError
        return line

    def _bdat(self, text: str) -> None:
        _, size, *last = text.split()
        octets = self._stream.read(int(size))
        if not self._recipients:
            self._write(b"503 5.5.1 No valid recipients\r\n")
            return
        self._chunks += octets
        if last:
            self._end(self._chunks, chunked=True)
        else:
            self._write(b"250 2.0.0 OK\r\n")

    def _end(self, content: bytes, *, chunked: bool = False) -> None:
        arrival = Arrival(
            self._host.name,
            self._sender,
            tuple(self._recipients),
            content,
            self._tls,
            self._login,
            chunked,
            time.time(),
        )
        self._forget()
        scripted = self._host.script.answers.get("END", ["250"])[0]
        if scripted == "taken-and-cut":
            # The host has it, and nobody will know.
            self._host.answer("END")
            self._host.take(arrival)
            raise _PartedError
        if self._reply("END", f"250 2.0.0 OK: taken by {self._host.name}"):
            self._host.take(arrival)

    def _rset(self, _: str) -> None:
        self._forget()
        self._reply("RSET", "250 2.0.0 OK")

    def _quit(self, _: str) -> None:
        self._reply("QUIT", "221 2.0.0 Bye")
        raise _PartedError


def _address(command: str) -> str:
    return command.partition("<")[2].partition(">")[0]
