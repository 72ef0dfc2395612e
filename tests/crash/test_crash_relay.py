"""
The server dies by SIGKILL while it relays; what it answered with 250 goes
onward all the same, and a second time only where it could not know better.

A long soak: ``MAILEXT_CRASH_ROUNDS=500 pytest -s tests/crash``.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path

from tests.black_box import eventually
from tests.numbered_sender import NumberedSender, number_of
from tests.relay.mx_host import Arrival
from tests.relay.site import FRIEND, STEADY, RelaySite

ROUNDS = int(os.environ.get("MAILEXT_CRASH_ROUNDS", "10"))
_SENDERS = 3
#: How many messages the queue attempts at the same time.
_UNDER_WAY = 20


def test_what_was_acknowledged_goes_onward(tmp_path: Path) -> None:
    site = RelaySite(tmp_path / "site", STEADY)
    site.start()
    with site.host("onward.test", "starttls good") as host:
        senders = rounds_of_kill(site, "bob@onward.test")
        eventually(lambda: site.queue() == {}, "an empty queue", 120)
        arrivals: dict[int, list[Arrival]] = defaultdict(list)
        for arrival in host.arrivals:
            arrivals[number_of(arrival.content)].append(arrival)
        site.stop()

    sent = {number: message for sender in senders for number, message in sender.sent.items()}
    acknowledged = {
        number: queue_id for sender in senders for number, queue_id in sender.acknowledged.items()
    }
    assert acknowledged.keys() - arrivals.keys() == set(), "acknowledged, and lost"
    for number, copies in arrivals.items():
        for copy in copies:
            assert copy.content.endswith(b"\r\n" + sent[number]), f"message {number} is not what was sent"

    recorded = recorded_at(site)
    for number, queue_id in acknowledged.items():
        # What is recorded is the end of it. A kill may come between record and log.
        if queue_id in recorded:
            assert arrivals[number][-1].when < recorded[queue_id], f"message {number} went again"
    twice = sum(len(copies) - 1 for copies in arrivals.values())
    assert twice <= ROUNDS * _UNDER_WAY
    sys.stdout.write(
        f"{ROUNDS} rounds: {len(acknowledged)} acknowledged, none lost, {twice} delivered once more\n"
    )


def rounds_of_kill(site: RelaySite, recipient: str) -> list[NumberedSender]:
    """:return: all that have sent; the server is up again in the end."""
    numbers = itertools.count()
    chance = random.Random(20260303)
    senders: list[NumberedSender] = []
    for _ in range(ROUNDS):
        crew = [NumberedSender(site.server.mx, numbers, recipient, FRIEND) for _ in range(_SENDERS)]
        for sender in crew:
            sender.start()
        eventually(lambda crew=crew: all(each.acknowledged for each in crew), "the first replies of a round")
        time.sleep(chance.uniform(0, 0.3))
        site.server.kill()
        for sender in crew:
            sender.join(30)
        senders += crew
        site.server.start()
    return senders


def recorded_at(site: RelaySite) -> dict[str, float]:
    """:return: by queue id, when the end of each message was on record, which happens but once."""
    found: dict[str, float] = {}
    for event in site.log.all(event="done"):
        queue_id = str(event["queueId"])
        assert queue_id not in found
        # The log tells time to the millisecond.
        found[queue_id] = datetime.fromisoformat(str(event["time"])).timestamp() + 0.001
    return found
