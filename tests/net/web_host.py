"""A web server that says over HTTPS whatever a test wants, in a thread of its own."""

from __future__ import annotations

import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Is given a connection, under TLS, from which the head of a request was read.
Saying = Callable[[ssl.SSLSocket], None]


def answer(
    body: bytes,
    status: str = "200 OK",
    headers: tuple[str, ...] = ("Content-Type: text/plain",),
    *,
    length: bool = True,
) -> Saying:
    """
    An answer, and the end of the connection.

    :param length: whether the answer tells it.
    """

    def say(connection: ssl.SSLSocket) -> None:
        lines = [f"HTTP/1.1 {status}", *headers] + [f"Content-Length: {len(body)}"] * length
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)

    return say


class WebHost:
    """
    :param certificate: a PEM file of certificate and key.
    :ivar saying: what is said; after that TLS is ended in order, if it still
        can be.
    :ivar heard: the head of each request, and what came with it.
    :ivar names: the names that clients asked for by SNI.
    """

    def __init__(
        self, certificate: Path, saying: Saying, *, version: ssl.TLSVersion | None = None, port: int = 0
    ) -> None:
        self.saying = saying
        self.heard: list[bytes] = []
        self.names: list[str | None] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._context.sni_callback = lambda _, name, __: self.names.append(name)
        if version is not None:
            self._context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                self._context.maximum_version = version
            self._context.set_ciphers("ALL:@SECLEVEL=0")
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listening.getsockname()[1]
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._serve, daemon=True)]

    def start(self) -> None:
        self._threads[0].start()

    def stop(self) -> None:
        self._over.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(10)

    def hang(self, _: ssl.SSLSocket) -> None:
        """Say nothing, until all is over."""
        self._over.wait(30)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._attend, args=[connection], daemon=True)
            self._threads.append(thread)
            thread.start()

    def _attend(self, plain: socket.socket) -> None:
        # Whatever the client makes of it, it is over then.
        with (
            suppress(OSError, ValueError),
            plain,
            self._context.wrap_socket(plain, server_side=True) as connection,
        ):
            request = b""
            while b"\r\n\r\n" not in request:
                data = connection.recv(65536)
                if not data:
                    return
                request += data
            self.heard.append(request)
            self.saying(connection)
            connection.unwrap()


@contextmanager
def web_host(
    certificate: Path, saying: Saying, *, version: ssl.TLSVersion | None = None, port: int = 0
) -> Iterator[WebHost]:
    """A running web server."""
    host = WebHost(certificate, saying, version=version, port=port)
    host.start()
    try:
        yield host
    finally:
        host.stop()
