"""
Accounts: whose an address is, and who may log in.

Theory of the room: an account *is* an address in its canonical form
(:mod:`mailext.accounts.canonical`); there is no other name for it. What an
address leads to, an account, several by an alias, or nobody, is decided in
memory by an :class:`~mailext.accounts.addresses.AddressBook`, a snapshot that
is replaced as a whole when accounts or aliases change.

Who may log in is asked of a portal that tries several credentials checkers in
turn (:mod:`mailext.accounts.portal`). Our own is
:mod:`mailext.accounts.checker`; its passwords are hashed away from the
reactor's thread (:mod:`mailext.accounts.passwords`). What a client says in an
``AUTH`` exchange becomes credentials in :mod:`mailext.accounts.sasl`.

Client identities are not known here: they are kept apart from credentials
(C22, draft-storey-smtp-client-id-13 section 7).
"""
