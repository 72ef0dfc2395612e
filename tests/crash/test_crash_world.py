"""
Next hops that keep silent or die within a message, and a resolver that does
not answer, while mail flows: other mail does not wait for them, and what was
acknowledged arrives in the end, or is reported.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailext.testing.dns import DnsFault
from tests.black_box import ADDRESS, eventually
from tests.ledger import Ledger
from tests.numbered_sender import NumberedSender, number_of
from tests.relay.mx_host import MxHost
from tests.relay.site import FRIEND, STEADY, RelaySite

ROUNDS = int(os.environ.get("MAILEXT_CRASH_ROUNDS", "1"))
_AT_ONCE = 5
_REPORT = b"Return-Path: <>"
#: What a host does, in turns: it dies within a message, keeps silent, or takes one and dies.
_WAYS = ({"BODY": ["cut"]}, {"DATA": ["silence"]}, {"END": ["taken-and-cut"]})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RelaySite]:
    made = RelaySite(tmp_path / "site", STEADY + 'command-timeout = "2s"\n')
    made.start()
    yield made
    made.stop()


def test_a_world_in_trouble(site: RelaySite) -> None:
    numbers = itertools.count()
    senders: list[NumberedSender] = []
    with site.host("troubled.test", "plain") as host:
        for round_ in range(ROUNDS):
            for way in _WAYS:
                host.script.answers.update({verb: list(answers) for verb, answers in way.items()})
                before = len(host.heard)
                senders.append(_sent(site, numbers, "bob@troubled.test"))
                eventually(lambda host=host, before=before: len(host.heard) > before, "an attempt")
                _flows(site)
                host.script.answers.clear()
                _delivered(site, host, senders)
            name = f"unknown{round_}.test"
            for kind in ("MX", "A", "AAAA"):
                site.records.fail(name, kind, DnsFault.TIMEOUT)
            senders.append(_sent(site, numbers, f"bob@{name}"))
            _flows(site)
            site.records.add(name, "MX", "10 troubled.test.", ttl=0)
            _delivered(site, host, senders)
        ledger = _ledger(site, senders, host)
        sys.stdout.write(f"{ROUNDS} rounds of a world in trouble: {ledger}\n")
        assert ledger.lost == ledger.refused == frozenset()
        # What the host took without a word is tried once more, and never a third time.
        assert ledger.doubled <= ROUNDS * _AT_ONCE


def _sent(site: RelaySite, numbers: itertools.count[int], recipient: str) -> NumberedSender:
    sender = NumberedSender(site.server.mx, itertools.islice(numbers, _AT_ONCE), recipient, FRIEND)
    # Reports come to the account.
    sender.reverse_path = ADDRESS
    sender.start()
    sender.join(30)
    assert len(sender.acknowledged) == _AT_ONCE
    return sender


def _flows(site: RelaySite) -> None:
    """Other mail is taken meanwhile, and not slowly."""
    sender = NumberedSender(site.server.mx, itertools.islice(itertools.count(), 10), ADDRESS)
    sender.start()
    sender.join(10)
    assert len(sender.acknowledged) == 10


def _delivered(site: RelaySite, host: MxHost, senders: list[NumberedSender]) -> None:
    def all_there() -> bool:
        # A host that kept silent is left alone for a minute, unless an operator says otherwise.
        site.server.run("queue", "retry", "all")
        return not _ledger(site, senders, host).lost

    eventually(all_there, "what was acknowledged")


def _ledger(site: RelaySite, senders: list[NumberedSender], host: MxHost) -> Ledger:
    return Ledger(
        frozenset(number for sender in senders for number in sender.acknowledged),
        frozenset(number for sender in senders for number in sender.refused),
        Counter(number_of(each.content) for each in host.arrivals),
        frozenset(number_of(each) for each in site.server.messages() if each.startswith(_REPORT)),
    )
