"""Looking names up."""

from __future__ import annotations

from dns.rdata import Rdata
from dns.rdatatype import RdataType
from twisted.internet.defer import Deferred
from zope.interface import Interface

from mailext.values import DnsAnswer, MxRecord, TlsaRecord

__all__ = ["IRememberingResolver", "IResolver"]


class IResolver(Interface):
    """
    Looks names up in DNS.

    Every Deferred fails with :class:`~mailext.values.DnsError` alone, and that
    means: ask again later. That there is no such name, or no such record, is
    an answer like any other.
    """

    def lookup(name: str, rdtype: RdataType) -> Deferred[DnsAnswer[Rdata]]:
        """
        Look up the records of one type; CNAME records are followed.

        :param name: a domain name, in A-labels; it is taken as it stands, no
            search list completes it.
        :param rdtype: the type of the records.
        :return: a Deferred of a :class:`~mailext.values.DnsAnswer`.
        """

    def mx(domain: str) -> Deferred[DnsAnswer[MxRecord]]:
        """
        Look up the MX records of a domain.

        :return: a Deferred of a :class:`~mailext.values.DnsAnswer` of
            :class:`~mailext.values.MxRecord`, in no particular order.
        """

    def addresses(host: str) -> Deferred[DnsAnswer[str]]:
        """
        Look up the IP addresses of a host, by AAAA and A records. If one of
        the two look-ups fails, the addresses that the other one found do.

        :return: a Deferred of a :class:`~mailext.values.DnsAnswer` of IPv6
            addresses and, after them, IPv4 addresses.
        """

    def tlsa(host: str, port: int) -> Deferred[DnsAnswer[TlsaRecord]]:
        """
        Look up the TLSA records of a service over TCP (RFC 6698 section 3).

        :param host: the TLSA base domain.
        :return: a Deferred of a :class:`~mailext.values.DnsAnswer` of
            :class:`~mailext.values.TlsaRecord`.
        """


class IRememberingResolver(IResolver):
    """An add-on for a resolver that answers from memory where it can."""

    def forget(name: str, rdtype: RdataType) -> None:
        """
        Let the next look-up of that name and type ask anew.

        :param name: a domain name, in A-labels.
        :param rdtype: the type of the records.
        """
