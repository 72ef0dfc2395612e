"""The keyword DSN at the Twisted class (RFC 3461)."""

from __future__ import annotations

import pytest

from tests.net.client import codes, keywords
from tests.net.site import EHLO, MAIL, AwareDelivery, serve


@pytest.mark.parametrize("offered", [True, False])
def test_dsn_is_offered_where_it_was_switched_on_and_its_parameters_are_always_taken(offered: bool) -> None:
    client = serve(AwareDelivery(), dsn=offered).connect()
    (_, ehlo) = client.say(EHLO)
    assert keywords(ehlo).get("DSN") == ("" if offered else None)
    assert codes(client.say(MAIL + b" RET=HDRS ENVID=1")) == ["250"]
