"""
Internet messages as bytes: the header section and the trace fields.

Theory of the room: a relay touches as little of a message as it can. The
header section is found while the message streams in
(:mod:`mailext.message.headers`), looked at (``TLS-Required``, the count of
hops) and given trace fields on top (:mod:`mailext.message.trace`). At
submission, and only there, it is also completed
(:mod:`mailext.message.submission`). The body passes through untouched.

Everything here is bytes in, bytes out: no Twisted, no clock, no disk.
"""
