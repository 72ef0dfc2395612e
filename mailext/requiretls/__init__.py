"""
REQUIRETLS: what a message demands of the hops that carry it.

Theory of the room: REQUIRETLS is a comparison. A message *demands*; a host
*proves*; a connection may carry the message if the proofs cover the demand.

- What a message demands is settled from what the sender said by the MAIL
  parameter and by the header field, and from what policies said on its behalf
  (:mod:`mailext.requiretls.demand`), one of which is built in: an operator
  says it for accounts and domains (:mod:`mailext.requiretls.rules`).
- What follows for the hosts of a route, and the comparison itself, is one
  place (:mod:`mailext.requiretls.path`); who may prove what, and how, is not
  known here.
- What it means for the message that no host would do
  (:mod:`mailext.requiretls.failures`).
"""
