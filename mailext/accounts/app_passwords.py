"""
App passwords: one for each program or device, made by the server, in place of
the account's own.

Each has 120 random bits, so that a plain digest of it is enough to keep: nobody
can try them all. One can be bound to a device: it is then worth nothing to
whoever does not present that identity with CLIENTID (U8,
draft-storey-smtp-client-id-13 section 6.3).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred

from mailext.values import ClientIdentity

__all__ = ["AppPasswordSource", "app_password_digest", "make_app_password"]

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_LENGTH = 24
_GROUP = 4
_APP_PASSWORD = re.compile(rb"[a-z2-7]{24}")


class AppPasswordSource(Protocol):
    """Where app passwords are kept."""

    def admits(
        self, account: str, digest: str, identity: ClientIdentity | None, when: float
    ) -> Deferred[bool]:
        """
        :param account: a canonical address.
        :param digest: of a password, as :func:`app_password_digest` gives it.
        :param identity: what the client presented, as far as it is used for
            authentication. A password that is to be bound to the first device
            that uses it is bound to this one.
        :param when: wall clock, seconds since the epoch.
        :return: a Deferred of whether it is one of the account's, and good for
            this device.
        """


def make_app_password(random_below: Callable[[int], int]) -> str:
    """
    :param random_below: gives an unguessable number from 0 up to, not
        including, its argument; :func:`secrets.randbelow`.
    :return: a password, in groups that are easy to type.
    """
    letters = "".join(_ALPHABET[random_below(len(_ALPHABET))] for _ in range(_LENGTH))
    return "-".join(letters[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))


def app_password_digest(password: bytes) -> str | None:
    """
    The digest to keep of an app password; hyphens, blanks and the case of
    letters make no difference.

    :return: None if no app password looks like this.
    """
    letters = password.lower().replace(b"-", b"").replace(b" ", b"")
    if not _APP_PASSWORD.fullmatch(letters):
        return None
    return hashlib.sha256(letters).hexdigest()
