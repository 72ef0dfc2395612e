"""
The server dies by SIGKILL while it accepts, in clear and under TLS, by DATA and
by BDAT, and delivers; what it answered with 250 arrives all the same.

A long soak: ``MAILEXT_CRASH_ROUNDS=500 pytest -s tests/crash``.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import time

from tests.black_box import ADDRESS, RunningServer, eventually
from tests.ledger import ledger_of
from tests.numbered_sender import NumberedSender, Submitter

ROUNDS = int(os.environ.get("MAILEXT_CRASH_ROUNDS", "12"))
_SENDERS = 3
#: How many messages the queue attempts at the same time.
_UNDER_WAY = 20


def test_what_was_acknowledged_survives_kill_9(server: RunningServer) -> None:
    numbers = itertools.count()
    chance = random.Random(20260302)
    senders: list[NumberedSender] = []
    for round_ in range(ROUNDS):
        if round_:
            server.start()
        crew = [NumberedSender(server.mx, numbers, ADDRESS) for _ in range(_SENDERS)]
        crew.append(Submitter(server, numbers, ADDRESS))
        for sender in crew:
            sender.start()
        eventually(lambda crew=crew: all(each.acknowledged for each in crew), "the first replies of a round")
        time.sleep(chance.uniform(0, 0.2))
        server.kill()
        for sender in crew:
            sender.join(30)
        senders += crew
    server.start()

    ledger = ledger_of(server, senders)
    sys.stdout.write(f"{ROUNDS} rounds of kill -9: {ledger}\n")
    assert any(isinstance(sender, Submitter) and sender.acknowledged for sender in senders)
    assert ledger.lost == ledger.refused == set()
    # A second copy is possible only of what was under way at the moment of a kill.
    assert ledger.doubled <= ROUNDS * _UNDER_WAY
