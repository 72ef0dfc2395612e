"""
Mail for other hosts.

Theory of the room: the recipients of one destination domain are a delivery of
their own (:class:`~mailext.delivery.relay.target.RelayTarget`). The hosts of
the domain's route are tried in their order, in as many passes as the demand of
the message allows for; each host is one attempt
(:mod:`mailext.delivery.relay.host`): connect, judge what the connection has
proved, compare that with what is required, and only then name the message. The
first host that wants the content gets it, as it is read
(:mod:`mailext.delivery.relay.stream`), no faster than it takes it; what it says
is the outcome (:mod:`mailext.delivery.relay.delivery`).

A host that says no for good has spoken for its domain. A host that says no for
now, or cannot be reached, or falls short, leaves the message to the next one;
what all of them together mean is not decided here
(:mod:`mailext.requiretls.failures`).

Which recipients of a message are remote at all is the business of
:mod:`mailext.delivery.relay.dispatch`, for the queue.
"""

from mailext.delivery.relay.dispatch import RemoteDispatch
from mailext.delivery.relay.means import RelayMeans
from mailext.delivery.relay.target import RelayTarget

__all__ = ["RelayMeans", "RelayTarget", "RemoteDispatch"]
