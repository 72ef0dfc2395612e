"""Questions to name servers, over UDP and TCP. Everything here blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import dns.message
from dns.exception import DNSException, Timeout
from dns.flags import AD
from dns.name import Name
from dns.rdatatype import RdataType

from mailext.lookups import weakest
from mailext.net.dns.answers import Referral, TimedAnswer, read
from mailext.net.dns.servers import NameServer
from mailext.net.dns.transport import exchange
from mailext.values import DnsError, DnsStatus

__all__ = ["NameServers"]

# https://www.dnsflagday.net/2020/: what passes every path in one piece.
_UDP_PAYLOAD = 1232

#: How many times CNAME records may lead out of a response.
_REFERRALS = 8


class NameServers:
    """
    Asks name servers, in order, until one has an answer.

    :param servers: at least one.
    :param timeout: how long one of them is waited for, in seconds.
    :param rounds: how often all of them are asked.
    """

    def __init__(self, servers: Sequence[NameServer], *, timeout: float = 3.0, rounds: int = 2) -> None:
        self._servers = tuple(servers)
        self._timeout = timeout
        self._rounds = rounds

    def ask(self, name: Name, rdtype: RdataType) -> TimedAnswer:
        """
        :raise DnsError: if none of them has an answer.
        """
        status = DnsStatus.SECURE
        ttl: int | None = None
        for _ in range(_REFERRALS):
            found = self._ask_all(name, rdtype)
            ttl = found.ttl if ttl is None else min(ttl, found.ttl)
            if isinstance(found, TimedAnswer):
                answer = replace(found.answer, status=weakest((status, found.answer.status)))
                return TimedAnswer(answer, ttl)
            status = weakest((status, found.status))
            name = found.name
        raise DnsError("the CNAME records have no end")

    def _ask_all(self, name: Name, rdtype: RdataType) -> TimedAnswer | Referral:
        failure = DnsError("there is no name server to ask")
        for _ in range(self._rounds):
            for server in self._servers:
                try:
                    return read(self._ask_one(server, name, rdtype), trusted=server.trusted)
                except DnsError as error:
                    if error.status is DnsStatus.BOGUS:
                        # Another server might not validate, and give it away.
                        raise
                    failure = error
        raise failure

    def _ask_one(self, server: NameServer, name: Name, rdtype: RdataType) -> dns.message.Message:
        # Made anew for each server: the id is never used twice. The port is
        # the system's choice, another one for each socket.
        query = dns.message.make_query(name, rdtype, use_edns=0, want_dnssec=True, payload=_UDP_PAYLOAD)
        query.flags |= AD
        try:
            return exchange(query, server, self._timeout)
        except (Timeout, TimeoutError) as error:
            raise DnsError(f"{server.address} does not answer") from error
        except (DNSException, OSError, EOFError, ValueError) as error:
            raise DnsError(f"{server.address}: {str(error) or type(error).__name__}") from error
