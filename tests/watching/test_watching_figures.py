"""What is counted, from the log events that are really written."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry
from twisted.logger import ILogObserver, Logger, globalLogPublisher
from zope.interface.verify import verifyObject

from mailext.watching.figures import Figures
from mailext.wire.limits import SessionLimits
from tests.net.site import MAIL, RCPT, TargetSite, serve


@pytest.fixture
def registry() -> Iterator[CollectorRegistry]:
    registry = CollectorRegistry()
    figures = Figures(registry)
    assert verifyObject(ILogObserver, figures)
    globalLogPublisher.addObserver(figures)
    yield registry
    globalLogPublisher.removeObserver(figures)


def limit_hits(registry: CollectorRegistry, limit: str) -> float | None:
    return registry.get_sample_value("mailext_limit_hits_total", {"listener": "mx", "limit": limit})


def refusals(registry: CollectorRegistry, code: str, status: str) -> float | None:
    labels = {"listener": "mx", "code": code, "status": status}
    return registry.get_sample_value("mailext_refusals_total", labels)


def test_limits_of_a_session(registry: CollectorRegistry) -> None:
    server = serve(TargetSite(), name="mx", limits=SessionLimits(recipients=1, errors=3))
    server.greeted(MAIL, RCPT, RCPT)
    assert limit_hits(registry, "recipients") == 1
    assert refusals(registry, "452", "4.5.3") == 1
    server.greeted(b"FOO", b"FOO", b"FOO")
    assert limit_hits(registry, "errors") == 1
    assert refusals(registry, "500", "5.5.1") == 3

    server = serve(TargetSite(), name="mx", limits=SessionLimits(commands=5, junk_commands=2))
    server.greeted(b"NOOP", b"NOOP", b"NOOP")
    assert limit_hits(registry, "junk-commands") == 1
    server.greeted(*[MAIL, b"RSET"] * 3)
    assert limit_hits(registry, "commands") == 1


@pytest.mark.parametrize("limit", ["connections", "connections-per-address", "connections-per-network"])
def test_connections_that_are_not_let_in(registry: CollectorRegistry, limit: str) -> None:
    server = serve(TargetSite(), name="mx", **{limit.replace("-", "_"): 1})
    server.connect()
    server.connect()
    assert limit_hits(registry, limit) == 1


def test_a_message_below_the_least_rate(registry: CollectorRegistry) -> None:
    server = serve(TargetSite(), name="mx", message_timeout=3600.0, min_rate=10.0)
    server.greeted(MAIL, RCPT, b"DATA")
    server.advance(60)
    assert limit_hits(registry, "min-rate") == 1
    assert limit_hits(registry, "message-timeout") is None


@pytest.mark.parametrize(
    ("lines", "limit"), [((), "command-timeout"), ((MAIL, RCPT, b"DATA"), "message-timeout")]
)
def test_clients_that_are_too_slow(registry: CollectorRegistry, lines: tuple[bytes, ...], limit: str) -> None:
    server = serve(TargetSite(), name="mx", min_rate=0.0)
    server.greeted(*lines)
    server.advance(3600)
    assert limit_hits(registry, limit) == 1


def test_what_is_too_big(registry: CollectorRegistry) -> None:
    server = serve(TargetSite(), name="mx", limits=SessionLimits(message_size=2000), header_size=100)
    server.greeted(b"MAIL FROM:<a@client.example> SIZE=3000")
    assert limit_hits(registry, "message-size") == 1
    client = server.greeted(MAIL, RCPT, b"DATA")
    client.say(b"X: " + b"x" * 200, b"", b"body", b".")
    assert limit_hits(registry, "header-size") == 1


def test_trouble_is_counted(registry: CollectorRegistry) -> None:
    Logger("a.site").error("trouble")
    Logger("a.site").info("no trouble", event="of a kind that nobody counts")
    assert registry.get_sample_value("mailext_log_errors_total") == 1


def test_recipients_are_counted_by_what_was_said(registry: CollectorRegistry) -> None:
    replies = {
        "a@x.example": "250 2.0.0 Ok",
        "b@x.example": "451 4.3.0 Later",
        "c@x.example": "451 4.3.0 Later",
    }
    Logger("a.site").info("an attempt", event="attempt", replies=replies)
    found = {
        outcome: registry.get_sample_value("mailext_attempts_total", {"outcome": outcome})
        for outcome in ("delivered", "deferred", "failed")
    }
    assert found == {"delivered": 1, "deferred": 2, "failed": None}
