"""
Where mail for a domain goes (RFC 5321 section 5.1).

Theory of the room: a domain becomes a :class:`~mailext.values.Route`, a list
of hosts in the order to try, by one of four ways: the operator named a next
hop for the domain; or a smarthost for all of them; or the domain is an address
literal; or DNS says it, by MX records and, where there are none, by the
addresses of the domain itself. What was configured is looked up by address
alone, and needs no proof that it is the domain's.

Hosts are tried by preference, those of equal preference in random order; and
none that is not nearer to the recipient than this server itself, or mail would
go in circles. What DNS denies is final. What DNS cannot tell, or proves to be
forged, is asked again later: it is never taken for a denial.
"""

from mailext.routing.router import Router
from mailext.routing.settings import ConfiguredHost, DestinationSettings, RoutingSettings, configured_host

__all__ = ["ConfiguredHost", "DestinationSettings", "Router", "RoutingSettings", "configured_host"]
