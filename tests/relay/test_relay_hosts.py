"""Several messages, several hosts: what one scenario of one message cannot show."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from mailext.values import DnsStatus
from tests.black_box import ADDRESS
from tests.relay.mx_host import MxHost
from tests.relay.scenario import message_of
from tests.relay.site import RelaySite, Sent


def send(site: RelaySite, *recipients: str, words: tuple[str, ...] = ()) -> Sent:
    mail = ["REQUIRETLS"] * ("require" in words)
    return site.submit(message_of(words), ADDRESS, mail, {each: [] for each in recipients})


def until_done(site: RelaySite, *messages: Sent) -> None:
    for sent in messages:
        site.log.wait_for(event="done", queueId=sent.queue_id)


@pytest.mark.requirement("R9")
def test_hosts_of_one_preference_share_the_mail(site: RelaySite) -> None:
    site.records.add("equal.test", "MX", *(f"10 {name}.equal.test." for name in "abc"))
    with ExitStack() as stack:
        hosts = [stack.enter_context(site.host(f"{name}.equal.test", "plain")) for name in "abc"]
        until_done(site, *(send(site, f"user{n}@equal.test") for n in range(40)))
        shares = [len(host.arrivals) for host in hosts]
    assert sum(shares) == 40
    # With fair dice one test in a hundred thousand fails here.
    assert min(shares) > 1, shares


def test_each_domain_learns_of_its_own_recipients_alone(site: RelaySite) -> None:
    names = ["mine.test", "yours.test"]
    with ExitStack() as stack:
        hosts = [stack.enter_context(site.host(name, "plain")) for name in names]
        until_done(site, send(site, "a@mine.test", "b@yours.test", "c@mine.test", ADDRESS))
        arrived = [[arrival.recipients for arrival in host.arrivals] for host in hosts]
    assert arrived == [[["a@mine.test", "c@mine.test"]], [["b@yours.test"]]]


def test_a_connection_serves_many_messages(site: RelaySite) -> None:
    with site.host("busy.test", "starttls good keyword") as host:
        for n in range(10):
            until_done(site, send(site, f"user{n}@busy.test"))
        assert len(host.arrivals) == 10
        assert host.sessions == 1


@pytest.mark.requirement("R11", "R12")
def test_requiretls_never_rides_on_a_weaker_connection(site: RelaySite) -> None:
    with site.host("weak.test", "starttls self-signed keyword") as host:
        until_done(site, send(site, "bob@weak.test"))
        required = send(site, "bob@weak.test", words=("require",))
        until_done(site, required)
        [arrival] = host.arrivals
    assert arrival.parameters == []
    assert site.report_about(required).told == ["bob failed 5.7.10"]


@pytest.mark.requirement("R18")
def test_a_message_in_clear_is_no_company_for_others(site: RelaySite) -> None:
    """A connection in clear, made after a failed handshake, is not taken for messages that want TLS."""
    site.records.add("mixed.test", "MX", "10 mx.mixed.test.", status=DnsStatus.SECURE)
    with site.host("mx.mixed.test", "starttls good no-handshake keyword") as host:
        optional = send(site, "bob@mixed.test", words=("optional",))
        until_done(site, optional)
        required = send(site, "bob@mixed.test", words=("require",))
        until_done(site, required)
        assert [arrival.tls for arrival in host.arrivals] == [""]
    assert site.report_about(required).told == ["bob failed 5.7.10"]


@pytest.mark.requirement("R18")
@pytest.mark.parametrize("demand", ["optional", "none"])
def test_an_address_that_nobody_answers_at_keeps_nothing_from_going_in_clear(
    site: RelaySite, demand: str
) -> None:
    name = f"{demand}.lame.test"
    with site.host(name, "starttls no-handshake") as host:
        site.records.add(name, "A", site.place("nobody").address, host.address)
        until_done(site, send(site, f"bob@{name}", words=(demand,)))
    assert [arrival.tls for arrival in host.arrivals] == [""]


@pytest.mark.requirement("R12", "R14", "R15")
def test_each_domain_of_one_message_decides_for_itself(site: RelaySite) -> None:
    offers = {"all.test": "starttls good keyword", "less.test": "starttls good", "none.test": "plain"}
    with ExitStack() as stack:
        hosts = {}
        for name, words in offers.items():
            site.records.add(name, "MX", f"10 mx.{name}.", status=DnsStatus.SECURE)
            hosts[name] = stack.enter_context(site.host(f"mx.{name}", words))
        sent = send(site, *(f"{name.partition('.')[0]}@{name}" for name in offers), words=("require",))
        until_done(site, sent)
        arrived = {name: [each.parameters for each in host.arrivals] for name, host in hosts.items()}
    assert arrived == {"all.test": [["REQUIRETLS"]], "less.test": [], "none.test": []}
    assert sorted(site.report_about(sent).told) == ["less failed 5.7.30", "none failed 5.7.10"]


@pytest.mark.requirement("R12", "R16")
def test_messages_with_different_demands_take_connections_again(site: RelaySite) -> None:
    site.records.add("pooled.test", "MX", "10 mx.pooled.test.", status=DnsStatus.SECURE)
    with site.host("mx.pooled.test", "starttls good keyword") as host:
        for words in ((), ("require",), (), ("require",)):
            until_done(site, send(site, "bob@pooled.test", words=words))
        assert [arrival.parameters for arrival in host.arrivals] == [[], ["REQUIRETLS"], [], ["REQUIRETLS"]]
        assert all(arrival.tls for arrival in host.arrivals)
        # What begins TLS where it is offered is apart from what demands it.
        assert host.sessions == 2


@pytest.mark.requirement("R12", "R16", "R18")
def test_messages_with_different_demands_at_the_same_time(site: RelaySite) -> None:
    demands = ("none", "require", "optional") * 6
    parameters = {"none": [], "require": ["REQUIRETLS"], "optional": []}
    site.records.add("crowd.test", "MX", "10 mx.crowd.test.", status=DnsStatus.SECURE)
    with site.host("mx.crowd.test", "starttls good keyword") as host:
        sent = [send(site, "bob@crowd.test", words=(demand,)) for demand in demands]
        until_done(site, *sent)
        arrivals = list(host.arrivals)
    assert len(arrivals) == len(sent)
    for demand, each in zip(demands, sent, strict=True):
        [arrival] = [arrival for arrival in arrivals if each.message_id in arrival.content]
        assert arrival.parameters == parameters[demand]
        assert arrival.tls


def test_one_dead_host_costs_one_attempt(site: RelaySite) -> None:
    place = site.place("mx.dead.test")
    site.records.add("dead.test", "MX", "10 mx.dead.test.")
    site.records.add(place.name, place.record, place.address)
    messages = []
    for n in range(5):
        messages.append(send(site, f"user{n}@dead.test"))
        site.log.wait_for(event="left-alone" if n else "attempt", queueId=messages[-1].queue_id)
    assert len(site.log.all(event="relay", destination="dead.test")) == 1
    queue = site.queue()
    replies = [queue[sent.queue_id]["recipients"][0]["lastReply"] for sent in messages]
    assert all(reply.startswith("451 4.4.1") for reply in replies)
    assert all("left alone for a while" in reply for reply in replies[1:])


@pytest.mark.interop("ipv6")
def test_a_host_with_an_address_of_ipv6(site: RelaySite) -> None:
    with site.host("six.test", "six starttls good") as host:
        until_done(site, send(site, "bob@six.test"))
        until_done(site, send(site, "bob@[IPv6:::1]"))
        assert [arrival.recipients for arrival in host.arrivals] == [["bob@six.test"], ["bob@[IPv6:::1]"]]
    [line] = site.log.all(event="relay", destination="six.test")
    assert line["address"] == "::1"


@pytest.mark.interop("ipv6")
def test_the_other_family_is_tried_where_one_is_dead(site: RelaySite) -> None:
    place = site.place("both.test")
    site.records.add("both.test", "AAAA", "::1")
    site.records.add("both.test", "A", place.address)
    host: MxHost = site.host_at(place, "plain")
    try:
        until_done(site, send(site, "bob@both.test"))
        assert len(host.arrivals) == 1
    finally:
        host.stop()
