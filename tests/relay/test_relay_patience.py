"""Hosts that say nothing: nobody waits for them too long, least of all other mail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.black_box import ADDRESS, eventually
from tests.relay.scenario import check, each_of, message_of
from tests.relay.site import PATIENT, RelaySite

#: Octets come now and then, and never a line.
TARPITS = """
insecure a b | a GREET=silence; b plain                    | none    | b clear          | done
insecure a b | a EHLO=silence; b plain                     | none    | b clear          | done
insecure a b | a MAIL=silence; b plain                     | none    | b clear          | done
insecure a b | a starttls STARTTLS=silence; b plain        | none    | b clear          | done
secure a b   | a starttls STARTTLS=silence; b starttls good keyword | require | b tls REQUIRETLS | done
secure a     | a starttls STARTTLS=silence                 | require | nowhere          | waits 451 4.4.2
"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelaySite]:
    """A server that waits for an answer no longer than half a second."""
    settings = PATIENT + 'command-timeout = "500ms"\n'
    made = RelaySite(tmp_path_factory.mktemp("strict") / "site", settings)
    made.start()
    yield made
    made.stop()


@each_of(TARPITS)
def test_a_host_that_does_not_answer(strict: RelaySite, line: str) -> None:
    check(strict, line)


def test_other_mail_does_not_wait_for_hosts_that_do_not_answer(tmp_path: Path) -> None:
    site = RelaySite(tmp_path / "site", PATIENT)
    site.start()
    with ExitStack() as stack:
        stack.callback(site.stop)
        mute = [stack.enter_context(site.host(f"mute{n}.test", "END=silence")) for n in range(15)]
        for host in mute:
            site.submit(message_of([]), ADDRESS, [], {f"bob@{host.name}": []})
        eventually(lambda: all(host.sessions for host in mute), "a connection to each")
        swift = stack.enter_context(site.host("swift.test", "plain"))
        before = time.monotonic()
        sent = site.submit(message_of([]), ADDRESS, [], {"bob@swift.test": []})
        site.log.wait_for(event="done", queueId=sent.queue_id)
        assert time.monotonic() - before < 10
        assert len(swift.arrivals) == 1
