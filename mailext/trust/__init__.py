"""
How a host proves that it may take the mail of a domain.

Theory of the room: there are two questions. Is this host one of the domain's
(:class:`~mailext.values.MxLevel`)? And is the one at the other end of the
connection this host (:class:`~mailext.values.TlsLevel`)? Several standards
answer one or both; each has a file and is an
:class:`~mailext.interfaces.IMXAuthenticator`, which says what it can vouch
for and leaves the rest as nothing. :mod:`mailext.trust.together` asks all of
them and takes the best answer to each question. Whether that is enough for a
message is not decided here.

- :mod:`mailext.trust.dnssec`: the domain's MX records, proved by DNSSEC.
- :mod:`mailext.trust.pkix`: the host's certificate, by a chain to a trusted
  root.
"""
