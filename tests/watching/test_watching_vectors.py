"""The hostile visitors of both our web servers, wherever their octets are cut."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

import pytest
from prometheus_client import CollectorRegistry
from twisted.internet.defer import succeed
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from mailext.publishing.policy_web import policy_site, within_bounds
from mailext.trust.mta_sts.policy import StsMode, StsPolicy
from mailext.watching.web import watching_site
from tests.support import logged
from tests.vectors.web import VECTORS, WebSite, WebVector
from tests.wire.driver import cut, octets

POLICIES = {"example.org": StsPolicy(StsMode.ENFORCE, 86400, ("mx.example.org",))}
STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) ")
_SHORT = 200


class Moment:
    """Nothing is looked at."""

    def look(self, queue: object, now: float) -> None:
        """Nothing."""


def site(which: WebSite, clock: Clock) -> IProtocolFactory:
    if which is WebSite.POLICIES:
        return within_bounds(policy_site(POLICIES, clock), clock)
    return watching_site(
        clock, CollectorRegistry(), Moment(), queue=lambda: succeed(None), probe=lambda: succeed(None)
    )


def answered(vector: WebVector, pieces: Iterable[bytes]) -> bytes:
    clock = Clock()
    transport = StringTransport()
    protocol = site(vector.site, clock).buildProtocol(transport.getPeer())
    assert protocol is not None
    protocol.makeConnection(transport)
    with logged() as events:
        for piece in pieces:
            if not transport.disconnecting:
                protocol.dataReceived(piece)
    assert [event["log_failure"] for event in events if "log_failure" in event] == []
    return re.sub(rb"(?m)^Date: .*\r\n", b"", transport.value())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)
def test_a_visitor_gets_an_answer_of_http_wherever_his_words_are_cut(vector: WebVector) -> None:
    whole = answered(vector, [vector.said])
    found = STATUS.match(whole)
    assert (int(found[1]) if found else 0) == vector.status, whole[:100]
    assert vector.holds in whole
    assert vector.holds or b"STSv1" not in whole
    assert b"X-Injected" not in whole.partition(b"\r\n\r\n")[0]
    assert b"<script>" not in whole
    choice = random.Random(vector.id)
    ways = [octets(vector.said)] if len(vector.said) <= _SHORT else []
    ways += [
        cut(vector.said, [choice.randrange(max(len(vector.said), 1)) for _ in range(4)]) for _ in range(3)
    ]
    for pieces in ways:
        assert answered(vector, pieces) == whole
