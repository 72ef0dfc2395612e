"""
One mail transaction: from MAIL to the end of its message.

Here the delivery policies are asked, and here a site's own delivery object is
called, in the order that :mod:`twisted.mail.smtp` calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol as TypingProtocol
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.mail.interfaces import IMessageDelivery, IMessageSMTP
from twisted.mail.smtp import Address, User
from twisted.python.failure import Failure

from mailext.interfaces import IDelivery, IDeliveryTarget, IEnvelopeAwareDelivery
from mailext.judgement import judge, log_trouble
from mailext.message.headers import HeaderScanner, HeaderSection, HeaderTooLargeError, tls_demand
from mailext.net.answers import then
from mailext.net.receivers import LineMessages
from mailext.net.refusals import refusal_of
from mailext.net.settings import ListenerSettings
from mailext.requiretls.demand import settle
from mailext.values import (
    ACCEPTED,
    Envelope,
    Mailbox,
    Outcome,
    Protocol,
    RcptOptions,
    Recipient,
    SessionView,
    Verdict,
)
from mailext.wire import replies
from mailext.wire.events import MailCommand, RcptCommand
from mailext.wire.replies import Reply

__all__ = ["MailboxAddress", "SmtpHooks", "Transaction"]

_T = TypeVar("_T")
Helo = tuple[bytes | None, bytes]
_HOP_FIELDS = (b"received", b"delivered-to")


class MailboxAddress(Address):
    """
    What a site's objects see of an address: a stock ``Address``, made from
    what the wire's grammar understood. The constructor of the stock class
    takes too much for an address, and too little.

    :param mailbox: None for the null reverse-path.
    """

    def __init__(self, mailbox: Mailbox | None) -> None:
        octets = str(mailbox or "").encode("utf-8")
        self.addrstr = b"<" + octets + b">"
        self.local, _, self.domain = octets.rpartition(b"@")


class SmtpHooks(TypingProtocol):
    """
    What a transaction calls of the protocol that it belongs to: the hooks of
    :class:`twisted.mail.smtp.SMTP`, which a site may override.
    """

    delivery: IMessageDelivery | None
    host: bytes

    def validateFrom(self, helo: Helo, origin: Address) -> Address | Deferred[Address]: ...

    def validateTo(self, user: User) -> Callable[[], IMessageSMTP] | Deferred[Callable[[], IMessageSMTP]]: ...

    def receivedHeader(self, helo: Helo, origin: Address, recipients: list[User]) -> bytes | None: ...


class Transaction:
    """
    :param site: the protocol.
    :param session: what policies may know of the session.
    :param helo: what the client called itself, and its address.
    """

    def __init__(
        self,
        site: SmtpHooks,
        settings: ListenerSettings,
        clock: IReactorTime,
        session: SessionView,
        helo: Helo,
    ) -> None:
        self._site = site
        self._settings = settings
        self._clock = clock
        self._session = session
        self._helo = helo
        self._origin: Address = MailboxAddress(None)
        self._envelope = Envelope(None, ())
        self._users: list[User] = []
        self._factories: list[Callable[[], IMessageSMTP]] = []
        self._folded = ACCEPTED
        self._scanner = HeaderScanner(settings.header_size)
        self._messages: LineMessages | None = None
        self._delivery: IDelivery | None = None
        self._in_body = False
        self._aborted = False

    @property
    def smtputf8(self) -> bool:
        """Whether MAIL said SMTPUTF8 (RFC 6531)."""
        return self._envelope.options.smtputf8

    # MAIL

    def begin(self, event: MailCommand) -> Reply | Deferred[Reply]:
        """:return: the reply to MAIL."""
        self._envelope = Envelope(event.reverse_path, (), event.options)
        questions = [
            partial(policy.judgeSender, event.reverse_path, event.options, self._session)
            for policy in self._settings.policies
        ]
        return self._judged(questions, self._validate_from)

    def announce(self, delivery: IMessageDelivery) -> None:
        """Tell a delivery object that wants to know what MAIL said."""
        if IEnvelopeAwareDelivery.providedBy(delivery):
            delivery.beginTransaction(self._envelope.options, self._session)

    def _validate_from(self) -> Reply | Deferred[Reply]:
        origin = MailboxAddress(self._envelope.reverse_path)
        return self._called(
            partial(self._site.validateFrom, self._helo, origin), self._sender_valid, replies.SENDER_REFUSED
        )

    def _sender_valid(self, origin: Address) -> Reply:
        self._origin = origin
        return replies.SENDER_OK

    # RCPT

    def add_recipient(self, event: RcptCommand) -> Reply | Deferred[Reply]:
        """:return: the reply to RCPT."""
        questions = [
            partial(policy.judgeRecipient, self._envelope, event.forward_path, event.options, self._session)
            for policy in self._settings.policies
        ]
        return self._judged(questions, partial(self._validate_to, event))

    def _validate_to(self, event: RcptCommand) -> Reply | Deferred[Reply]:
        destination = event.forward_path
        if not destination.domain:
            # The bare postmaster is, as ever in Twisted, that of this host.
            destination = replace(destination, domain=self._site.host.decode("ascii"))
        user = User(MailboxAddress(destination), self._helo, self._site, self._origin)
        return self._called(
            partial(self._call_validate_to, event.forward_path, event.options, user),
            partial(self._recipient_valid, event, user),
            replies.RECIPIENT_REFUSED,
        )

    def _call_validate_to(
        self, recipient: Mailbox, options: RcptOptions, user: User
    ) -> Callable[[], IMessageSMTP] | Deferred[Callable[[], IMessageSMTP]]:
        if IEnvelopeAwareDelivery.providedBy(self._site.delivery):
            self._site.delivery.recipientOptions(recipient, options)
        return self._site.validateTo(user)

    def _recipient_valid(self, event: RcptCommand, user: User, factory: Callable[[], IMessageSMTP]) -> Reply:
        recipient = Recipient(event.forward_path, event.options)
        self._envelope = replace(self._envelope, recipients=(*self._envelope.recipients, recipient))
        self._users.append(user)
        self._factories.append(factory)
        return replies.RECIPIENT_OK

    # The message

    def open(self) -> Reply | None:
        """
        The message is about to come.

        :return: None to take it, or the reply that refuses it.
        """
        delivery: object = self._site.delivery
        if IDeliveryTarget.providedBy(delivery):
            return None
        self._messages = LineMessages(self._session)
        try:
            for recipient, factory in zip(self._envelope.recipients, self._factories, strict=True):
                self._messages.add(recipient.address, factory())
        except Exception:  # noqa: BLE001 - whatever a site's object raises
            return self._refusal(Failure())
        return None

    def write(self, data: bytes) -> Reply | Deferred[Reply | None] | None:
        """
        Take the next part of the message.

        :return: None, or the reply that refuses the message.
        """
        if self._in_body:
            return self._write_body(data)
        try:
            found = self._scanner.feed(data)
        except HeaderTooLargeError:
            return replies.HEADER_TOO_BIG
        return self._begin_body(*found) if found is not None else None

    def finish(self) -> Sequence[Reply] | Deferred[Sequence[Reply]]:
        """
        The message is complete.

        :return: the replies to its end.
        """
        if self._in_body:
            return self._commit(None)
        return then(self._begin_body(*self._scanner.finish()), self._commit)

    def abort(self) -> None:
        """
        Forget the transaction. Nothing of its message is delivered, unless it
        was complete and is being committed.
        """
        self._aborted = True
        delivery = self._delivery or self._messages
        self._delivery = self._messages = None
        if delivery is not None:
            self._abort(delivery)

    # The end of the header section

    def _begin_body(self, headers: HeaderSection, rest: bytes) -> Reply | Deferred[Reply | None] | None:
        self._in_body = True
        if headers.count(*_HOP_FIELDS) > self._settings.hops:
            return replies.TOO_MANY_HOPS
        self._settle_demand(headers)
        questions = [
            partial(policy.judgeMessage, self._envelope, headers, self._session)
            for policy in self._settings.policies
        ]
        verdict: Verdict | Deferred[Verdict] = ACCEPTED
        if questions:
            verdict = judge(questions, self._clock, self._settings.policy_timeout, self._session)
        return then(verdict, partial(self._message_judged, headers, rest))

    def _message_judged(
        self, headers: HeaderSection, rest: bytes, verdict: Verdict
    ) -> Reply | Deferred[Reply | None] | None:
        if self._aborted:
            return None
        if not verdict.accepted:
            return Reply.from_judgement(verdict)
        self._folded = self._folded.merged(verdict)
        self._settle_demand(headers)
        try:
            headers = headers.without(self._folded.remove_headers).with_on_top(*self._folded.add_headers)
            if IEnvelopeAwareDelivery.providedBy(self._site.delivery):
                self._site.delivery.messageTagged(self._envelope.tls_demand)
            started = self._start(headers)
        except Exception:  # noqa: BLE001 - whatever a site's object raises
            return self._refusal(Failure())
        if isinstance(started, Deferred):
            return started.addCallbacks(self._started, self._refusal, callbackArgs=(rest,))
        return self._started(started, rest)

    def _settle_demand(self, headers: HeaderSection) -> None:
        demand = settle(self._envelope.options, tls_demand(headers), self._folded.tls_demand)
        if demand is not self._envelope.tls_demand:
            self._envelope = replace(self._envelope, tls_demand=demand)

    def _start(self, headers: HeaderSection) -> IDelivery | Deferred[IDelivery]:
        if self._messages is not None:
            self._messages.begin([self._traced(headers, [user]) for user in self._users])
            return self._messages
        target = IDeliveryTarget(self._site.delivery)
        return target.startDelivery(self._envelope, self._traced(headers, self._users))

    def _traced(self, headers: HeaderSection, users: list[User]) -> HeaderSection:
        received = self._site.receivedHeader(self._helo, self._origin, users)
        if not received:
            return headers
        lines = b"".join(line + b"\r\n" for line in received.splitlines())
        trace, _ = HeaderSection.parse(lines)
        return HeaderSection(trace.fields + headers.fields)

    def _started(self, delivery: IDelivery, rest: bytes) -> Reply | Deferred[Reply | None] | None:
        if self._aborted:
            self._abort(delivery)
            return None
        self._delivery = delivery
        return self._write_body(rest)

    def _write_body(self, data: bytes) -> Reply | Deferred[Reply | None] | None:
        if not data:
            return None
        assert self._delivery is not None
        try:
            written = self._delivery.write(data)
        except Exception:  # noqa: BLE001 - whatever a target raises
            return self._refusal(Failure())
        if written is None:
            return None
        return written.addCallbacks(lambda _: None, self._refusal)

    # The end of the message

    def _commit(self, refusal: Reply | None) -> Sequence[Reply] | Deferred[Sequence[Reply]]:
        if refusal is not None or self._delivery is None:
            self.abort()
            return self._replies([refusal or replies.LOCAL_ERROR] * len(self._envelope.recipients))
        delivery, self._delivery, self._messages = self._delivery, None, None
        try:
            committed = delivery.commit()
        except Exception:  # noqa: BLE001 - whatever a target raises
            committed = Deferred()
            committed.errback(Failure())
        return committed.addCallback(self._committed).addErrback(self._not_committed)

    def _committed(self, outcomes: Mapping[Mailbox, Outcome]) -> Sequence[Reply]:
        return self._replies(
            [Reply.from_judgement(outcomes[recipient.address]) for recipient in self._envelope.recipients]
        )

    def _not_committed(self, failure: Failure) -> Sequence[Reply]:
        refusal = self._refusal(failure)
        return self._replies([refusal] * len(self._envelope.recipients))

    def _replies(self, each: list[Reply]) -> Sequence[Reply]:
        if self._settings.protocol is Protocol.LMTP:
            return each
        # One reply stands for all: were one refusal hidden behind an
        # acceptance, that recipient would be lost without a word; and a
        # temporary one lets the client try again.
        return [min(each, key=_severity)]

    # Policies

    def _judged(
        self,
        questions: Sequence[Callable[[], Verdict | Deferred[Verdict]]],
        accepted: Callable[[], Reply | Deferred[Reply]],
    ) -> Reply | Deferred[Reply]:
        if not questions:
            return accepted()
        verdict = judge(questions, self._clock, self._settings.policy_timeout, self._session)
        return then(verdict, partial(self._if_accepted, accepted))

    def _if_accepted(
        self, accepted: Callable[[], Reply | Deferred[Reply]], verdict: Verdict
    ) -> Reply | Deferred[Reply]:
        if not verdict.accepted:
            return Reply.from_judgement(verdict)
        if self._aborted:
            # The client has gone: the site is not asked, and nobody hears this.
            return replies.LOCAL_ERROR
        return then(accepted(), partial(self._fold, verdict))

    def _fold(self, verdict: Verdict, reply: Reply) -> Reply:
        # What was said about a recipient who is refused does not count.
        if not reply.is_error:
            self._folded = self._folded.merged(verdict)
        return reply

    # The site's objects

    def _called(
        self, hook: Callable[[], _T | Deferred[_T]], accepted: Callable[[_T], Reply], default: Reply
    ) -> Reply | Deferred[Reply]:
        """Call a hook of the site; whatever it raises becomes a reply."""
        try:
            result = hook()
        except Exception:  # noqa: BLE001 - whatever a site's object raises
            return self._refusal(Failure(), default)
        if isinstance(result, Deferred):
            return result.addCallbacks(accepted, self._refusal, errbackArgs=(default,))
        return accepted(result)

    def _abort(self, delivery: IDelivery) -> None:
        try:
            delivery.abort()
        except Exception as error:  # noqa: BLE001 - whatever a target raises
            log_trouble(error, "a delivery could not be aborted", self._session)

    def _refusal(self, failure: Failure, default: Reply = replies.LOCAL_ERROR) -> Reply:
        return refusal_of(failure, default, self._session)


def _severity(reply: Reply) -> int:
    return {4: 0, 5: 1}.get(reply.code // 100, 2)
