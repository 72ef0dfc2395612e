"""
MTA-STS: a domain says by HTTPS which hosts take its mail, and that they have TLS
(RFC 8461).

Theory of the room: a domain publishes two things. A TXT record at
``_mta-sts.DOMAIN`` carries an id and nothing else
(:mod:`~mailext.trust.mta_sts.record`, section 3.1); a text at
``https://mta-sts.DOMAIN/.well-known/mta-sts.txt``, whose server the web's
authorities vouch for, carries the policy
(:mod:`~mailext.trust.mta_sts.policy`, section 3.2): a mode, patterns of host
names, and for how long to remember it. DNS is believed in one respect alone:
that there might be a policy to fetch, and that it might be another one than
that which is known.

So what protects mail is memory. A policy that was fetched once holds until it
expires, whatever becomes of DNS and of the web server in the meantime (sections
3.3, 5.1, 10.2), and it is fetched again long before that
(:mod:`~mailext.trust.mta_sts.refresh`). How a policy is found, kept and
replaced is :mod:`~mailext.trust.mta_sts.policies`; the memory itself and the
fetch are given to it (:mod:`~mailext.trust.mta_sts.means`).

What follows for a host is :mod:`~mailext.trust.mta_sts.authenticator`. A host
whose name the policy covers is one of the domain's, for messages that want
proof (R10, RFC 8689 section 4.2.1) in the mode ``testing`` as in ``enforce``.
In ``enforce`` it binds all mail: a host that is not covered gets none, and one
that is must have a certificate for its name (section 5). Whether it has is
PKIX's to say, and not of this room.

Sections without a name are those of RFC 8461.
"""
