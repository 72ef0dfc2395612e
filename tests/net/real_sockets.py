"""
A program: servers on real sockets under a real reactor, and clients of the
standard library that send to them. It prints what came of it as JSON.

Its arguments are the files of certificate, key and authority, and a folder.
"""

from __future__ import annotations

import json
import smtplib
import socket
import ssl
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from mailext import SMTPFactory
from mailext.net import tls
from mailext.values import Protocol
from tests.net.site import AwareDelivery, DeliveryFactory, Message, serve

_PATIENCE = 20.0
_BODY = "Subject: x\r\n\r\n" + "line\r\n" * 50_000
_PIPELINED = (
    b"EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nRCPT TO:<c@example.org>\r\nDATA\r\n"
)
_MESSAGE = b"Subject: y\r\n\r\nbody\r\n.\r\nQUIT\r\n"
_INJECTED = b"EHLO x\r\nSTARTTLS\r\nEHLO y\r\nMAIL FROM:<evil@example.org>\r\n"


def late(answer: object) -> Deferred[object]:
    """An answer that comes when the client has sent more already."""
    return deferLater(reactor, 0.02, lambda: answer)


class Site:
    """Makes slow delivery objects, and knows them all."""

    def __init__(self) -> None:
        self.deliveries: list[AwareDelivery] = []

    def make(self) -> AwareDelivery:
        self.deliveries.append(
            AwareDelivery(
                sender=late,
                recipient=lambda user: late(self.deliveries[-1].begin),
                message=lambda: Message(at_end=lambda: late(None)),
            )
        )
        return self.deliveries[-1]

    def told(self) -> dict[str, object]:
        calls = [call for each in self.deliveries for call in each.calls if call[0] == "beginTransaction"]
        messages = [message for each in self.deliveries for message in each.messages]
        return {
            "sizes": [len(message.lines) for message in messages],
            "ends": sorted({end for message in messages for end in message.ends}),
            "tls": [session.tls.version if session.tls else None for _, _, session in calls],
            "avatars": [session.avatar_id for _, _, session in calls],
        }


def clients(port: int, secure_port: int, lmtp: str, authority: Path) -> dict[str, object]:
    """Send, and tell what was answered. This is in a thread of its own."""
    context = ssl.create_default_context(cafile=str(authority))
    told: dict[str, object] = {}
    with smtplib.SMTP("127.0.0.1", port, timeout=_PATIENCE) as client:
        client._host = "mx.example.org"  # what the certificate must say
        client.starttls(context=context)
        told["login"] = client.login("ann", "secret")[0]
        options = ["BODY=8BITMIME", "REQUIRETLS"]
        told["refused"] = client.sendmail("a@example.org", ["bob@example.org"], _BODY, options)
    with (
        socket.create_connection(("127.0.0.1", secure_port), _PATIENCE) as connection,
        context.wrap_socket(connection, server_hostname="mx.example.org") as secure,
    ):
        secure.sendall(_PIPELINED)
        received = b""
        while b"\r\n354 " not in received:
            received += secure.recv(4096)
        secure.sendall(_MESSAGE)
        received += _all_from(secure)
    told["pipelined"] = [line[:3].decode() for line in received.splitlines() if line[3:4] == b" "]
    with smtplib.LMTP(lmtp) as client:
        client.sendmail("a@example.org", ["b@example.org"], "Subject: z\r\n\r\nbody\r\n")
    with socket.create_connection(("127.0.0.1", port), _PATIENCE) as connection:
        connection.sendall(_INJECTED)
        told["injected"] = _all_from(connection).splitlines()[-1][:9].decode()
    return told


def _all_from(connection: socket.socket) -> bytes:
    received = b""
    while data := connection.recv(4096):
        received += data
    return received


async def main(certificate: Path, key: Path, authority: Path, folder: Path) -> dict[str, object]:
    contexts = tls.ServerContextFactory([(certificate, key)])
    site = Site()

    def factory(**settings: object) -> SMTPFactory:
        made = serve(DeliveryFactory(site.make), tls=contexts, **settings).factory
        made.clock = None  # the reactor
        return made

    submission, lmtp = factory(), factory(protocol=Protocol.LMTP)
    ports = [
        await serverFromString(reactor, endpoint).listen(each)
        for endpoint, each in (
            ("tcp:0:interface=127.0.0.1", submission),
            ("tcp:0:interface=127.0.0.1", tls.implicit(submission, contexts)),
            (f"unix:{folder}/lmtp", lmtp),
        )
    ]
    in_clear, secure = (port.getHost().port for port in ports[:2])
    told = await deferToThread(clients, in_clear, secure, f"{folder}/lmtp", authority)
    for port in ports:
        await port.stopListening()
    for each in (submission, lmtp):
        await each.drain()
    return {**told, **site.told(), "left": len(reactor.getDelayedCalls())}


def _end(result: object) -> None:
    print(json.dumps(result) if isinstance(result, dict) else result)  # noqa: T201 - it is a program
    reactor.stop()


if __name__ == "__main__":
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(main(*map(Path, sys.argv[1:]))).addBoth(_end))
    reactor.run()
