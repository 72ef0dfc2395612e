"""
The Twisted side of SMTP and LMTP: where a session meets a connection.

Theory of the room: :class:`~mailext.net.esmtp.ESMTP` moves octets between a
transport and the pure session of :mod:`mailext.wire`, and answers each of the
session's questions:

- about a message by :class:`~mailext.net.transaction.Transaction`, which asks
  the delivery policies and calls the site's own delivery object;
- about a login by :class:`~mailext.net.authentication.Authentication`, which
  speaks SASL and leaves the judgement to :mod:`mailext.clientid.login`;
- about TLS by :mod:`mailext.net.tls`, the one seam behind which TLS stands.

An answer known at once is given at once; a Deferred is made only where
somebody is really waited for. What the client sent meanwhile stays unread.

:class:`~mailext.net.esmtp.ESMTP` and :class:`~mailext.net.factory.SMTPFactory`
stand in where those of :mod:`twisted.mail.smtp` stood.

The other side of a connection is :mod:`mailext.net.client`.
"""
