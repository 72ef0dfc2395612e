"""
SMTP and LMTP as bytes.

Theory of the room: a session is a machine that is fed with what the peer sent
and tells what it means. It has no clock, no disk, no network and no opinion.

- :mod:`~mailext.wire.states` holds everything that the order of commands
  depends on, as a table; the state diagrams of the documentation are drawn
  from it.
- :mod:`~mailext.wire.extensions` is the one table of extensions: the EHLO
  reply, the parser of MAIL and RCPT and the reference page come from it.
- :mod:`~mailext.wire.grammar` says what the arguments of commands may be.
- :mod:`~mailext.wire.body` takes message content apart, in chunks.
- :mod:`~mailext.wire.events` and :mod:`~mailext.wire.replies` are the words
  that pass between a session and its owner.
- :mod:`~mailext.wire.server` is the server's session.
- :mod:`~mailext.wire.client` is the client's, with its own table in
  :mod:`~mailext.wire.client_states`; :mod:`~mailext.wire.client_replies` reads
  replies, :mod:`~mailext.wire.client_commands` makes commands that cannot be
  more than one, and :mod:`~mailext.wire.encoders` makes content ready to send.

The server's session pauses on a question. After an event that asks for a reply,
``next_event()`` gives ``PAUSED`` until ``reply()`` was called, so that the
replies to pipelined commands cannot come out of order however slow an answer
is; and the state changes only then. Where the bytes were cut on their way
makes no difference to any reply.
"""
