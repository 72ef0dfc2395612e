"""Hosts that do not answer are left alone, whichever domain's mail comes next."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from mailext.delivery.relay.patience import PatientConnector
from mailext.interfaces import IHopConnector
from mailext.queue.undelivered import LeftAloneError, UndeliveredError
from mailext.routing import DestinationSettings, RoutingSettings, configured_host
from mailext.values import Outcome
from tests.delivery.relay_site import BOB, HEADERS, RelaySite, message
from tests.support import logged

MUTE = "plain MAIL=silence RCPT=silence DATA=silence"


def start(site: RelaySite, *, domain: str = "example.net", patience: float = 0.0) -> BaseException:
    """What stops a message that is tried, and is given so many seconds."""
    started = site.target(message("none"), domain).startDelivery(message("none"), HEADERS)
    site.world.advance(patience)
    return site.world.raised(started)


def test_it_connects_as_others_do(site: RelaySite) -> None:
    assert verifyObject(IHopConnector, PatientConnector(site.connector(), site.patience))


def test_where_all_hosts_are_left_alone_there_is_no_attempt(site: RelaySite) -> None:
    site.dns("insecure")
    for name in "ab":
        site.host(name, "dead")
    assert isinstance(start(site), UndeliveredError)
    again = start(site)
    assert isinstance(again, LeftAloneError)
    assert again.deferral.until == site.world.clock.seconds() + 60
    assert again.deferral.outcome.text.startswith(
        "a.example.net:25 is left alone for a while: Cannot connect"
    )


def test_domains_that_share_a_host_share_its_trouble(site: RelaySite) -> None:
    site.dns("insecure")
    site.records.add("example.com", "MX", "10 a.example.net.")
    for name in "ab":
        site.host(name, "dead")
    assert isinstance(start(site), UndeliveredError)
    assert isinstance(start(site, domain="example.com"), LeftAloneError)


def test_the_next_host_is_tried_in_place_of_one_that_is_dead(site: RelaySite) -> None:
    site.dns("insecure")
    site.host("a", "dead")
    site.host("b", "plain RCPT=550")
    with logged() as events:
        start(site)
        start(site)
    assert [event["host"] for event in events if event.get("event") == "relay"] == [
        "a.example.net",
        "b.example.net",
        "b.example.net",
    ]


def test_the_pause_ends(site: RelaySite) -> None:
    site.dns("insecure")
    site.host("a", "dead")
    site.host("b", "plain RCPT=550")
    start(site)
    site.world.advance(60)
    site.host("a", "plain RCPT=550")
    start(site)
    start(site)
    assert len(site.scripts["a"]) == 2


def test_a_host_that_is_mute_behind_its_greeting_is_left_alone_too(site: RelaySite) -> None:
    site.routing = RoutingSettings(
        destinations={"example.net": DestinationSettings(configured_host("a.example.net", 25))}
    )
    site.dns("insecure")
    site.host("a", MUTE)
    error = start(site, patience=301.0)
    assert isinstance(error, UndeliveredError)
    assert error.outcomes[BOB].enhanced == "4.4.2"
    assert isinstance(start(site), LeftAloneError)
    assert len(site.scripts["a"]) == 1
    assert site.backoff.deferral("a.example.net:25") is not None


def test_that_it_takes_a_connection_does_not_bring_it_back(site: RelaySite) -> None:
    site.dns("insecure")
    site.records.add("example.net", "MX", "10 a.example.net.")
    site.host("a", MUTE)
    start(site, patience=301.0)
    site.world.advance(60)
    first = site.target(message("none")).startDelivery(message("none"), HEADERS)
    site.world.pump()
    assert len(site.scripts["a"]) == 2
    assert isinstance(start(site), LeftAloneError), "one finds out for all"
    first.addErrback(lambda _: None).cancel()
    site.world.pump()


def test_an_operator_has_it_tried_at_once(site: RelaySite) -> None:
    site.dns("insecure")
    for name in "ab":
        site.host(name, "dead")
    start(site)
    site.patience.forget()
    assert isinstance(start(site), UndeliveredError)
    assert isinstance(start(site), LeftAloneError)


@pytest.mark.parametrize("words", ["GREET=554", "starttls no-handshake"])
def test_one_that_refuses_is_there(site: RelaySite, words: str) -> None:
    site.dns("insecure")
    site.records.add("example.net", "MX", "10 a.example.net.")
    site.host("a", f"{words} RCPT=550")
    for _ in range(2):
        error = start(site)
        assert isinstance(error, UndeliveredError)
        outcome: Outcome = error.outcomes[BOB]
        assert not outcome.is_temporary
