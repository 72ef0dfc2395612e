"""
The queue: where a message waits between its acceptance and its end.

Theory of the room: a message enters through :mod:`mailext.queue.target`, which
is a delivery target like any other and answers once the store has the message
on stable storage. :mod:`mailext.queue.manager` leases what is due, has each
message delivered (:mod:`mailext.queue.attempt`), and settles what came of it.
What that means for the message, to be tried again, kept for the operator, or
done, is decided by pure functions alone (:mod:`mailext.queue.settlement`,
:mod:`mailext.queue.schedule`). Where messages are kept is behind
:class:`~mailext.interfaces.IQueueStore`.

Recipients that go to different targets are groups of one attempt
(:mod:`mailext.queue.dispatch`), and the trouble of one is its own. Who cannot be
reached is left alone for a while (:mod:`mailext.queue.backoff`).

What becomes of failures is behind :mod:`mailext.queue.aftermath`: they are kept
for the operator, or reported (:mod:`mailext.queue.reporting`). Who is told of
what is decided by :mod:`mailext.queue.notification`. A report goes into the
queue as any message does, and is there before the failure is recorded.

Two clocks (:mod:`mailext.queue.clock`): expiry goes by the wall clock, retries
by a monotonic one, so that a jump of the wall clock causes no storm.

At its acceptance, at each attempt, report and at its end a message leaves one
line in the log, with its queue id (:mod:`mailext.queue.events`).
"""
