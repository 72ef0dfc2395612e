"""The hostile vectors of the wire against the Twisted class, with TLS where they have it."""

from __future__ import annotations

import pytest
from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.mail.smtp import SMTPBadRcpt, User

from mailext.accounts.sasl import LoginMechanism, PlainMechanism
from mailext.values import Protocol
from tests.net.client import Client
from tests.net.conftest import Pki
from tests.net.site import Realm, Server, TargetSite, serve
from tests.vectors.model import ACCOUNT, DOMAIN, LIMITS, PASSWORD, RECIPIENTS, Listener, Vector
from tests.vectors.table import VECTORS

_MECHANISMS = {b"PLAIN": PlainMechanism, b"LOGIN": LoginMechanism}


def judge(user: User) -> object:
    """Take the recipients of the vectors' site."""
    local_part, domain = user.dest.local.decode("utf-8"), user.dest.domain.decode("utf-8")
    if local_part.lower() == "postmaster":
        return None
    if domain.lower() != DOMAIN:
        raise SMTPBadRcpt(user, 550, "5.7.1 Relaying denied")
    if local_part.partition("+")[0].lower() not in RECIPIENTS:
        raise SMTPBadRcpt(user, 550, "5.1.1 No such mailbox")
    return None


def server_of(vector: Vector, site: TargetSite, pki: Pki) -> Server:
    passwords = InMemoryUsernamePasswordDatabaseDontUse()
    passwords.addUser(ACCOUNT, PASSWORD)
    portal = Portal(Realm(site), [AllowAnonymousAccess(), passwords])
    if vector.listener is Listener.LMTP:
        return serve(
            portal=portal, protocol=Protocol.LMTP, challengers={}, clientid_enabled=False, limits=LIMITS
        )
    return serve(portal=portal, context=pki.client(), tls=pki.server, challengers=_MECHANISMS, limits=LIMITS)


def told(server: Server, client: Client, flight: bytes) -> list[str]:
    """The last lines of the replies to a flight, failed logins included."""
    client.send(flight)
    for _ in range(LIMITS.auth_failures + 1):
        server.advance(1.0)
    return [reply.splitlines()[-1] for reply in client.replies()]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)
def test_a_vector_is_answered_as_it_must_be(vector: Vector, pki: Pki) -> None:
    site = TargetSite(recipient=judge)
    server = server_of(vector, site, pki)
    client = server.connect_tls() if vector.listener is Listener.TLS else server.connect()
    client.replies()
    replies: list[str] = []
    for flight in vector.flights:
        if replies and client.tls is None:
            client.begin_tls(pki.client())
        replies += told(server, client, flight)
    assert len(replies) == len(vector.replies), replies
    for reply, expected in zip(replies, vector.replies, strict=True):
        assert reply.startswith(expected), replies
    committed = [delivery for delivery in site.deliveries if delivery.ends == ["commit"]]
    assert len(committed) == len(vector.messages)
    for delivery, message in zip(committed, vector.messages, strict=True):
        stored = delivery.headers + delivery.body
        assert stored.endswith(message)
        assert stored.count(b"\n") == stored.count(b"\r\n") == stored.count(b"\r")
    assert client.closed == replies[-1].startswith(("221", "421"))
