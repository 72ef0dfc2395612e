"""
The flow between a transport and a session.

Events are handled one after the other, and what there is to say is sent in one
piece. While somebody is waited for, nothing more is handled and nothing more
is read; and the client, which is not to blame, has no time-out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer, IReactorTime, ITCPTransport, ITransport
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailext.backpressure import Backpressure
from mailext.deadline import Deadline
from mailext.net.outlet import Outlet
from mailext.wire import replies
from mailext.wire.events import Event, MessageEnd, Signal, UnknownCommand
from mailext.wire.replies import Reply
from mailext.wire.server import ServerSession
from mailext.wire.states import State

__all__ = ["Conversation"]

_log = Logger()

_IN_MESSAGE = (State.DATA, State.CHUNKS)
#: Seconds that a client has to take our last words before it is cut off.
_FAREWELL = 10.0
#: The same for one that is told that the server stops: nobody is to wait for
#: its close_notify.
_LAST_FAREWELL = 2.0
#: Octets of replies that fill no transport: few sessions have more.
_UNCHECKED = 1 << 15


class Conversation:
    """
    :param handle: called with each event.
    :param timeout: gives the seconds that the client has for its next command
        as they are now, None for as long as it likes.
    :param message_timeout: seconds from the beginning of a message to its end.
    :param min_rate: octets a second that a message must come with.
    :ivar session: the session.
    """

    def __init__(
        self,
        transport: ITransport,
        session: ServerSession,
        handle: Callable[[Event], None],
        clock: IReactorTime,
        *,
        timeout: Callable[[], float | None],
        message_timeout: float,
        min_rate: float,
    ) -> None:
        self.session = session
        self._transport = transport
        self._outlet = Outlet(transport)
        self._handle = handle
        self._timeout = timeout
        self._message_timeout = message_timeout
        self._min_rate = min_rate
        self._deadline = Deadline(clock, self.time_out, self._too_slow)
        self._pumping = False
        self._waiting = False
        self._paused = False
        self._said = 0
        self._backpressure = Backpressure(cast("IConsumer", transport), self.pump)
        self._retiring: Reply | None = None
        self._shaking_hands = False
        self._closing = False
        self._lost = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more can be said to the client."""
        return self._closing or self._lost

    @property
    def _parting(self) -> Reply | None:
        """The last reply, if it is time for it."""
        return None if self._waiting or self.session.state in _IN_MESSAGE else self._retiring

    def receive(self, data: bytes) -> None:
        """Take octets from the client."""
        waited = self._waiting
        self._deadline.count(len(data))
        self.session.receive(data)
        self.pump()
        # A client that waits for its reply sends nothing, and to stop and start
        # reading costs: only one that goes on sending is stopped.
        ahead = waited and self._waiting
        if not self.is_over and (ahead or self.session.asks(UnknownCommand)):
            self._pause()

    def pump(self) -> None:
        """Handle what there is to handle, then send what there is to say."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while not (self._waiting or self._parting or self._backpressure.is_full):
                event = self.session.next_event()
                if isinstance(event, Signal):
                    break
                self._handle(event)
        except Exception:  # noqa: BLE001 - one client's bad luck is not the server's
            self._fail(Failure())
        finally:
            self._pumping = False
        self.flush()

    def flush(self) -> None:
        """Send what there is to say; after the last words, part."""
        if self.is_over:
            return
        if farewell := self._parting:
            self.session.close(farewell)
        data = self.session.data_to_send()
        if data:
            self._say(data)
        if self.session.state is State.CLOSED:
            self._part()
        elif not self._waiting:
            if data and self.session.state not in _IN_MESSAGE:
                self.await_command()
            if self._backpressure.is_full:
                # Whoever does not take its replies is not asked for more commands.
                self._pause()
            else:
                self._resume()

    def _say(self, data: bytes) -> None:
        self._outlet.write(data)
        self._said += len(data)
        if self._said > _UNCHECKED and not self._backpressure.is_open:
            self._backpressure.open()

    def reply(self, answer: Reply | Deferred[Reply]) -> None:
        """Answer the session's question, now or when the answer is there."""
        if isinstance(answer, Deferred):
            self.wait(answer.addCallback(lambda reply: lambda: self.session.reply(reply)))
        else:
            self.session.reply(answer)

    def wait(self, answer: Deferred[Callable[[], None]]) -> None:
        """
        Handle nothing more until somebody has answered.

        :param answer: what to do then, unless the connection is gone.
        """
        self._waiting = True
        self._deadline.suspend()
        answer.addCallback(self._act).addErrback(self._fail).addCallback(self._go_on)

    def await_command(self) -> None:
        """The client's time for its next command begins."""
        self._shaking_hands = False
        period = self._timeout()
        if period is None:
            self._deadline.stop()
        else:
            self._deadline.begin(period)

    def await_handshake(self, period: float) -> None:
        """The client's time for its TLS handshake, in seconds, begins."""
        self._shaking_hands = True
        self._deadline.begin(period)

    def await_message(self) -> None:
        """The client's time for its message begins."""
        self._deadline.begin(self._message_timeout, self._min_rate)

    def forget_time(self) -> None:
        """The client has as long as it likes, until the next of its times begins."""
        self._deadline.stop()

    def time_out(self) -> None:
        """The client was too slow; or an answer of ours is, for which it has waited all the time."""
        if self._closing or (self._waiting and self.session.asks(MessageEnd)):
            # It did not even take our last words; or its message may be taken yet,
            # and a refusal would be a lie.
            self._cut_off()
        else:
            self.end(replies.TOO_SLOW)

    def _too_slow(self) -> None:
        self.end(replies.BELOW_LEAST_RATE)

    def end(self, farewell: Reply) -> None:
        """End the connection with a last reply, 421 as a rule."""
        self.session.close(farewell)
        self.flush()

    def retire(self, farewell: Reply) -> None:
        """End the connection with a last reply, after the message that is coming in."""
        self._retiring = farewell
        self.flush()

    def lost(self) -> None:
        """The connection is gone."""
        self._lost = True
        self._deadline.stop()

    def _part(self) -> None:
        self._closing = True
        self._resume()
        self._backpressure.close()
        self._deadline.begin(_LAST_FAREWELL if self._retiring else _FAREWELL)
        self._transport.loseConnection()
        if self._shaking_hands:
            # Without the handshake it cannot be told anything.
            self._cut_off()

    def _cut_off(self) -> None:
        if ITCPTransport.providedBy(self._transport):
            self._transport.abortConnection()

    def _fail(self, failure: Failure) -> None:
        self._waiting = False
        _log.failure("A session failed", failure)
        self.session.close(replies.LOCAL_ERROR_CLOSING)

    def _act(self, act: Callable[[], None]) -> None:
        self._waiting = False
        if not self.is_over:
            act()

    def _go_on(self, _: None) -> None:
        if self.is_over:
            return
        if self.session.state in _IN_MESSAGE:
            self._deadline.resume()
        self.pump()

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            cast("IPushProducer", self._transport).pauseProducing()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            cast("IPushProducer", self._transport).resumeProducing()
