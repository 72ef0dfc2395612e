"""One server for many scenarios: their domains keep them apart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.relay.scenario import operator_settings
from tests.relay.scenarios import TABLES
from tests.relay.site import PATIENT, RelaySite


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelaySite]:
    """A server that makes one attempt of each message, and then is patient."""
    made = RelaySite(
        tmp_path_factory.mktemp("relay") / "site",
        relay=PATIENT,
        destinations=operator_settings(TABLES),
        aliases='"away@example.org" = ["Away.User@forwarded.test"]\n'
        '"team@example.org" = ["ann@example.org", "team@forwarded.test"]\n',
    )
    made.start()
    yield made
    made.stop()
