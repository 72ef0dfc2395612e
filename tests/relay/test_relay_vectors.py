"""The hostile servers as next hops of the real one: every message has the end that it must have."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from tests.black_box import ADDRESS, eventually
from tests.relay.scenario import message_of
from tests.relay.site import PATIENT, RelaySite
from tests.vectors.server_model import GO_ON, GREETING, OK, PLAIN, Moment, ServerVector
from tests.vectors.servers import VECTORS

_VERBS = {
    Moment.CONNECT: b"",
    Moment.EHLO: b"EHLO",
    Moment.MAIL: b"MAIL",
    Moment.RCPT: b"RCPT",
    Moment.DATA: b"DATA",
    Moment.END: b".",
}
_USUAL = {b"": GREETING, b"EHLO": PLAIN, b"HELO": PLAIN, b"DATA": GO_ON}
#: Every third, and not those that let a client wait for what does not come: it would.
_CHOSEN = [each for each in VECTORS if each.moment in _VERBS and each.comes_of_it != "waits"][::3]


class HostileServers:
    """
    Each of the vectors at an address of its own.

    :param vectors: by address.
    """

    def __init__(self, vectors: Mapping[str, ServerVector], port: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._stopped, self._stop = socket.socketpair()
        self._selector.register(self._stopped, selectors.EVENT_READ)
        for address, vector in vectors.items():
            self._selector.register(socket.create_server((address, port)), selectors.EVENT_READ, vector)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def stop(self) -> None:
        self._stop.close()
        for thread in self._threads:
            thread.join(10)
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)
            key.fileobj.close()
        self._selector.close()

    def _accept(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                connection, _ = key.fileobj.accept()
                thread = threading.Thread(target=self._serve, args=[connection, key.data], daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket, vector: ServerVector) -> None:
        hostile = _VERBS[vector.moment]
        with connection, suppress(OSError), connection.makefile("rb") as stream:
            connection.settimeout(30)
            verb = b""
            while True:
                said = vector.said if verb == hostile else _USUAL.get(verb, OK)
                connection.sendall(said)
                verb = _next_verb(stream, in_message=verb == b"DATA" and said == GO_ON)


def _next_verb(stream: BinaryIO, *, in_message: bool) -> bytes:
    """
    What the client says next; ``.`` for the end of a message.

    :raise OSError: if it has gone.
    """
    while line := stream.readline():
        if not in_message:
            return line.split()[0].upper()
        if line == b".\r\n":
            return b"."
    raise ConnectionError


def test_every_message_has_its_end(tmp_path: Path) -> None:
    site = RelaySite(tmp_path / "site", PATIENT)
    site.start()
    vectors = {f"127.2.{n // 250}.{n % 250 + 1}": vector for n, vector in enumerate(_CHOSEN)}
    hosts = HostileServers(vectors, site.port)
    try:
        ids = {}
        for number, (address, vector) in enumerate(vectors.items()):
            site.records.add(f"v{number}.test", "A", address)
            sent = site.submit(message_of([]), ADDRESS, [], {f"bob@v{number}.test": []})
            ids[sent.queue_id] = vector
        eventually(lambda: len(_replies(site)) == len(ids), "an outcome of each message", 120.0)
        for queue_id, reply in _replies(site).items():
            check(ids[queue_id], reply)
        assert site.server.log.read_bytes().isascii()
    finally:
        hosts.stop()
        # It has logged no error.
        site.stop()


def _replies(site: RelaySite) -> dict[str, str]:
    return {str(event["queueId"]): str(event["reply"]) for event in site.log.all(event="relay")}


def check(vector: ServerVector, reply: str) -> None:
    _, _, came = vector.comes_of_it.rpartition("; ")
    if came[:3].isdigit():
        assert reply.startswith(came[:3]), (vector.id, reply)
    else:
        assert reply.startswith(("4", vector.comes_of_it[-3:])), (vector.id, reply)
