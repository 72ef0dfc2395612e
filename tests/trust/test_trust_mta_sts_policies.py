"""The life of an MTA-STS policy: found, remembered over failures and restarts, replaced, forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from twisted.internet.defer import CancelledError, Deferred

from mailext.testing.dns import DnsFault
from mailext.trust.mta_sts.fetching import PolicyFetcher
from mailext.trust.mta_sts.policies import StsFinding
from mailext.trust.mta_sts.policy import StsMode, StsPolicy
from mailext.values import DnsError, TlsFailure, TlsResultType
from tests.support import assert_no_result, failure_result_of, logged, success_result_of
from tests.trust.sts_world import DAY, DOMAIN, ENFORCE, NONE, TESTING, StsWorld, unreachable


@pytest.fixture
def world(tmp_path: Path) -> Iterator[StsWorld]:
    made = StsWorld(tmp_path / "state")
    yield made
    made.close()


class TestFinding:
    def test_a_policy_is_fetched_once(self, world: StsWorld) -> None:
        world.publish(ENFORCE)
        for _ in range(3):
            assert world.found() == StsFinding(DOMAIN, ENFORCE)
        assert world.fetched == [DOMAIN]

    def test_no_record_is_no_policy(self, world: StsWorld) -> None:
        assert world.found() is None
        world.publish(ENFORCE, record="v=STSv1;")
        assert world.found() is None
        assert world.fetched == []

    def test_the_record_may_be_an_alias_and_in_parts(self, world: StsWorld) -> None:
        world.records.add("_mta-sts.example.com", "CNAME", "_mta-sts.provider.example.")
        world.records.add("_mta-sts.provider.example", "TXT", '"v=STS" "v1; id=a"', '"unlike"')
        world.answers[DOMAIN] = ENFORCE
        assert world.policy() == ENFORCE

    def test_the_parent_domain_is_not_asked(self, world: StsWorld) -> None:
        world.publish(ENFORCE)
        assert world.found("mail.example.com") is None

    def test_a_new_id_brings_the_new_policy(self, world: StsWorld) -> None:
        world.publish(ENFORCE)
        world.found()
        world.publish(TESTING)
        assert world.policy() == TESTING
        assert world.fetched == [DOMAIN, DOMAIN]

    def test_a_policy_of_mode_none_takes_its_place(self, world: StsWorld) -> None:
        world.publish(ENFORCE)
        world.found()
        world.publish(NONE)
        assert world.policy() == NONE
        world.publish(None)
        world.clock.advance(DAY)
        assert world.found() is None

    @pytest.mark.parametrize("fault", DnsFault)
    def test_dns_that_does_not_answer_leaves_it_open(self, world: StsWorld, fault: DnsFault) -> None:
        world.records.fail("_mta-sts.example.com", "TXT", fault)
        found = world.found()
        assert found is not None
        assert (found.policy, found.failure) == (None, None)
        assert found.unknown == f"the TXT record of MTA-STS cannot be looked up: {fault.value}"

    @pytest.mark.parametrize("temporary", [True, False])
    def test_a_policy_that_cannot_be_had(self, world: StsWorld, temporary: bool) -> None:
        world.publish(ENFORCE)
        world.answers[DOMAIN] = error = unreachable(temporary=temporary)
        assert world.found() == StsFinding(DOMAIN, None, error.failure, "nobody there" if temporary else "")

    def test_a_policy_that_makes_no_sense(self, world: StsWorld) -> None:
        world.publish(ENFORCE)
        world.answers[DOMAIN] = b"<html>"
        reason = "the MTA-STS policy makes no sense: not a field: '<html>'"
        assert world.found() == StsFinding(
            DOMAIN, None, TlsFailure(TlsResultType.STS_POLICY_INVALID, reason), ""
        )


class TestMemory:
    """RFC 8461 sections 3.3 and 5.1: what is remembered holds until it expires."""

    @pytest.fixture(autouse=True)
    def _is_known(self, world: StsWorld) -> None:
        world.publish(ENFORCE)
        world.found()
        world.fetched.clear()

    def test_over_a_restart(self, world: StsWorld) -> None:
        world.restart()
        world.clock.advance(7 * DAY - 1)
        assert world.policy() == ENFORCE
        assert world.fetched == []

    def test_until_it_expires(self, world: StsWorld) -> None:
        world.publish(None)
        world.clock.advance(7 * DAY)
        assert world.found() is None

    def test_after_which_it_is_fetched_again(self, world: StsWorld) -> None:
        world.clock.advance(7 * DAY)
        assert world.policy() == ENFORCE
        assert world.fetched == [DOMAIN]

    def test_without_its_record(self, world: StsWorld) -> None:
        world.publish(None)
        assert world.found() == StsFinding(
            DOMAIN, ENFORCE, TlsFailure(TlsResultType.STS_POLICY_FETCH_ERROR, "no TXT record of MTA-STS")
        )

    @pytest.mark.parametrize("fault", DnsFault)
    def test_without_dns(self, world: StsWorld, fault: DnsFault) -> None:
        world.records.fail("_mta-sts.example.com", "TXT", fault)
        world.restart()
        found = world.found()
        assert found is not None
        assert (found.policy, found.unknown) == (ENFORCE, "")
        assert found.failure is not None
        assert found.failure.type is TlsResultType.STS_POLICY_FETCH_ERROR

    @pytest.mark.parametrize("answer", [b"", b"version: STSv1", unreachable()])
    def test_without_its_successor(self, world: StsWorld, answer: bytes | Exception) -> None:
        world.publish(TESTING)
        world.answers[DOMAIN] = answer
        found = world.found()
        assert found is not None
        assert (found.policy, found.unknown) == (ENFORCE, "")
        assert found.failure is not None


class TestRestraint:
    """RFC 8461 section 3.3: policy hosts are not overrun."""

    def test_one_fetch_for_all_who_wait(self, world: StsWorld) -> None:
        world.publish(ENFORCE)
        world.answers[DOMAIN] = fetching = Deferred()
        asked = [world.policies.find(DOMAIN) for _ in range(3)]
        asked[1].cancel()
        assert failure_result_of(asked[1]).check(CancelledError)
        assert_no_result(asked[0])
        fetching.callback(ENFORCE.text)
        assert success_result_of(asked[0]) == success_result_of(asked[2]) == StsFinding(DOMAIN, ENFORCE)
        assert world.fetched == [DOMAIN]

    def test_all_who_wait_are_told_of_a_failure(self, world: StsWorld) -> None:
        world.publish(ENFORCE)
        world.answers[DOMAIN] = fetching = Deferred()
        asked = [world.policies.find(DOMAIN) for _ in range(2)]
        fetching.errback(error := unreachable())
        for each in asked:
            assert success_result_of(each) == StsFinding(DOMAIN, None, error.failure, "nobody there")

    def test_a_host_that_failed_is_left_alone_for_five_minutes(self, world: StsWorld) -> None:
        world.publish(ENFORCE)
        world.answers[DOMAIN] = error = unreachable()
        for _ in range(5):
            found = world.found()
            assert found is not None
            assert found.failure == error.failure
            world.clock.advance(299 / 5)
        assert world.fetched == [DOMAIN]
        world.clock.advance(1.1)
        world.answers[DOMAIN] = ENFORCE
        assert world.policy() == ENFORCE

    def test_but_not_if_there_is_another_id(self, world: StsWorld) -> None:
        world.publish(ENFORCE)
        world.answers[DOMAIN] = unreachable()
        world.found()
        world.publish(TESTING)
        assert world.policy() == TESTING

    def test_one_domain_does_not_stand_for_another(self, world: StsWorld) -> None:
        world.publish(ENFORCE)
        world.publish(TESTING, "example.net")
        world.answers[DOMAIN] = unreachable()
        assert world.policy() is None
        assert world.policy("example.net") == TESTING

    def test_only_so_many_failures_are_remembered(self, world: StsWorld) -> None:
        world.answers[DOMAIN] = unreachable()
        fetched = PolicyFetcher(world.fetch, world.store.sts_policies, world.clock).fetch
        for number in range(10_001):
            failure_result_of(fetched(DOMAIN, str(number), 0.0))
        for number in (10_000, 1, 0):
            failure_result_of(fetched(DOMAIN, str(number), 0.0))
        assert len(world.fetched) == 10_002


class TestRenewal:
    """RFC 8461 section 5: before mail is returned, the id is asked for afresh."""

    def test_nothing_new(self, world: StsWorld) -> None:
        world.publish(ENFORCE)
        world.found()
        assert not success_result_of(world.policies.renew(DOMAIN))
        assert world.resolver.forgotten == [("_mta-sts.example.com", "TXT")]
        assert world.fetched == [DOMAIN]

    def test_another_policy(self, world: StsWorld) -> None:
        world.publish(ENFORCE)
        world.found()
        world.publish(TESTING)
        assert success_result_of(world.policies.renew(DOMAIN))
        assert world.policy() == TESTING

    def test_the_first_policy(self, world: StsWorld) -> None:
        assert not success_result_of(world.policies.renew(DOMAIN))
        world.publish(ENFORCE)
        assert success_result_of(world.policies.renew(DOMAIN))

    def test_another_id_of_the_same_policy(self, world: StsWorld) -> None:
        world.publish(ENFORCE)
        world.found()
        world.publish(ENFORCE, record="v=STSv1; id=other")
        assert not success_result_of(world.policies.renew(DOMAIN))

    def test_dns_that_does_not_answer(self, world: StsWorld) -> None:
        world.publish(ENFORCE)
        world.found()
        world.records.fail("_mta-sts.example.com", "TXT", DnsFault.TIMEOUT)
        assert failure_result_of(world.policies.renew(DOMAIN)).check(DnsError)


class TestRefresh:
    """RFC 8461 sections 3.3 and 10.2: policies are fetched again before they expire."""

    @pytest.fixture(autouse=True)
    def _is_known(self, world: StsWorld) -> Iterator[None]:
        world.publish(ENFORCE)
        world.found()
        world.fetched.clear()
        world.refresh.startService()
        yield
        assert success_result_of(world.refresh.stopService()) is None
        assert world.clock.getDelayedCalls() == []

    def hours(self, world: StsWorld, count: int) -> None:
        world.clock.pump([3600.0] * count)

    def test_once_a_day(self, world: StsWorld) -> None:
        self.hours(world, 23)
        assert world.fetched == []
        self.hours(world, 1)
        assert world.fetched == [DOMAIN]
        self.hours(world, 7 * 24)
        assert len(world.fetched) == 8
        world.publish(None)
        assert world.policy() == ENFORCE

    def test_whatever_becomes_of_the_record(self, world: StsWorld) -> None:
        world.publish(None)
        self.hours(world, 8 * 24)
        assert world.policy() == ENFORCE
        world.records.fail("_mta-sts.example.com", "TXT", DnsFault.TIMEOUT)
        self.hours(world, 8 * 24)
        assert world.policy() == ENFORCE

    def test_a_new_policy_is_learned(self, world: StsWorld) -> None:
        world.publish(TESTING)
        self.hours(world, 25)
        world.records.fail("_mta-sts.example.com", "TXT", DnsFault.TIMEOUT)
        assert world.policy() == TESTING

    def test_long_before_a_short_life_ends(self, world: StsWorld) -> None:
        short = replace(ENFORCE, max_age=3600)
        world.publish(short)
        world.found()
        world.fetched.clear()
        world.clock.pump([300.0] * 36)
        assert len(world.fetched) == 6

    def test_a_failure_is_told_and_tried_again_every_hour(self, world: StsWorld) -> None:
        world.answers[DOMAIN] = unreachable()
        with logged() as events:
            self.hours(world, 26)
        warnings = [event for event in events if event.get("event") == "mta-sts"]
        assert len(world.fetched) == len(warnings) == 3
        assert warnings[0]["domain"] == DOMAIN
        assert warnings[0]["reason"] == "nobody there"
        assert warnings[0]["expiresIn"] == 6 * DAY
        assert warnings[0]["log_level"].name == "warn"
        assert world.policy() == ENFORCE

    def test_nobody_is_told_that_mode_none_went_away(self, world: StsWorld) -> None:
        world.publish(StsPolicy(StsMode.NONE, 7 * DAY))
        world.found()
        world.answers[DOMAIN] = unreachable()
        with logged() as events:
            self.hours(world, 24)
        assert world.fetched[1:] == [DOMAIN]
        assert [event for event in events if event.get("event") == "mta-sts"] == []

    def test_what_is_not_used_is_forgotten(self, world: StsWorld) -> None:
        self.hours(world, 38 * 24)
        assert len(world.fetched) == 30
        assert success_result_of(world.store.sts_policies.find(DOMAIN)) is None

    def test_what_is_used_is_not(self, world: StsWorld) -> None:
        for _ in range(4):
            self.hours(world, 20 * 24)
            assert world.policy() == ENFORCE
        assert len(world.fetched) == 80

    def test_a_round_that_takes_long_is_not_overtaken(self, world: StsWorld) -> None:
        world.answers[DOMAIN] = Deferred()
        self.hours(world, 26)
        assert world.fetched == [DOMAIN]

    def test_trouble_with_the_store_is_not_the_end(
        self, world: StsWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> None:
            raise OSError("no disk")

        with logged() as events, monkeypatch.context() as patch:
            patch.setattr(world.store.sts_policies, "due", broken)
            self.hours(world, 25)
        assert any("MTA-STS policies cannot be refreshed" in (event["log_format"] or "") for event in events)
        self.hours(world, 1)
        assert world.fetched == [DOMAIN]
