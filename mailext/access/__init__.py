"""
Access to mailboxes: IMAP4rev1 (RFC 3501) and POP3 (RFC 1939).

Theory of the room, from the disk up:

- *The store.* A mailbox is a Maildir, each further folder a Maildir++ folder in
  it. The files are the truth; what files cannot hold, the unique identifiers,
  stands in a list beside them (:mod:`mailext.access.uidlist`), which is on
  stable storage before a client hears of them. An
  :class:`~mailext.access.store.AccountStore` does the work on files, in
  threads, one change of an account after the other.
- *The view.* A session sees its mailbox as it was when it last was told of a
  change (:mod:`mailext.access.mailbox`): sequence numbers move only when the
  protocol says that they do.
- *The octets.* What a client asks to see of a message is found in the octets of
  its file (:mod:`mailext.access.mime`, :mod:`mailext.access.fetching`), never
  in a message that was parsed and put together again: what is fetched is what
  was delivered. Large parts go from the file to the connection as the client
  takes them.
- *The protocols* are those of :mod:`twisted.mail.imap4` and
  :mod:`twisted.mail.pop3`. They keep their commands, arguments and states;
  what stands in for their methods is what waits for threads, is asked of the
  portal under the eyes of :mod:`mailext.clientid`, or was too trusting: lines,
  literals and nesting have bounds, one command is answered before the next is
  looked at, and without TLS nobody logs in (R21, RFC 8314).
"""
