"""
Where messages go: the server's own delivery objects, and mailboxes.

Theory of the room: a realm (:mod:`mailext.delivery.realm`) gives each session
a factory, and the factory gives each transaction a delivery object
(:mod:`mailext.delivery.reception`). It answers for senders and recipients from
the address book, expands aliases (:mod:`mailext.delivery.expansion`), and hands
the message on to a delivery target: the queue. It is the queue that later
delivers to the next target, so a message is on stable storage before anybody
says 250, and a full mailbox disk is the queue's concern and not the client's.
For our own addresses (:mod:`mailext.delivery.local`) that is a Maildir
(:mod:`mailext.delivery.maildir`), the mailboxes of a program that speaks LMTP
(:mod:`mailext.delivery.lmtp`), or a program that reads the message itself
(:mod:`mailext.delivery.program`).

Recipients of other servers go to their hosts (:mod:`mailext.delivery.relay`).

A message submitted by an account is completed; a message from elsewhere is
not touched but for its trace fields.
"""
