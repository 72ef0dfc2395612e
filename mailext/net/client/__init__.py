"""
The client of SMTP and LMTP.

Theory of the room: :class:`~mailext.net.client.protocol.MailClient` moves
octets between a transport and the pure session of :mod:`mailext.wire.client`,
keeps its time, and gives a Deferred for each thing it is asked to do.
:mod:`~mailext.net.client.opening` says what is done before a message can be
sent: EHLO, STARTTLS, EHLO, CLIENTID, AUTH. A
:class:`~mailext.net.client.connector.Connector` makes connections that are
open in this sense; a :class:`~mailext.net.client.pool.ConnectionPool` keeps
them for other messages that they satisfy.

What a host proved is recorded and handed on; whether it is enough is judged by
others, save where a password is at stake.
"""
