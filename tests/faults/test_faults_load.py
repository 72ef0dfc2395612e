"""
Faults that come and go while mail flows: nothing that was acknowledged is
lost, nothing that was refused arrives, every refusal is temporary, and service
resumes without a restart.

A long soak: ``MAILEXT_CRASH_ROUNDS=500 pytest -s tests/faults/test_faults_load.py``.
"""

from __future__ import annotations

import itertools
import os
import random
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.black_box import ADDRESS, RunningServer, eventually, greets
from tests.faults.conftest import Faults
from tests.ledger import Ledger, ledger_of
from tests.numbered_sender import NumberedSender, Submitter

pytestmark = pytest.mark.interop("gcc")

ROUNDS = int(os.environ.get("MAILEXT_CRASH_ROUNDS", "2"))
_TEMPORARY = {421, 451, 452, 454}


class Load:
    """Mail that flows: in clear and by DATA, and under TLS, with a login and by BDAT."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._numbers = itertools.count()
        self._flowing: list[NumberedSender] = []
        self.senders: list[NumberedSender] = []

    def start(self) -> None:
        """New senders, in place of those of before."""
        for sender in self._flowing:
            sender.enough.set()
        crew = [NumberedSender(self._server.mx, self._numbers, ADDRESS) for _ in range(2)]
        crew.append(Submitter(self._server, self._numbers, ADDRESS))
        for sender in crew:
            sender.start()
        self._flowing = crew
        self.senders += crew

    def flows(self) -> None:
        """Wait until each sender has another message acknowledged."""
        before = [len(sender.acknowledged) for sender in self._flowing]
        eventually(
            lambda: all(
                len(sender.acknowledged) > count
                for sender, count in zip(self._flowing, before, strict=True)
                if sender.is_alive()
            ),
            "mail that flows",
        )

    def end(self) -> Ledger:
        """Send no more, and count."""
        for sender in self.senders:
            sender.enough.set()
        for sender in self.senders:
            sender.join(30)
        return ledger_of(self._server, self.senders)

    @property
    def codes(self) -> set[int]:
        """What was said to refused messages."""
        return {code for sender in self.senders for code in sender.refused.values()}


def rounds_of(what: str, server: RunningServer, fault: Callable[[], AbstractContextManager[None]]) -> Ledger:
    """
    Have a fault come and go while mail flows.

    :return: the count, which holds the invariants.
    """
    chance = random.Random(20260304)
    load = Load(server)
    for _ in range(ROUNDS):
        load.start()
        load.flows()
        with fault():
            time.sleep(chance.uniform(0.2, 0.6))
        # By clients that were there, where the fault has left any, and by new ones.
        load.flows()
    load.start()
    load.flows()
    ledger = load.end()
    sys.stdout.write(f"{ROUNDS} rounds of {what}: {ledger}\n")
    assert ledger.lost == ledger.refused_yet_delivered == frozenset()
    assert ledger.acknowledged
    assert load.codes <= _TEMPORARY
    return ledger


@pytest.mark.parametrize("fault", ["sync", "readonly"])
def test_a_disk_that_fails(failing: RunningServer, faults: Faults, fault: str) -> None:
    assert rounds_of(fault, failing, lambda: faults.there_is(fault)).refused


def test_a_thread_that_hangs(failing: RunningServer, faults: Faults) -> None:
    """The one that commits: who waits for it waits, and everybody else is answered."""

    @contextmanager
    def hanging() -> Iterator[None]:
        with faults.there_is("hang"):
            assert greets(failing.mx)
            yield
            assert greets(failing.mx)

    ledger = rounds_of("a thread that hangs", failing, hanging)
    assert not ledger.refused
    assert not ledger.doubled


@pytest.mark.parametrize("jump", [-86400, 86400])
def test_a_clock_that_jumps(failing: RunningServer, faults: Faults, jump: int) -> None:
    def noticed() -> int:
        return failing.log.read_text("utf-8").count("The wall clock has jumped")

    @contextmanager
    def other_time() -> Iterator[None]:
        before = noticed()
        with faults.there_is("clock", str(jump)):
            eventually(lambda: noticed() > before, "the server to notice")
            # Timers of now go by the clock of now.
            with failing.client() as client, pytest.raises(smtplib.SMTPAuthenticationError):
                client.login(ADDRESS, "wrong")
            yield
        eventually(lambda: noticed() > before + 1, "the server to notice that it is over")

    assert not rounds_of(f"a clock set by {jump} s", failing, other_time).doubled


def test_no_descriptors(failing: RunningServer) -> None:
    def allow(descriptors: int) -> None:
        subprocess.run(["prlimit", f"--pid={failing.pid}", f"--nofile={descriptors}:"], check=True)

    @contextmanager
    def none_left() -> Iterator[None]:
        allow(len(list(Path(f"/proc/{failing.pid}/fd").iterdir())))
        yield
        allow(1000)

    rounds_of("no descriptors", failing, none_left)


def test_sigterm(failing: RunningServer) -> None:
    """Each round ends the server, in order, and starts it again."""

    @contextmanager
    def stopped() -> Iterator[None]:
        began = time.monotonic()
        failing.stop()
        assert time.monotonic() - began < 15
        yield
        failing.start()

    assert not rounds_of("SIGTERM", failing, stopped).doubled
