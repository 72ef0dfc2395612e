"""Questions that come together are answered together, each for itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import OperationalError
from twisted.internet.defer import gatherResults

from mailext.storage.background import BackgroundTransactions
from mailext.storage.engine import connect
from mailext.storage.errors import StoreClosedError
from tests.support import ThreadCalls, failure_result_of


@pytest.mark.parametrize("number", [1, 8, 30])
def test_each_question_has_its_own_answer(tmp_path: Path, number: int) -> None:
    reactor = ThreadCalls()
    database = connect(tmp_path / "some.sqlite", "FULL")
    transactions = BackgroundTransactions(database, reactor)

    def count(connection: Connection, value: int) -> int | None:
        return connection.scalar(select(text(str(value))))

    def ask_for_nothing(connection: Connection) -> object:
        return connection.scalar(text("SELECT * FROM nowhere"))

    before = [transactions.read(lambda connection, n=n: count(connection, n)) for n in range(number)]
    unanswered = transactions.read(ask_for_nothing)
    behind = [transactions.read(lambda connection, n=n: count(connection, n)) for n in range(number)]
    assert reactor.wait_for(gatherResults(before + behind)) == [*range(number), *range(number)]
    with pytest.raises(OperationalError):
        reactor.wait_for(unanswered)
    reactor.wait_for(transactions.close())
    assert failure_result_of(transactions.read(lambda _: None)).check(StoreClosedError)
    database.dispose()
