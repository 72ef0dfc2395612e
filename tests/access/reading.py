"""A server whose mailboxes can be read, and clients that read them."""

from __future__ import annotations

import imaplib
import poplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.black_box import ADDRESS, WORKERS, RunningServer, answers, eventually, free_ports

_TIMEOUT = 30.0


@dataclass
class ReadingServer:
    """
    :param site: the server.
    :param ports: of the listeners that give access, by name.
    """

    site: RunningServer
    ports: dict[str, int]

    @classmethod
    def prepared(cls, folder: Path, workers: int = WORKERS) -> ReadingServer:
        """Set up, and not started."""
        site = RunningServer.initialised(folder, workers)
        names = ("imap", "imaps", "pop3", "pop3s")
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        lines = "".join(f'{name} = ["tcp:{port}:interface=127.0.0.1"]\n' for name, port in ports.items())
        site.reconfigure(lambda text: text.replace("[listen]\n", f"[listen]\n{lines}", 1))
        return cls(site, ports)

    def start(self) -> None:
        """Start it, and return once every listener accepts connections."""
        self.site.start()
        eventually(lambda: all(map(answers, self.ports.values())), "IMAP and POP3 to listen")

    def stop(self) -> None:
        """Stop it in order."""
        self.site.stop()

    def restart_after_kill(self) -> None:
        """kill -9, and begin anew."""
        self.site.kill()
        self.start()

    @contextmanager
    def imap(self, *, logged_in: bool = True) -> Iterator[imaplib.IMAP4_SSL]:
        """An IMAP client under TLS."""
        client = imaplib.IMAP4_SSL(
            "127.0.0.1", self.ports["imaps"], ssl_context=self.site.trusting(), timeout=_TIMEOUT
        )
        try:
            if logged_in:
                client.login(ADDRESS, self.site.password)
            yield client
        finally:
            # The server may have ended the session.
            with suppress(imaplib.IMAP4.error, OSError):
                client.logout()

    @contextmanager
    def pop3(self, *, logged_in: bool = True) -> Iterator[poplib.POP3_SSL]:
        """A POP3 client under TLS; it parts without QUIT if the test has not said it."""
        client = poplib.POP3_SSL(
            "127.0.0.1", self.ports["pop3s"], context=self.site.trusting(), timeout=_TIMEOUT
        )
        try:
            if logged_in:
                client.user(ADDRESS)
                client.pass_(self.site.password)
            yield client
        finally:
            client.close()

    def deliver(self, content: bytes) -> bytes:
        """
        Send a message to the account by SMTP.

        :param content: its octets.
        :return: the octets in the mailbox, once it has arrived.
        """
        before = set(self._files())
        with self.site.logged_in() as client:
            client.sendmail(ADDRESS, [ADDRESS], content)
        eventually(lambda: len(set(self._files()) - before) == 1, "the message to arrive")
        (path,) = set(self._files()) - before
        return path.read_bytes()

    def _files(self) -> list[Path]:
        return [path for name in ("new", "cur") for path in (self.site.mailbox() / name).glob("*")]
