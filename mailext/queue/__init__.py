"""
The queue: where a message waits between its acceptance and its end.

Theory of the room: a message enters through :mod:`mailext.queue.target`, which
is a delivery target like any other and answers once the store has the message
on stable storage. :mod:`mailext.queue.manager` leases what is due and gives
each message its turn (:mod:`mailext.queue.turn`): the recipients that are due
are delivered to (:mod:`mailext.queue.attempt`), and what came of it is settled.
What that means for the message, to be tried again, kept for the operator, or
done, is decided by pure functions alone (:mod:`mailext.queue.settlement`,
:mod:`mailext.queue.schedule`). Where messages are kept is behind
:class:`~mailext.interfaces.IQueueStore`.

A message for one mailbox of this host does not have to wait, and goes past the
queue (:mod:`mailext.queue.shortcut`).

Recipients that go to different targets are groups of one attempt
(:mod:`mailext.queue.dispatch`), and the trouble of one is its own: each
recipient has its own attempts and its own time. Who has the message, or may have
it, is recorded as its group ends, so that a crash serves nobody again but those
under way. A message that may have arrived is tried once more, by the schedule,
and no third time. Who cannot be reached is left alone for a while
(:mod:`mailext.queue.backoff`), and that is no attempt of the others. Who is slow
has a part of what can be under way (:mod:`mailext.queue.shares`).

What becomes of failures is behind :mod:`mailext.queue.aftermath`: they are kept
for the operator, or reported (:mod:`mailext.queue.reporting`). Who is told of
what is decided by :mod:`mailext.queue.notification`. A report goes into the
queue as any message does, and is there before the failure is recorded.

Two clocks (:mod:`mailext.queue.clock`): expiry goes by the wall clock, retries
by a monotonic one, so that a jump of the wall clock causes no storm.

At its acceptance, at each attempt, report and at its end a message leaves one
line in the log, with its queue id (:mod:`mailext.queue.events`).
"""
