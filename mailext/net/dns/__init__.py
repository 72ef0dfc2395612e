"""
DNS, by a validating resolver that somebody else runs.

Theory of the room: the protocol is dnspython's; here is what mail adds. A
question goes to the name servers in order, until one has an answer
(:mod:`~mailext.net.dns.exchange`, which blocks and runs in threads of its own;
its sockets are :mod:`~mailext.net.dns.transport`). What an answer means, and
what DNSSEC says of it, is read in one place (:mod:`~mailext.net.dns.answers`):
that a name does not exist is an answer; SERVFAIL, silence and nonsense are
none, and never turn into one. The AD bit counts if the name server is on this
machine or was named as trusted (:mod:`~mailext.net.dns.servers`), for nothing
protects it on the way.
:class:`~mailext.net.dns.resolver.Resolver` keeps answers as long as they may
be kept, and asks once where many want to know the same.
"""

from mailext.net.dns.exchange import NameServers
from mailext.net.dns.resolver import Resolver
from mailext.net.dns.servers import NameServer, name_servers, system_name_servers

__all__ = ["NameServer", "NameServers", "Resolver", "name_servers", "system_name_servers"]
