"""Other hosts for the tests of the relay."""

from __future__ import annotations

import pytest

from tests.delivery.relay_site import HostPki, RelaySite, host_pki


@pytest.fixture(scope="session")
def hosts_pki(tmp_path_factory: pytest.TempPathFactory) -> HostPki:
    return host_pki(tmp_path_factory.mktemp("hosts"))


@pytest.fixture
def site(hosts_pki: HostPki) -> RelaySite:
    return RelaySite(hosts_pki)
