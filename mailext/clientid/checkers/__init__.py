"""
The built-in identity checkers, one a file.

Theory of the room: each checker answers one question about an attempt, and
they are combined by the order of their plugin strings. Most ask the registry
what an account knows of an identity, or count in an
:class:`~mailext.interfaces.ICounterStore`; what they count is counted in
``settled`` alone, so that asking changes nothing and mode ``observe`` counts
as ``enforce`` does. Attempts that are judged at the same moment do not see
each other: a limit can be passed by as many as are under way.

A *known device* is an identity with which the account has logged in before
(:mod:`mailext.clientid.checkers.devices`). Whatever is counted against an
account or an address is counted of strangers and held against strangers: a
known device answers for itself alone, so that nobody can lock an account's
holder out, nor the thousands of devices that share an address with an
attacker (draft-storey-smtp-client-id-13 section 6.2).

A checker's factory begins with :class:`~mailext.clientid.checkers.factory.CheckerFactory`,
which knows the modes.
"""
