"""The watch on a real server."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.black_box import ADDRESS, RunningServer, free_ports

_LETTER = "From: a@client.example\r\nSubject: hello\r\n\r\nbody\r\n"


class Watched:
    """
    :param server: has a listener ``metrics``.
    :param port: where that listens.
    """

    def __init__(self, server: RunningServer, port: int) -> None:
        self.server = server
        self._port = port

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def figures(self) -> dict[tuple[str, ...], float]:
        status, text = self.get("/metrics")
        assert status == 200
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    server = RunningServer.initialised(tmp_path / "site")
    taken = {server.submission, server.submissions, server.mx}
    port = next(each for each in free_ports(4) if each not in taken)
    server.reconfigure(
        lambda text: text.replace("[listen]", f'[listen]\nmetrics = ["tcp:{port}:interface=127.0.0.1"]')
    )
    server.start()
    yield Watched(server, port)
    server.stop()


def test_a_message_and_a_refusal_are_counted(watched: Watched) -> None:
    server = watched.server
    with server.logged_in() as client:
        client.sendmail(ADDRESS, [ADDRESS], _LETTER)
        assert client.docmd("FOO")[0] == 500
        assert watched.figures()["mailext_connections_open", "submission"] == 1
    server.wait_for_messages()
    figures = watched.figures()
    assert figures["mailext_messages_accepted_total",] == 1
    assert figures["mailext_accepted_octets_total",] > len(_LETTER)
    assert figures["mailext_attempts_total", "delivered"] == 1
    assert figures["mailext_refusals_total", "500", "submission", "5.5.1"] == 1
    assert figures["mailext_logins_total", "submission", "success"] == 1
    assert figures["mailext_connections_total", "submission"] >= 1
    assert figures["mailext_store_answers",] == 1
    assert figures["mailext_queue_messages",] == 0
    assert figures["mailext_queue_oldest_seconds",] == 0
    assert figures["mailext_state_free_octets",] > 0
    [expiry] = [value for key, value in figures.items() if key[0] == "mailext_certificate_expiry_seconds"]
    assert expiry > 1_700_000_000
    assert figures["process_open_fds",] > 0


def test_alive_and_ready(watched: Watched) -> None:
    assert watched.get("/healthz") == (200, "alive\n")
    assert watched.get("/readyz") == (200, "ready\n")
    assert watched.get("/nothing")[0] == 404


def test_not_ready_while_the_store_takes_no_change(watched: Watched) -> None:
    """The round trip is a real one: somebody who holds the database's lock bars it."""
    database = watched.server.folder / "state/mailext.sqlite"
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        status, text = watched.get("/readyz")
        assert (status, text) == (503, "the store does not take a change: see the log\n")
        assert watched.get("/healthz") == (200, "alive\n")
        other.execute("ROLLBACK")
    assert watched.get("/readyz") == (200, "ready\n")
