"""The JSON form of ``mailext queue``."""

from __future__ import annotations

import json
from dataclasses import replace

from mailext.control.as_json import entry_as_json, shown_as_json
from mailext.message.headers import HeaderSection
from mailext.values import TlsDemand
from tests.queue_samples import ANN, entry_of, envelope_to, with_demand

ENTRY = replace(
    entry_of("0a", with_demand(envelope_to(ANN), TlsDemand.REQUIRE), size=12),
    arrived=1700000000.25,
    next_attempt=1700000300.0,
)


def test_an_entry() -> None:
    assert json.loads(json.dumps(entry_as_json(ENTRY))) == {
        "id": "0a",
        "reversePath": "carol@example.net",
        "size": 12,
        "arrived": "2023-11-14T22:13:20Z",
        "nextAttempt": "2023-11-14T22:18:20Z",
        "requiretls": "require",
        "hold": False,
        "recipients": [{"address": "ann@example.org", "state": "queued", "attempts": 0, "lastReply": ""}],
    }


def test_the_null_reverse_path_is_empty() -> None:
    entry = replace(ENTRY, envelope=envelope_to(ANN, sender=None))
    assert entry_as_json(entry)["reversePath"] == ""
    assert entry_as_json(entry)["requiretls"] == "none"


def test_headers_are_unfolded_and_in_order() -> None:
    headers, _ = HeaderSection.parse(b"Received: one\r\n two\r\nSubject:\xff x\r\n\r\n")
    assert shown_as_json(ENTRY, headers)["headers"] == [
        {"name": "Received", "value": "one two"},
        {"name": "Subject", "value": "\N{REPLACEMENT CHARACTER} x"},
    ]
