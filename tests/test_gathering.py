"""Several Deferreds as one, which fails as one of them does."""

from __future__ import annotations

import gc

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail, succeed

from mailext.gathering import all_of
from tests.support import assert_no_result, failure_result_of, logged, success_result_of


def test_all_results_in_order() -> None:
    last: Deferred[str] = Deferred()
    gathered = all_of([last, succeed("second")])
    assert_no_result(gathered)
    last.callback("first")
    assert success_result_of(gathered) == ["first", "second"]
    assert success_result_of(all_of([])) == []


def test_a_failure_is_as_it_was() -> None:
    assert failure_result_of(all_of([Deferred(), fail(LookupError("which"))])).check(LookupError)


@pytest.mark.parametrize("number", [1, 2])
def test_to_cancel_it_is_to_cancel_them_all(number: int) -> None:
    waited_for: list[Deferred[None]] = [Deferred() for _ in range(number)]
    gathered = all_of(waited_for)
    gathered.cancel()
    assert failure_result_of(gathered).check(CancelledError)
    assert all(each.called for each in waited_for)
    with logged() as events:
        del waited_for, gathered
        gc.collect()
    assert events == []
