"""Who decides on a message, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.mail.interfaces import IMessageDelivery
from zope.interface import Interface

from mailext.message.headers import HeaderSection
from mailext.values import (
    Envelope,
    Mailbox,
    MailOptions,
    Outcome,
    RcptOptions,
    SessionView,
    TlsDemand,
    Verdict,
)

__all__ = ["IDelivery", "IDeliveryPolicy", "IDeliveryTarget", "IEnvelopeAwareDelivery"]


class IDeliveryPolicy(Interface):
    """
    Decides about senders, recipients and messages.

    The policies of a listener are asked in order; the first refusal wins.
    """

    def judgeSender(
        sender: Mailbox | None, options: MailOptions, session: SessionView
    ) -> Verdict | Deferred[Verdict]:
        """
        :param sender: the reverse-path, a Mailbox, or None for ``<>``.
        :param options: the :class:`~mailext.values.MailOptions`.
        :param session: the :class:`~mailext.values.SessionView`.
        :return: a Verdict or a Deferred of one.
        """

    def judgeRecipient(
        envelope: Envelope, recipient: Mailbox, options: RcptOptions, session: SessionView
    ) -> Verdict | Deferred[Verdict]:
        """
        :param envelope: the Envelope with the recipients accepted so far.
        :param recipient: the forward-path, a Mailbox.
        :param options: the :class:`~mailext.values.RcptOptions`.
        :return: a Verdict or a Deferred of one.
        """

    def judgeMessage(
        envelope: Envelope, headers: HeaderSection, session: SessionView
    ) -> Verdict | Deferred[Verdict]:
        """
        Called at the end of the header section, before the body.

        :param headers: the message's header section, a
            :class:`~mailext.message.headers.HeaderSection`.
        :return: a Verdict or a Deferred of one.
        """


class IEnvelopeAwareDelivery(IMessageDelivery):
    """
    An add-on for a delivery object that wants to see the parameters of MAIL
    and RCPT and the TLS demand of the message.
    """

    def beginTransaction(options: MailOptions, session: SessionView) -> None:
        """
        Called before ``validateFrom``.

        :param options: the :class:`~mailext.values.MailOptions`.
        :param session: the :class:`~mailext.values.SessionView`.
        """

    def recipientOptions(recipient: Mailbox, options: RcptOptions) -> None:
        """
        Called before ``validateTo``.

        :param recipient: the forward-path, a Mailbox.
        :param options: the :class:`~mailext.values.RcptOptions`.
        """

    def messageTagged(demand: TlsDemand) -> None:
        """
        Called at the end of the header section, when the demand is settled
        (R5, RFC 8689 section 4.1).

        :param demand: a :class:`~mailext.values.TlsDemand`.
        """


class IDeliveryTarget(Interface):
    """
    Somewhere a whole message can go: a queue, a mailbox, another host.

    A delivery object that provides this too is given each message once, with
    all its recipients, in place of one ``IMessage`` per recipient.
    """

    def startDelivery(envelope: Envelope, headers: HeaderSection) -> IDelivery | Deferred[IDelivery]:
        """
        :param envelope: the :class:`~mailext.values.Envelope`.
        :param headers: the :class:`~mailext.message.headers.HeaderSection` of
            the message, its trace fields included. It is not repeated in what
            is written to the delivery.
        :return: an :class:`IDelivery`, or a Deferred of one. An
            ``SMTPServerError`` refuses the message with its code; any other
            exception is a temporary failure.
        """


class IDelivery(Interface):
    """One message on its way into a target, in two phases."""

    def write(data: bytes) -> Deferred[None] | None:
        """
        Take the next part of the body, as canonical CRLF lines.

        :param data: bytes, cut anywhere.
        :return: None, or a Deferred of None where the caller should wait
            before the next part: what is taken in the meantime is kept in
            memory. Trouble is told by ``commit``, never here.
        """

    def commit() -> Deferred[Mapping[Mailbox, Outcome]]:
        """
        The message is complete.

        :return: a Deferred of ``Mapping[Mailbox, Outcome]`` with one outcome
            for the address of each recipient. It fires once the message is
            safe; an outcome of 2xx means that the responsibility was taken.
        """

    def abort() -> None:
        """Forget the message; nothing of it is delivered."""
