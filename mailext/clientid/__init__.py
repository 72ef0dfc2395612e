"""
What a client's identity is worth.

Theory of the room: with CLIENTID a device says who it is before anybody logs
in. The command itself never fails for that (C18); what was said comes to bear
at the login, and there alone.

1. The *disposition* of an identity's type says who gets to see it at all
   (:mod:`mailext.clientid.dispositions`).
2. At a login the *checkers*, each an ``IClientIdentityChecker``, judge the
   attempt before the password is looked at, and judge the account after it
   was found right (:mod:`mailext.clientid.login`). Whatever they find, the
   client is told what it is told about a wrong password (C19).
3. Once all is folded they hear of the outcome, which is the one time that
   anything is recorded, and the *journal* writes the login's line and tells
   the registry (:mod:`mailext.clientid.journal`).

The built-in checkers have a room of their own, :mod:`mailext.clientid.checkers`.
Each begins in mode ``observe`` (:mod:`mailext.clientid.modes`), and each
decision is an event (:mod:`mailext.clientid.decisions`). What is counted over
all processes is behind :class:`~mailext.interfaces.ICounterStore`
(:mod:`mailext.clientid.counters` for one process, ``mailext.storage.counters``
for several). Nothing here knows SMTP:
IMAP and POP3 log in through the same procedure. Tokens stay within values
whose ``repr()`` leaves them out; logs get their keyed hash (C24).
"""
