"""A state directory of the first version, with messages in its queue, opened by this one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mailext.storage.engine import DATABASE_NAME
from mailext.storage.store import Store, open_store
from mailext.values import Mailbox, MailOptions, Notify, RecipientState, TlsDemand
from tests.queue_samples import ANN, BOB, CAROL, CONTENT
from tests.support import ThreadCalls

# What the revision 0001 made and its program wrote; it is never made anew.
_FIRST = Path(__file__).with_name("schema_0001.sql")
_LARGE = b"Subject: large\r\n\r\n" + b"x" * 70000


@pytest.fixture
def upgraded(state: Path, reactor: ThreadCalls) -> Iterator[Store]:
    (state / "content/Q2").mkdir(parents=True)
    state.chmod(0o700)
    (state / "content/Q2/Q2").write_bytes(_LARGE)
    with closing(sqlite3.connect(state / DATABASE_NAME)) as first:
        first.executescript(_FIRST.read_text("ascii"))
    store = open_store(state, reactor)
    yield store
    reactor.wait_for(store.close())


def test_messages_of_the_first_schema_are_delivered(upgraded: Store, reactor: ThreadCalls) -> None:
    claimed = {entry.id: entry for entry in reactor.wait_for(upgraded.queue.claimDue(2000.0, 5000.0, 10))}
    # One is on hold; the lease of a program that is no more was given back.
    assert claimed.keys() == {"Q1", "Q2"}
    contents = {
        queue_id: b"".join(reactor.wait_for(upgraded.queue.readContent(entry)))
        for queue_id, entry in claimed.items()
    }
    assert contents == {"Q1": CONTENT, "Q2": _LARGE}


def test_nothing_about_a_message_is_lost(upgraded: Store, reactor: ThreadCalls) -> None:
    first, second, held = reactor.wait_for(upgraded.queue_admin.entries())
    assert (held.id, held.hold) == ("Q3", True)
    assert second.envelope.reverse_path is None
    assert first.envelope.reverse_path == CAROL
    assert first.envelope.tls_demand is TlsDemand.REQUIRE
    assert isinstance(first.envelope.options, MailOptions)
    assert (first.envelope.options.envid, first.envelope.options.requiretls) == ("env1", True)
    assert first.clientid == "0123456789abcdef"
    ann, bob = first.recipients
    assert (ann.recipient.address, ann.state, ann.attempts) == (ANN, RecipientState.QUEUED, 2)
    assert ann.recipient.original == Mailbox("info", "example.org")
    assert ann.recipient.options.notify == {Notify.FAILURE, Notify.DELAY}
    assert ann.reported == frozenset()
    # It has waited for its time in the message's row: now it is due with that.
    assert ann.next_attempt <= first.next_attempt
    assert (bob.recipient.address, bob.state) == (BOB, RecipientState.DELIVERED)


def test_accounts_are_those_of_before(upgraded: Store, reactor: ThreadCalls, state: Path) -> None:
    with closing(sqlite3.connect(state / DATABASE_NAME)) as connection:
        accounts = connection.execute("SELECT address, password_hash FROM account").fetchall()
        identities = connection.execute("SELECT account, hash, type, label, count FROM identity").fetchall()
    assert accounts == [("ann@example.org", "$argon2id$an old hash")]
    assert identities == [("ann@example.org", "00112233445566778899aabbccddeeff", "UUID", "phone", 3)]
