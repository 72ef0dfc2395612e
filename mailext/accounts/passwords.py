"""
Passwords: Argon2id (RFC 9106) in threads of its own.

Hashing is meant to be slow, so it never runs in the reactor's thread, and a
password that was right is remembered for a short while: a mail program that
logs in once a minute costs one hash and not sixty. An account that does not
exist costs the same hash as a wrong password.
"""

from __future__ import annotations

import base64
import hmac
from collections import OrderedDict
from random import Random

import argon2
from argon2.exceptions import VerifyMismatchError
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from mailext.accounts.scram import SALT_SIZE, make_verifier
from mailext.threads import RunInThread

__all__ = ["Passwords"]

_REMEMBERED_SECONDS = 60.0
_REMEMBERED_ACCOUNTS = 10_000
_KEY_BITS = 256


class Passwords:
    """
    Hashes passwords, and verifies them.

    :param clock: for the expiry of what is remembered.
    :param in_thread: the pool of the hashing threads.
    :param random: the source of this process's key;
        :class:`random.SystemRandom` in a server.
    :param hasher: the cost of a hash.
    """

    def __init__(
        self,
        clock: IReactorTime,
        in_thread: RunInThread,
        random: Random,
        hasher: argon2.PasswordHasher | None = None,
    ) -> None:
        self._clock = clock
        self._in_thread = in_thread
        self._hasher = hasher or argon2.PasswordHasher()
        self._random = random
        self._key = random.randbytes(_KEY_BITS // 8)
        self._nobodys_hash = _unmatchable(self._hasher, random)
        # Account to keyed hash and expiry, the oldest first.
        self._remembered: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    def hash(self, password: bytes) -> Deferred[str]:
        """
        :return: a Deferred of the hash to store, in the PHC string format.
        """
        return self._in_thread(self._hasher.hash, password)

    def scram_verifier(self, password: str) -> Deferred[str]:
        """
        :return: a Deferred of the verifier to store for SCRAM-SHA-256. It fails
            with :class:`ValueError` if the password cannot be prepared.
        """
        salt = self._random.randbytes(SALT_SIZE)
        return self._in_thread(lambda: str(make_verifier(password, salt)))

    def verify(self, account: str, stored: str | None, password: bytes) -> Deferred[bool]:
        """
        :param account: whose password it should be.
        :param stored: the account's hash, None if there is no such account.
        :return: a Deferred of whether the password is right. It fails where
            that cannot be said: the stored hash is none, or the threads are
            busy (:class:`~mailext.threads.ThreadsBusyError`).
        """
        if stored is None:
            return self._in_thread(self._matches, self._nobodys_hash, password)
        digest = self._digest(stored, password)
        remembered, expiry = self._remembered.get(account, (b"", 0.0))
        if self._clock.seconds() < expiry and hmac.compare_digest(remembered, digest):
            return succeed(True)  # noqa: FBT003 - the answer
        verified = self._in_thread(self._matches, stored, password)
        return verified.addCallback(self._remember, account, digest)

    def forget(self, account: str) -> None:
        """The account has a new password, or is no more."""
        self._remembered.pop(account, None)

    def _remember(self, matches: bool, account: str, digest: bytes) -> bool:  # noqa: FBT001
        if matches:
            self._remembered[account] = digest, self._clock.seconds() + _REMEMBERED_SECONDS
            self._remembered.move_to_end(account)
            if len(self._remembered) > _REMEMBERED_ACCOUNTS:
                self._remembered.popitem(last=False)
        return matches

    def _digest(self, stored: str, password: bytes) -> bytes:
        # With the stored hash in it, a new password makes it worthless even
        # where the change came from elsewhere. The hash has no NUL in it.
        return hmac.digest(self._key, stored.encode() + b"\0" + password, "sha256")

    def _matches(self, stored: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except VerifyMismatchError:
            return False


def _unmatchable(hasher: argon2.PasswordHasher, random: Random) -> str:
    """A hash of the same cost that no password is known to match."""

    def part(length: int) -> str:
        return base64.b64encode(random.randbytes(length)).decode("ascii").rstrip("=")

    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${part(hasher.salt_len)}${part(hasher.hash_len)}"
