"""
Internet messages as bytes: the header section, the trace fields, reports.

Theory of the room: a relay touches as little of a message as it can. The
header section is found while the message streams in
(:mod:`mailext.message.headers`), looked at (``TLS-Required``, the count of
hops) and given trace fields on top (:mod:`mailext.message.trace`). At
submission, and only there, it is also completed
(:mod:`mailext.message.submission`). The body passes through untouched.

The one kind of message that is written here is the report
(:mod:`mailext.message.report`): a part for people
(:mod:`mailext.message.report_text`), one for programs
(:mod:`mailext.message.delivery_status`), and the header section of the message
that it is about. What hosts and senders said stands in it made harmless
(:mod:`mailext.message.harmless`).

Everything here is bytes in, bytes out: no Twisted, no clock, no disk.
"""
