"""Tells the service manager how the server does (sd_notify(3))."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import closing
from time import CLOCK_MONOTONIC, clock_gettime_ns

from twisted.logger import Logger

__all__ = ["Readiness"]

_log = Logger()


class Readiness:
    """
    :param environment: that of the process. Without ``NOTIFY_SOCKET`` nobody is
        told.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        # systemd writes an address of the abstract kind with an @.
        self._address = "\0" + name[1:] if name.startswith("@") else name

    def ready(self) -> None:
        """The server serves."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """The configuration is read again; :meth:`ready` follows."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={clock_gettime_ns(CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """No new connections are taken."""
        self._tell("STOPPING=1")

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        try:
            with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as told:
                told.settimeout(0)
                told.sendto(state.encode("ascii"), self._address)
        except OSError:
            _log.failure("The service manager could not be told {state!r}", state=state)
