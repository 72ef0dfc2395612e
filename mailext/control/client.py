"""Asking a running server through its control socket."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from attrs import asdict

from mailext.control.requests import Request, RequestRefusedError
from mailext.control.socket_names import SOCKET_NAME, short_name

__all__ = ["ServerDownError", "ask_server"]

# Longer than any operation takes, in seconds.
_PATIENCE = 60.0


class ServerDownError(Exception):
    """Nobody listens on the control socket."""


def ask_server(folder: Path, request: Request) -> object:
    """
    Ask and wait for the answer.

    :param folder: the state directory of the server.
    :return: the result, as JSON gives it.
    :raise ServerDownError: if no server runs.
    :raise RequestRefusedError: if the server says no.
    :raise OSError: if the connection breaks.
    """
    line = json.dumps({"operation": request.operation, "arguments": asdict(request)}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_PATIENCE)
        try:
            with short_name(folder) as name:
                connection.connect(name)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise ServerDownError from error
        except PermissionError as error:
            told = "it answers to root and to the server's own user alone"
            raise PermissionError(error.errno, told, str(folder / SOCKET_NAME)) from error
        connection.sendall(line)
        with connection.makefile("rb") as answers:
            answer = answers.readline()
    if not answer.endswith(b"\n"):
        raise ConnectionError("the server closed the control socket")
    reply = json.loads(answer)
    if "error" in reply:
        raise RequestRefusedError(reply["error"])
    return reply["result"]
