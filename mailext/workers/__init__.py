"""
Worker processes: several processes take the connections of SMTP, one keeps
what has to be in one place.

Theory of the room: a worker is a front. It speaks SMTP and TLS, reads what
clients send, and puts a letter for one mailbox of this host into its Maildir.
All that is remembered stays in the main process: the queue, accounts and
passwords, identity checkers, policies and what they count, the limits'
counters, the log. So everything holds as it does in one process, and a worker
may die at any moment: nothing is lost with it that a client was told is safe.

The kernel deals connections out to the workers: each has a listening socket of
its own for each endpoint (``SO_REUSEPORT``), which the main process binds before
it gives up its privileges, and keeps (:mod:`mailext.workers.ports`). While a
worker is started again, its connections wait in the socket.

The two ends of a :mod:`~mailext.workers.channel` are the same program in the
same version, and trust each other: what is said is pickled. What can be said is
a class each in :mod:`~mailext.workers.messages`, and each end has a table of
those that it understands. In the worker, stand-ins take the place of what is
elsewhere behind the seams that are there anyway: of the judge of logins
(:mod:`~mailext.workers.logins`), of policies (:mod:`~mailext.workers.policies`)
and of the queue (:mod:`~mailext.workers.queue`). In the main process a
:mod:`~mailext.workers.desk` for each worker answers them, and the
:mod:`~mailext.workers.crew` keeps the workers running.

A message for the queue travels in the parts in which it came, so neither side
ever has the whole of a large one, and no file is left by whoever dies.
"""
