"""Log events come to the main process as they were."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Mapping

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, Logger, LogLevel
from twisted.python.failure import Failure

from mailext.config.model import LogFormat, LogThreshold
from mailext.service.logs import LogOutput
from mailext.values import Mailbox
from mailext.workers.log_events import EventSender, packed, unpacked
from mailext.workers.messages import Logged
from tests.support import ThreadCalls, logged

_log = Logger()


class PickyError(Exception):
    """Cannot be made from its arguments again."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def written(event: LogEvent, log_format: LogFormat) -> str:
    stream = io.StringIO()
    LogOutput(stream, log_format, LogThreshold.DEBUG, lambda: None).observer(event)
    return stream.getvalue()


def travelled(event: LogEvent) -> LogEvent:
    said: Mapping[str, object] = pickle.loads(pickle.dumps(packed(event)))
    return unpacked(said)


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_a_line_is_the_same_in_the_end(log_format: LogFormat) -> None:
    with logged() as [*_], logged() as events:
        _log.info(
            "{count:03d} {words!r} {where}", count=7, words=["a", "b"], where={"x": (1, None)}, event="e"
        )
        _log.warn("no values")
    for event in events:
        assert written(travelled(event), log_format) == written(event, log_format)


def test_a_value_that_means_something_here_alone_is_said_in_words() -> None:
    with logged() as events:
        _log.info("for {whom} of {number:.1f}", whom=Mailbox("ann", "example.org"), number=2.0, event="e")
    [event] = map(travelled, events)
    line = json.loads(written(event, LogFormat.JSON))
    assert line["message"] == "for ann@example.org of 2.0"
    assert (line["event"], line["number"]) == ("e", 2.0)


@pytest.mark.parametrize("error", [ValueError("what went wrong"), PickyError("what ", "went wrong")])
def test_a_failure_keeps_its_traceback(error: Exception) -> None:
    with logged() as events:
        _log.failure("it failed", Failure(error))
    [event] = map(travelled, events)
    line = json.loads(written(event, LogFormat.JSON))
    assert line["level"] == "critical"
    assert "what went wrong" in line["traceback"]
    assert "what went wrong" in written(event, LogFormat.TEXT)


def test_what_nobody_wants_to_see_is_not_sent() -> None:
    told: list[Logged] = []
    reactor, done = ThreadCalls(), Deferred()
    sender = EventSender(reactor, lambda said: told.append(said) or done.callback(None))
    sender.configure("warn")
    with logged() as events:
        _log.info("small")
        _log.error("great")
    for event in events:
        sender(event)
    reactor.wait_for(done)
    assert [said.event["log_format"] for said in told] == ["great"]
    assert unpacked(told[0].event)["log_level"] is LogLevel.error
