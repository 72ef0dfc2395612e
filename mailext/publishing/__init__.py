"""
What our own domains are to publish, so that others can send to them safely.

Theory of the room: a sender can be sure of a host of ours only by what its
domain says of itself, in DNS and by HTTPS: the hosts that take its mail, the
keys that they show (TLSA, RFC 7672), that they have TLS and by which names
(MTA-STS, RFC 8461), and where to complain if they do not (TLSRPT, RFC 8460).
What there is to say follows from the configuration and the certificates
(:mod:`mailext.publishing.wanted`). What is said is looked up as any sender
would (:mod:`mailext.publishing.survey`); what is missing or wrong is told, and
nothing is changed, for DNS is not ours to write. The policy of MTA-STS is: we
are its web server (:mod:`mailext.publishing.policy_web`).
"""
