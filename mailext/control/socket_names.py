"""
The control socket's name, however deep its folder is.

The path of a Unix socket has room for 107 octets (``sun_path``, unix(7)). A
longer one is reached through an open descriptor of the folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["SOCKET_NAME", "short_name"]

#: The socket's name in the state directory.
SOCKET_NAME = "control.sock"


@contextmanager
def short_name(folder: Path) -> Iterator[str]:
    """
    A short path of the control socket, good while the context lasts.

    :param folder: the state directory.
    :raise OSError: if the folder cannot be opened.
    """
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
    finally:
        os.close(descriptor)
