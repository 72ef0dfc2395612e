"""
The identities that a program presents with CLIENTID, in a file.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from zope.interface import implementer

from mailext.interfaces import IClientIdentitySource
from mailext.values import ClientIdentity

__all__ = ["FileIdentitySource"]

Known = dict[str, dict[str, str]]


@implementer(IClientIdentitySource)
class FileIdentitySource:
    """
    Keeps a random UUID for each account and server, from its first use on.
    Several processes may share the file.

    :param path: the file; it is made where it is missing, for its owner's eyes
        only.
    :param random_uuid: gives the UUIDs.
    """

    def __init__(self, path: Path, random_uuid: Callable[[], uuid.UUID] = uuid.uuid4) -> None:
        self._path = path
        self._random_uuid = random_uuid

    def identityFor(self, account: str, server: str) -> ClientIdentity:
        """
        :raise OSError: if the file cannot be read or written.
        :raise ValueError: if the file holds anything else.
        """
        server = server.lower()
        with self._lock():
            known = self._read()
            accounts = known.setdefault(server, {})
            if account not in accounts:
                accounts[account] = str(self._random_uuid())
                self._write(known)
            return ClientIdentity("UUID", accounts[account])

    @contextmanager
    def _lock(self) -> Iterator[None]:
        lock = self._path.with_name(self._path.name + ".lock")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _read(self) -> Known:
        try:
            known = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise ValueError(f"{self._path}: not a file of client identities") from error
        if not (
            isinstance(known, dict)
            and all(
                isinstance(accounts, dict) and all(isinstance(token, str) for token in accounts.values())
                for accounts in known.values()
            )
        ):
            raise ValueError(f"{self._path}: not a file of client identities")
        return known

    def _write(self, known: Known) -> None:
        temporary = self._path.with_name(self._path.name + ".new")
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(known, file, ensure_ascii=False, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self._path)
