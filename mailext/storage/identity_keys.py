"""
The keys of the client identities' hashes: ``identity.key`` in the state
directory, or in the one that processes share; one key a line in hexadecimal
digits, the newest first.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable
from pathlib import Path

from mailext.private_files import refuse_public
from mailext.storage.errors import StoreError
from mailext.values import ClientIdentity

__all__ = [
    "ID_DIGITS",
    "KEY_FILE_NAME",
    "IdentityKeys",
    "KeyFileError",
    "add_key_file",
    "load_identity_keys",
    "read_identity_keys",
]

#: How many digits of an identity's hash are its id.
ID_DIGITS = 16

#: The file name of the keys in their directory.
KEY_FILE_NAME = "identity.key"

_KEY_SIZE = 32
# 128 bits tell devices apart.
_HASH_DIGITS = 32
_KEY = re.compile(r"(?:[0-9A-Fa-f]{2}){16,}")


class KeyFileError(StoreError):
    """The file of identity keys cannot be used."""


class IdentityKeys:
    """
    Hashes client identities.

    :param keys: the keys, the newest first; at least one.
    """

    def __init__(self, *keys: bytes) -> None:
        self._keys = keys

    @property
    def names(self) -> tuple[str, ...]:
        """:return: a name for each key that tells nothing about it, the newest key's first."""
        # No identity is hashed to it: a type has one character at least.
        return tuple(self._hash(key, b"") for key in self._keys)

    def secret(self, purpose: bytes) -> bytes:
        """
        A secret for something else than identities.

        :param purpose: what for; no NUL in it.
        :return: the same as long as the oldest key stays.
        """
        return hmac.digest(self._keys[-1], purpose, "sha256")

    def hashes(self, identity: ClientIdentity) -> tuple[str, ...]:
        """:return: the identity's hash under each key, 32 hexadecimal digits, the newest key's first."""
        # A type holds no NUL (C5, draft-storey-smtp-client-id-13 section 5).
        said = f"{identity.type}\0{identity.token}".encode()
        return tuple(self._hash(key, said) for key in self._keys)

    @staticmethod
    def _hash(key: bytes, said: bytes) -> str:
        return hmac.new(key, said, hashlib.sha256).hexdigest()[:_HASH_DIGITS]


def load_identity_keys(path: Path, random_bytes: Callable[[int], bytes]) -> IdentityKeys:
    """
    Read the keys. Where the file is missing, it is made, with one key.

    :param path: the file; it is for its owner's eyes only.
    :param random_bytes: gives so many unguessable bytes, for example
        :func:`secrets.token_bytes`.
    :raise KeyFileError: if the file holds anything but keys, or is not for its
        owner and group alone.
    """
    if not path.exists():
        add_key_file(path, random_bytes(_KEY_SIZE).hex() + "\n")
    return read_identity_keys(path)


def read_identity_keys(path: Path) -> IdentityKeys:
    """
    Read the keys.

    :raise KeyFileError: as :func:`load_identity_keys` does.
    :raise OSError: if there is no such file.
    """
    try:
        refuse_public(path)
    except ValueError as error:
        raise KeyFileError(str(error)) from error
    text = path.read_text("ascii", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise KeyFileError(f"{path}: no key in the file")
    for number, line in enumerate(lines, 1):
        if not _KEY.fullmatch(line):
            raise KeyFileError(f"{path}: key {number} is not 32 or more hexadecimal digits")
    return IdentityKeys(*map(bytes.fromhex, lines))


def add_key_file(path: Path, text: str) -> None:
    """
    Make a file of keys, of which there is either nothing or all.

    :param text: what is to stand in it.
    :raise OSError: if it cannot be made.
    """
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
