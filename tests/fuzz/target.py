"""What a target is, and what targets have in common."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.wire.driver import cut


@dataclass(frozen=True)
class Target:
    """
    An entry point that takes octets of strangers.

    :param check: raises if an invariant does not hold for these octets.
    :param takes: whose octets, and where they are read.
    :param holds: the invariants.
    :param words: what such octets are made of.
    :param longest: how many octets are worth trying.
    """

    name: str
    check: Callable[[bytes], object]
    takes: str
    holds: str
    words: tuple[bytes, ...] = ()
    longest: int = 1024


class InvariantError(AssertionError):
    """An invariant does not hold."""


def pieces(data: bytes, seed: bytes) -> list[bytes]:
    """The octets in pieces, cut at places that depend on the seed alone."""
    choice = random.Random(seed)
    return cut(
        data, [choice.randrange(1, len(data) + 1) for _ in range(choice.randrange(1, 9))] if data else []
    )


def expect(holds: object, what: str) -> None:
    """
    :raise InvariantError: if it does not hold; also where Python leaves out
        assertions.
    """
    if not holds:
        raise InvariantError(what)
