"""Messages that can be told apart, sent one after the other over one connection."""

from __future__ import annotations

import itertools
import re
import smtplib
import threading

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
    Sends for as long as the server lives, and there are numbers.

    :param port: of a listener that wants no login.
    :param numbers: where the numbers of its messages come from.
    :param recipient: whom they go to.
    :param client: the address that it connects from.
    :param sizes: octets of the bodies, by turns.
    :ivar sent: the messages, by their numbers.
    :ivar acknowledged: the queue ids of those that were answered with 250.
    """

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

    def run(self) -> None:
        try:
            with smtplib.SMTP(
                "127.0.0.1",
                self._port,
                local_hostname="peer.example.net",
                timeout=30,
                source_address=(self._client, 0),
            ) as client:
                client.ehlo()
                for number in self._numbers:
                    self._send(client, number)
        except (smtplib.SMTPServerDisconnected, OSError):
            """The server is dead: the round is over."""

    def _send(self, client: smtplib.SMTP, number: int) -> None:
        self.sent[number] = message = numbered(number, size=self._sizes[number % len(self._sizes)])
        for code, text in (client.mail("bob@example.net"), client.rcpt(self._recipient)):
            assert code == 250, text
        code, text = client.data(message)
        assert code == 250, text
        self.acknowledged[number] = text.decode().rpartition(" ")[2]
