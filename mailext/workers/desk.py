"""Where the main process answers one worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import LogEvent
from twisted.mail.interfaces import IMessageDelivery, IMessageDeliveryFactory

from mailext.clientid.login import AnyLoginJudge, AnyPortal, LoginRefusedError, LoginUnavailableError
from mailext.counts import ConnectionCounts
from mailext.interfaces import IDelivery, IDeliveryPolicy
from mailext.judgement import LoggedVerdict, judge
from mailext.queue.target import QueueTarget
from mailext.values import Mailbox, Outcome, SessionView, Verdict
from mailext.workers.channel import Handlers
from mailext.workers.counting import ConnectionNews, ElsewhereConnections
from mailext.workers.log_events import unpacked
from mailext.workers.messages import (
    AbortDelivery,
    Admission,
    CommitDelivery,
    ConnectionBegun,
    ConnectionEnded,
    CountQueue,
    DeliveryPart,
    JudgeMessage,
    JudgeRecipient,
    JudgeSender,
    LetterArrived,
    Logged,
    LogIn,
    OpenDelivery,
    Refusal,
    SessionEnded,
    Unavailability,
)

__all__ = ["Desk", "Judges", "MainProcess"]

_Question = Callable[[], Verdict | Deferred[Verdict]]


@dataclass(frozen=True, slots=True)
class Judges:
    """Who judges the sessions of one listener; see :class:`mailext.net.settings.ListenerSettings`."""

    portal: AnyPortal
    login: AnyLoginJudge
    policies: tuple[IDeliveryPolicy, ...]
    policy_timeout: float


class MainProcess(Protocol):
    """
    What workers share.

    :ivar counts: the connections of each listener.
    :ivar queue: the queue.
    """

    counts: Mapping[str, ConnectionCounts]
    queue: QueueTarget

    def judges(self, listener: str) -> Judges:
        """Who judges the sessions of a listener now."""

    def count_queue(self) -> Deferred[int]:
        """How many messages are in the queue."""

    def arrived(self, account: Mailbox) -> None:
        """A letter is in an account's Maildir."""

    def log(self, event: LogEvent) -> None:
        """Write a log event."""


class Desk:
    """
    :param site: what the worker has no other access to.
    :param tell_others: tells the other workers of a connection.
    :ivar handlers: what is done with what the worker says.
    """

    def __init__(self, site: MainProcess, clock: IReactorTime, tell_others: ConnectionNews) -> None:
        self._site = site
        self._clock = clock
        self._tell_others = tell_others
        self._connections = ElsewhereConnections(site.counts)
        self._deliveries: dict[int, IDelivery] = {}
        # Of each session that has tried to log in, who has judged that last.
        self._sessions: dict[str, tuple[SessionView, AnyLoginJudge]] = {}
        self.handlers: Handlers = {
            LogIn: self._log_in,
            SessionEnded: self._session_ended,
            JudgeSender: self._judge_sender,
            JudgeRecipient: self._judge_recipient,
            JudgeMessage: self._judge_message,
            OpenDelivery: self._open_delivery,
            DeliveryPart: self._take_part,
            CommitDelivery: self._commit,
            AbortDelivery: self._abort,
            CountQueue: lambda _: site.count_queue(),
            ConnectionBegun: self._connection_begun,
            ConnectionEnded: self._connection_ended,
            LetterArrived: lambda said: site.arrived(said.account),
            Logged: lambda said: site.log(unpacked(said.event)),
        }

    def close(self) -> None:
        """The worker is gone, and with it what it had under way."""
        deliveries, self._deliveries = self._deliveries, {}
        for delivery in deliveries.values():
            delivery.abort()
        sessions, self._sessions = self._sessions, {}
        for session, login in sessions.values():
            login.session_ended(session)
        for news in self._connections.all_ended():
            self._tell_others(news)

    # Logins

    async def _judged(self, said: LogIn) -> Admission | Refusal | Unavailability:
        session = said.attempt.session
        judges = self._site.judges(session.listener)
        self._sessions[session.id] = session, judges.login
        try:
            login = await judges.login.login(
                judges.portal,
                said.credentials,
                said.attempt,
                said.identity,
                IMessageDeliveryFactory,
                IMessageDelivery,
            )
        except LoginRefusedError as error:
            return Refusal(error.outcome, error.reason)
        except LoginUnavailableError as error:
            return Unavailability(error.reason)
        # The worker makes an avatar of its own.
        login.logout()
        return Admission(login.avatar_id, login.refusal)

    def _log_in(self, said: LogIn) -> Deferred[Admission | Refusal | Unavailability]:
        return Deferred.fromCoroutine(self._judged(said))

    def _session_ended(self, said: SessionEnded) -> None:
        _, login = self._sessions.pop(said.session.id, (None, None))
        (login or self._site.judges(said.session.listener).login).session_ended(said.session)

    # Policies

    def _judge_sender(self, said: JudgeSender) -> Verdict | Deferred[Verdict]:
        return self._ask_policies(
            said.session,
            lambda policy: partial(policy.judgeSender, said.sender, said.options, said.session),
        )

    def _judge_recipient(self, said: JudgeRecipient) -> Verdict | Deferred[Verdict]:
        return self._ask_policies(
            said.session,
            lambda policy: partial(
                policy.judgeRecipient, said.envelope, said.recipient, said.options, said.session
            ),
        )

    def _judge_message(self, said: JudgeMessage) -> Verdict | Deferred[Verdict]:
        return self._ask_policies(
            said.session,
            lambda policy: partial(policy.judgeMessage, said.envelope, said.headers, said.session),
        )

    def _ask_policies(
        self, session: SessionView, question: Callable[[IDeliveryPolicy], _Question]
    ) -> Verdict | Deferred[Verdict]:
        judges = self._site.judges(session.listener)
        questions = [question(policy) for policy in judges.policies]
        verdict = judge(questions, self._clock, judges.policy_timeout, session)
        return verdict.addCallback(_portable) if isinstance(verdict, Deferred) else _portable(verdict)

    # Messages for the queue

    def _open_delivery(self, said: OpenDelivery) -> None:
        queue = self._site.queue.submitted_by(said.clientid)
        self._deliveries[said.number] = queue.startDelivery(said.envelope, said.headers)

    def _take_part(self, said: DeliveryPart) -> None:
        self._deliveries[said.number].write(said.data)

    def _commit(self, said: CommitDelivery) -> Deferred[Mapping[Mailbox, Outcome]]:
        return self._deliveries.pop(said.number).commit()

    def _abort(self, said: AbortDelivery) -> None:
        self._deliveries.pop(said.number).abort()

    # Connections

    def _connection_begun(self, said: ConnectionBegun) -> None:
        self._connections.begun(said)
        self._tell_others(said)

    def _connection_ended(self, said: ConnectionEnded) -> None:
        self._connections.ended(said)
        self._tell_others(said)


def _portable(verdict: Verdict) -> Verdict:
    """What the worker needs of a verdict, of whichever class a policy has made it."""
    if verdict.accepted:
        return verdict
    return LoggedVerdict(verdict.code, verdict.enhanced, verdict.text, verdict.reason)
