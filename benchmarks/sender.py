"""
The client that is measured: sends the same message many times, as fast as it
can, over as many connections as it may. ``python -m benchmarks.sender PORT
CONNECTIONS MESSAGES SIZE`` prints CPU and wall-clock seconds as JSON.
"""

from __future__ import annotations

import json
import sys
import time

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from benchmarks.load import RECIPIENT, SENDER, content
from mailext import MailSender, MailServer
from mailext.net.client.pool import PoolSettings
from mailext.values import Envelope, Recipient, TlsUse
from mailext.wire.grammar import parse_mailbox

#: For each connection, so that somebody waits for it.
_WAITING = 2
_WARM_UP = 10


async def measure(port: int, connections: int, messages: int, size: int) -> dict[str, float]:
    sender = MailSender(
        MailServer("127.0.0.1", port, use=TlsUse.NEVER),
        reactor,
        "client.example",
        pool=PoolSettings(concurrency=connections),
    )
    envelope = Envelope(parse_mailbox(SENDER), (Recipient(parse_mailbox(RECIPIENT)),))
    message = content(size)

    async def send(count: int) -> None:
        for _ in range(count):
            outcomes = await sender.send(envelope, message)
            assert all(outcome.delivered for outcome in outcomes.values()), outcomes

    def all_together(count: int) -> Deferred[object]:
        workers = connections * _WAITING
        return gatherResults(Deferred.fromCoroutine(send(count // workers)) for _ in range(workers))

    await all_together(_WARM_UP * connections * _WAITING)
    cpu, wall = time.process_time(), time.perf_counter()
    await all_together(messages)
    used = {"cpu": time.process_time() - cpu, "seconds": time.perf_counter() - wall}
    await sender.close()
    return used


def main() -> None:
    wishes = map(int, sys.argv[1:])
    react(
        lambda _: Deferred.fromCoroutine(measure(*wishes)).addCallback(lambda used: print(json.dumps(used)))
    )


if __name__ == "__main__":
    main()
