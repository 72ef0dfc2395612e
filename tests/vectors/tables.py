"""All tables of vectors, by whom they take for hostile: for the tests of the whole, and the pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.vectors import imap, name_servers, outbound, policies, pop3, servers, table, tlsa, web


@dataclass(frozen=True)
class Table:
    """
    :param peer: who is hostile.
    :param vectors: each with ``id`` and ``source``, and where there are classes
        with ``threat``.
    :param reached: what is run against them.
    """

    peer: str
    vectors: Sequence[object]
    reached: str


TABLES = (
    Table("clients of SMTP and LMTP", table.VECTORS, "the session, and the Twisted protocol with TLS"),
    Table("clients of IMAP", imap.VECTORS, "the Twisted protocol, with mailboxes on a disk"),
    Table("clients of POP3", pop3.VECTORS, "the Twisted protocol, with mailboxes on a disk"),
    Table(
        "servers of SMTP and LMTP",
        servers.VECTORS,
        "the client's session, our sending client, and some the real server that relays",
    ),
    Table("authors of messages that are relayed", outbound.VECTORS, "what is sent behind DATA and BDAT"),
    Table("name servers", name_servers.VECTORS, "the reading of answers, and the routes made of them"),
    Table("name servers, TLSA records", tlsa.VECTORS, "DANE, beside a good record"),
    Table("policy hosts, policies", policies.POLICIES, "the reading of policies"),
    Table("policy hosts, answers", policies.ANSWERS, "our HTTPS client, over TLS"),
    Table("visitors of our web servers", web.VECTORS, "the listeners of metrics and of policies"),
)


def classes(of: Table) -> list[tuple[str, int]]:
    """The classes of a table, and how many vectors each has; one without a name where there are none."""
    counts = Counter(vector.threat.value if hasattr(vector, "threat") else "" for vector in of.vectors)
    return sorted(counts.items())
