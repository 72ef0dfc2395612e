"""
REQUIRETLS: what a message demands of the hops that carry it.

Theory of the room: REQUIRETLS is a comparison. A message *demands*; a host
*proves*; a connection may carry the message if the proofs cover the demand.
Here is the first half: what the sender said by the MAIL parameter and by the
header field, what policies said on its behalf, and what of all this holds
(:mod:`mailext.requiretls.demand`); and the policy by which an operator says
it for accounts and domains (:mod:`mailext.requiretls.rules`).
"""
