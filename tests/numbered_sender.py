"""Messages that can be told apart, sent one after the other over one connection."""

from __future__ import annotations

import itertools
import re
import smtplib
import threading

from tests.black_box import ADDRESS, RunningServer
from tests.samples import numbered

#: Octets of the bodies: small content and large may be kept in different ways.
_SIZES = (0, 4_000, 300_000)
_NUMBER = re.compile(rb"^Subject: number ([0-9]+)\r?$", re.MULTILINE)


def number_of(message: bytes) -> int:
    """:return: the number of a message that a :class:`NumberedSender` has sent."""
    match = _NUMBER.search(message)
    assert match is not None
    return int(match[1])


class NumberedSender(threading.Thread):
    """
    Sends for as long as the server lives, there are numbers, and nobody has
    had enough.

    :param port: of a listener that wants no login.
    :param numbers: where the numbers of its messages come from.
    :param recipient: whom they go to.
    :param client: the address that it connects from.
    :param sizes: octets of the bodies, by turns.
    :ivar sent: the messages, by their numbers.
    :ivar acknowledged: the queue ids of those that were answered with 250.
    :ivar refused: the reply codes to those that were answered otherwise.
    :ivar enough: set, it ends the sender behind the next reply.
    """

    reverse_path = "bob@example.net"

    def __init__(
        self,
        port: int,
        numbers: itertools.count[int] | itertools.islice[int],
        recipient: str,
        client: str = "127.0.0.1",
        sizes: tuple[int, ...] = _SIZES,
    ) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._numbers = numbers
        self._recipient = recipient
        self._client = client
        self._sizes = sizes
        self.sent: dict[int, bytes] = {}
        self.acknowledged: dict[int, str] = {}
        self.refused: dict[int, int] = {}
        self.enough = threading.Event()

    def run(self) -> None:
        try:
            with self.dial() as client:
                for number in self._numbers:
                    if self.enough.is_set():
                        break
                    self._send(client, number)
        except (smtplib.SMTPException, OSError):
            """The server is dead: the round is over."""

    def dial(self) -> smtplib.SMTP:
        """:return: a client that may send."""
        client = smtplib.SMTP(
            "127.0.0.1",
            self._port,
            local_hostname="peer.example.net",
            timeout=30,
            source_address=(self._client, 0),
        )
        client.ehlo()
        return client

    def hand_over(self, client: smtplib.SMTP, message: bytes) -> tuple[int, bytes]:
        """:return: the reply to the message."""
        try:
            return client.data(message)
        except smtplib.SMTPDataError as error:
            return error.smtp_code, error.smtp_error if isinstance(error.smtp_error, bytes) else b""

    def _send(self, client: smtplib.SMTP, number: int) -> None:
        self.sent[number] = message = numbered(number, size=self._sizes[number % len(self._sizes)])
        for say in (
            lambda: client.mail(self.reverse_path),
            lambda: client.rcpt(self._recipient),
            lambda: self.hand_over(client, message),
        ):
            code, text = say()
            if code != 250:
                self.refused[number] = code
                client.rset()
                return
        self.acknowledged[number] = text.decode().rpartition(" ")[2]


class Submitter(NumberedSender):
    """
    The same under TLS and with a login, by BDAT.

    :param server: where :data:`~tests.black_box.ADDRESS` has an account.
    """

    reverse_path = ADDRESS

    def __init__(
        self,
        server: RunningServer,
        numbers: itertools.count[int] | itertools.islice[int],
        recipient: str,
        sizes: tuple[int, ...] = _SIZES,
    ) -> None:
        super().__init__(server.submission, numbers, recipient, sizes=sizes)
        self._server = server

    def dial(self) -> smtplib.SMTP:
        return self._server.logged_in()

    def hand_over(self, client: smtplib.SMTP, message: bytes) -> tuple[int, bytes]:
        half = len(message) // 2
        for command, chunk in ((b"BDAT %d\r\n", message[:half]), (b"BDAT %d LAST\r\n", message[half:])):
            client.send(command % len(chunk) + chunk)
            code, text = client.getreply()
            if code != 250:
                break
        return code, text
