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

What the recipient's side publishes does not only help a host to prove itself:
it can bind everybody who sends mail there, so that a host which fails to prove
it gets none. Such standards are an
:class:`~mailext.interfaces.IBindingAuthenticator` too. Proof and demand are
apart: the best proof of each kind counts, and every demand binds.

- :mod:`mailext.trust.dnssec`: the domain's MX records, proved by DNSSEC.
- :mod:`mailext.trust.dane`: the host's certificate, by the TLSA records of the
  host.
- :mod:`mailext.trust.mta_sts`: the domain's policy, which names its hosts.
- :mod:`mailext.trust.pkix`: the host's certificate, by a chain to a trusted
  root.
"""
