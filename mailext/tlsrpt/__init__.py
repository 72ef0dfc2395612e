"""
TLS reporting (RFC 8460): what became of TLS on the way to other domains.

Theory of the room: a domain that publishes how it wants to be sent mail, by
TLSA records or by MTA-STS, learns of its own mistakes, and of who sits on the
line, from those who send it mail.

*Counting.* What became of TLS in a session with a host, seen against each
policy (:mod:`mailext.tlsrpt.sessions`), is counted by UTC day and by the domain
that a report would go to (:mod:`mailext.tlsrpt.collecting`); in memory first,
and then in the store (:mod:`mailext.tlsrpt.store`). It is counted whether
anybody wants a report or not: these are the operator's own figures, too.

*Reporting.* When the day is over each domain is asked by DNS where it wants its
report (:mod:`mailext.tlsrpt.record`). The report is JSON
(:mod:`mailext.tlsrpt.as_json`), by mail (:mod:`mailext.tlsrpt.mailing`) or over
HTTPS; who carries it there is :mod:`mailext.tlsrpt.courier`. When that happens,
that it happens once, and what happens if it fails is up to
:mod:`mailext.tlsrpt.reporter`.

*Reading.* The reports of others about our own domains come as files
(:mod:`mailext.tlsrpt.reading`). Anybody can send us one: nothing in it is
believed to be well-formed, or to be small.
"""
