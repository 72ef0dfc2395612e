"""
Every zope interface that a third party implements or calls.

A published interface never changes: new facts go into the values that its
methods take, new powers into an add-on interface that is found by
``providedBy``. Wherever "or a Deferred" is said, an answer given at once
keeps the caller synchronous, and a Deferred is waited for at most the
configured ``policy-timeout``.

A checker or policy that raises or does not answer in time has never accepted:
the client gets a temporary refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from dns.rdata import Rdata
from dns.rdatatype import RdataType
from twisted.cred.credentials import ICredentials
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.mail.interfaces import (
    IClientAuthentication,
    IMailboxIMAP,
    IMailboxIMAPListener,
    IMailboxPOP3,
    IMessageDelivery,
    IMessageIMAP,
)
from twisted.plugin import IPlugin
from zope.interface import Attribute, Interface

from mailext.message.headers import HeaderSection
from mailext.values import (
    AttackMode,
    Circumstances,
    ClientIdentity,
    DnsAnswer,
    Envelope,
    HopSession,
    IdentityChurn,
    IdentityRecord,
    Licence,
    LoginAttempt,
    LoginOutcome,
    Mailbox,
    MailboxNews,
    MailOptions,
    MxRecord,
    NextHop,
    Outcome,
    Place,
    PolicyResult,
    Progress,
    Proof,
    PublishedDemand,
    QueueEntry,
    RcptOptions,
    SeenPlace,
    SessionView,
    Settlement,
    Tally,
    TlsaRecord,
    TlsDemand,
    TlsEvidence,
    TlsFailedError,
    TlsResult,
    TlsUse,
    Verdict,
)

__all__ = [
    "IBindingAuthenticator",
    "IClientIdentified",
    "IClientIdentityChecker",
    "IClientIdentityCheckerFactory",
    "IClientIdentitySource",
    "IContentWriter",
    "ICounterStore",
    "IDelivery",
    "IDeliveryPolicy",
    "IDeliveryPolicyFactory",
    "IDeliveryTarget",
    "IEnvelopeAwareDelivery",
    "IHopConnection",
    "IHopConnector",
    "IIdentityRegistry",
    "ILicenceRegistry",
    "IMXAuthenticator",
    "IMailboxWatcher",
    "IMutualAuthentication",
    "IOpenableMailbox",
    "IPipeliningConnection",
    "IPluginServices",
    "IQueueStore",
    "IRefreshableMailbox",
    "IRelayServices",
    "IRememberingResolver",
    "IReportedAuthenticator",
    "IRequireTlsSupport",
    "IResolver",
    "IRevisableAuthenticator",
    "ITlsResultSink",
]


class IClientIdentityChecker(Interface):
    """Decides what a client's identity is worth when it logs in."""

    identityTypes: frozenset[str] = Attribute(
        "frozenset[str]: the identity types it judges, upper case. Empty: all of them, and the "
        "absence of an identity."
    )

    def checkAttempt(attempt: LoginAttempt) -> Verdict | Deferred[Verdict]:
        """
        Judge an attempt before the password is looked at. No side effects.

        :param attempt: a :class:`~mailext.values.LoginAttempt`.
        :return: a :class:`~mailext.values.Verdict` or a Deferred of one.
        """

    def checkLogin(attempt: LoginAttempt, avatarId: str) -> Verdict | Deferred[Verdict]:
        """
        Judge an attempt whose password was right. No side effects.

        :param avatarId: what the credentials checker returned.
        :return: a :class:`~mailext.values.Verdict` or a Deferred of one. A
            refusal is told to the client exactly as a wrong password is.
        """

    def settled(attempt: LoginAttempt, outcome: LoginOutcome) -> object:
        """
        All verdicts are folded: the one place where anything is recorded.

        :param attempt: the same attempt; if the password was right its
            session's ``avatar_id`` says whose, even if the login was refused
            then.
        :param outcome: a :class:`~mailext.values.LoginOutcome`.
        :return: ignored; a Deferred is not waited for.
        """

    def sessionEnded(session: SessionView) -> None:
        """
        The connection is gone.

        :param session: the :class:`~mailext.values.SessionView` at its end.
        """


class IClientIdentified(ICredentials):
    """
    Credentials that tell a credentials checker what the client said of itself
    (U8, draft-storey-smtp-client-id-13 section 6.3).

    Every credentials object that mailext passes to a portal provides this
    beside its own interface.
    """

    clientIdentity: ClientIdentity | None = Attribute("A ClientIdentity, or None.")
    session: SessionView = Attribute("The SessionView at the time of the login.")


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


class IHopConnection(Interface):
    """
    A connection to a next hop, opened and ready for messages: TLS, CLIENTID
    and AUTH are behind it.
    """

    hop: NextHop = Attribute("The NextHop that it leads to.")
    address: str = Attribute("str: the IP address at its other end, for the log.")
    session: HopSession = Attribute("A HopSession: the same and more, for TLS reports.")
    reused: bool = Attribute("bool: whether it was given to somebody before.")
    evidence: TlsEvidence | None = Attribute(
        "What the host showed in the TLS handshake, a TlsEvidence; None without TLS."
    )
    keywords: Mapping[str, tuple[str, ...]] = Attribute(
        "The keywords of the last EHLO reply, upper case, with their arguments; after TLS those that "
        "came under TLS."
    )
    usable: bool = Attribute("bool: whether another message could be sent.")
    worn_out: bool = Attribute(
        "bool: whether it was lost or closed by the host, or the host had no message more for it (4xx to "
        "MAIL): a new one may do better."
    )

    def send(
        envelope: Envelope, content: Iterable[bytes | Deferred[None]]
    ) -> Deferred[Mapping[Mailbox, Outcome]]:
        """
        Send one message. One after the other.

        :param envelope: whom it is for. What is said with MAIL and asked of
            the host is in its ``options``: REQUIRETLS goes out if
            ``options.requiretls`` says so, whatever ``tls_demand`` is.
        :param content: the message in canonical lines, as bytes cut anywhere.
            It is asked for more as the host takes it, and not before the
            host has accepted a recipient; a Deferred in place of octets says
            that there will be more when it fires.
        :return: a Deferred of one outcome for each recipient. Loss, time-out
            and what the host cannot carry are outcomes too; one with
            ``in_doubt`` may have been delivered. Cancelling it cuts the
            connection.
        """

    def release() -> None:
        """The caller has no more for it: it may serve others, or QUIT."""

    def quit() -> Deferred[None]:
        """
        Say QUIT and part.

        :return: a Deferred that fires, never with a failure, when the
            connection is gone.
        """


class IPipeliningConnection(IHopConnection):
    """
    An add-on for a connection that takes the envelope of the next message
    while the end of the last one is not answered yet.
    """

    onContentSent: Callable[[], object] = Attribute(
        "Called without arguments when the end of a message was sent; if the connection is ``usable`` "
        "then, the next one may be sent. What comes of the last one makes no difference to it, but for "
        "the loss of the connection."
    )


class IHopConnector(Interface):
    """Opens connections to next hops."""

    def connect(
        hop: NextHop,
        use: TlsUse,
        satisfies: Callable[[IHopConnection], bool],
        failed: Callable[[TlsFailedError], object] = lambda _: None,
    ) -> Deferred[IHopConnection]:
        """
        :param hop: the :class:`~mailext.values.NextHop`; its addresses are
            tried in their order.
        :param use: what is made of TLS, a :class:`~mailext.values.TlsUse`.
        :param satisfies: whether a connection that was opened for another
            message will do for this one. A new one is given without asking:
            the caller judges it, and quits it if it will not do.
        :param failed: called for each address with which all that failed was
            TLS, be it that another one did better.
        :return: a Deferred of an :class:`IHopConnection`. It fails with a
            :class:`~mailext.values.HopError`; with its subclass
            ``TlsFailedError`` where all that failed was TLS. It can be
            cancelled.
        """


class IClientIdentitySource(Interface):
    """
    Knows the identity that this program presents with CLIENTID: a random one
    for each account and server, so that nobody can tell by it that two
    accounts are one person's (draft-storey-smtp-client-id-13 section 9).
    """

    def identityFor(account: str, server: str) -> ClientIdentity:
        """
        :param account: the user name at the server.
        :param server: the server's host name.
        :return: a :class:`~mailext.values.ClientIdentity`, the same each time.
        """


class IMutualAuthentication(IClientAuthentication):
    """
    An add-on for the client's side of a SASL mechanism by which the server
    proves something too. A login that leaves it unproved has failed, whatever
    the server says.
    """

    serverProved: bool = Attribute("bool: whether the server has proved that it knows the password.")


class IContentWriter(Interface):
    """Content on its way into the queue's store."""

    size: int = Attribute("int: octets written so far.")

    def write(data: bytes) -> None:
        """
        Append to the content.

        :param data: bytes.
        :raise OSError: if the disk refuses it; the content is then discarded.
        """

    def discard() -> None:
        """Forget the content. Safe to call twice, or after an error."""


class IQueueStore(Interface):
    """
    The durable queue. Every method that returns a Deferred fires it in the
    reactor's thread once the change is on stable storage.
    """

    def openContent() -> IContentWriter:
        """:return: a new :class:`IContentWriter`."""

    def add(entry: QueueEntry, content: IContentWriter, leaseUntil: float = 0.0) -> Deferred[None]:
        """
        Put a message into the queue: entry and content, or neither.

        :param entry: a :class:`~mailext.values.QueueEntry`.
        :param content: the :class:`IContentWriter` that holds its content.
        :param leaseUntil: until when it is leased from the beginning, and not
            to be claimed.
        :return: a Deferred of None.
        """

    def claimDue(now: float, leaseUntil: float, limit: int) -> Deferred[list[QueueEntry]]:
        """
        Lease messages whose next attempt is due and that nobody else holds.

        :param now: wall clock, seconds since the epoch.
        :param leaseUntil: when the lease lapses if nothing is settled.
        :param limit: how many at most.
        :return: a Deferred of a list of QueueEntry.
        """

    def nextDue() -> Deferred[float | None]:
        """
        :return: a Deferred of the earliest time at which :meth:`claimDue` would
            find something, wall clock, seconds since the epoch; None if
            nothing waits.
        """

    def readContent(entry: QueueEntry) -> Deferred[Iterator[bytes]]:
        """:return: a Deferred of an iterator over the content's chunks of bytes."""

    def settle(settlement: Settlement) -> Deferred[None]:
        """
        Record the outcomes of an attempt and give the lease back. A message
        with no recipient left to serve leaves the queue with its content,
        unless the settlement holds it.

        :param settlement: a :class:`~mailext.values.Settlement`.
        :return: a Deferred of None.
        """

    def record(progress: Progress) -> Deferred[None]:
        """
        Record what an attempt has brought so far. It goes on: the lease stays.

        :param progress: a :class:`~mailext.values.Progress`.
        :return: a Deferred of None.
        """

    def bringForward(latest: float) -> Deferred[None]:
        """
        Let nothing wait longer than until then.

        :param latest: wall clock, seconds since the epoch.
        :return: a Deferred of None.
        """


class IIdentityRegistry(Interface):
    """
    What is known of the client identities of each account.

    Tokens are kept as a keyed hash alone (C24), apart from credentials (C22).
    It does not grow without bound: of each account a bounded number of
    identities is kept, for a bounded time; those that were approved or revoked
    stay. An account is named as an avatar id, or as
    :attr:`mailext.values.LoginAttempt.account`, spells it.

    What is changed at the same time may be done in any order; who needs an
    order waits for the first Deferred.
    """

    def fingerprint(identity: ClientIdentity) -> str:
        """:return: the first 16 hexadecimal digits of the identity's keyed hash: its id."""

    def find(account: str, identity: ClientIdentity) -> Deferred[IdentityRecord | None]:
        """:return: a Deferred of the :class:`~mailext.values.IdentityRecord`, or None."""

    def record(
        account: str,
        identity: ClientIdentity,
        when: float,
        circumstances: Circumstances = Circumstances(),  # noqa: B008 - it is frozen
    ) -> Deferred[None]:
        """
        Note that the account was used with this identity, or was tried to be.

        The login procedure (:class:`mailext.clientid.journal.LoginJournal`)
        calls this once for each attempt, whatever checkers there are: they
        have no need to.

        :param when: wall clock, seconds since the epoch.
        :param circumstances: how, a :class:`~mailext.values.Circumstances`; by
            default a login that succeeded. An identity that the account does
            not know is taken up only where the password was right; where it
            was not, it counts as churn.
        :return: a Deferred of None.
        """

    def enrol(account: str, identity: ClientIdentity, when: float) -> Deferred[None]:
        """
        Take the identity on as one of the account's own: ENROLLED, if it is
        OBSERVED or not known yet. What the user or the operator has decided
        stays.

        :param when: wall clock, seconds since the epoch.
        :return: a Deferred of None.
        """

    def holdForApproval(account: str, identity: ClientIdentity, when: float) -> Deferred[None]:
        """
        Let the identity wait for the user or the operator: PENDING, if it is
        OBSERVED or not known yet; else nothing changes.

        :param when: wall clock, seconds since the epoch.
        :return: a Deferred of None.
        """

    def trustedCount(account: str) -> Deferred[int]:
        """
        :return: a Deferred of how many identities of the account are ENROLLED
            or APPROVED. One that is revoked until some time still counts.
        """

    def otherAccountsOf(account: str, identity: ClientIdentity, limit: int) -> Deferred[int]:
        """
        :param account: which one not to count.
        :param limit: where counting may stop.
        :return: a Deferred of how many other accounts have logged in with the
            identity (U2), at most ``limit``.
        """

    def placesOf(identity: ClientIdentity, since: float) -> Deferred[tuple[SeenPlace, ...]]:
        """
        Where the identity logged in from, whatever the account (U11).

        :param since: wall clock, seconds since the epoch.
        :return: a Deferred of :class:`~mailext.values.SeenPlace`, one for each
            account and network, the latest first; not more than 20.
        """

    def churn(account: str, place: Place, since: float) -> Deferred[IdentityChurn]:
        """
        :param place: a client's; its network counts.
        :param since: wall clock, seconds since the epoch.
        :return: a Deferred of the :class:`~mailext.values.IdentityChurn`. What
            is kept of strangers is bounded, and so is what this counts to.
        """


class ILicenceRegistry(Interface):
    """
    The identities that the operator has set up outside of any session (U4):
    licence keys. Tokens are kept as a keyed hash alone (C24).
    """

    def find(identity: ClientIdentity) -> Deferred[Licence | None]:
        """
        :return: a Deferred of the :class:`~mailext.values.Licence`, in force
            or not; None if it was never set up.
        """

    def used(identity: ClientIdentity, when: float) -> Deferred[None]:
        """
        Note that somebody logged in with it.

        :param when: wall clock, seconds since the epoch.
        :return: a Deferred of None.
        """


class ICounterStore(Interface):
    """
    Rates, concurrency and attack mode, over all processes and nodes.

    Counts are approximate in two ways that bound what they cost. A tally
    knows its window and the one before, as totals, and takes the older one to
    have come evenly; and of very many tallies those that were added to the
    longest ago are forgotten.
    """

    def add(tallies: Sequence[Tally]) -> Deferred[None]:
        """
        Count one more, now.

        :param tallies: each a :class:`~mailext.values.Tally`.
        :return: a Deferred of None.
        """

    def addMember(tally: Tally, member: str) -> Deferred[None]:
        """
        Count something that counts once, however often it is added. What a
        tally counts is always of this kind, or never.

        :param member: no token, nor a password.
        :return: a Deferred of None.
        """

    def counts(tallies: Sequence[Tally]) -> Deferred[tuple[int, ...]]:
        """
        :return: a Deferred of the count of each tally within its window; of
            members, 1000 at most.
        """

    def enter(names: Sequence[str], session: str) -> Deferred[None]:
        """
        A session takes one place under each name, until it leaves. What a
        process that has died left is no place any more.

        :param names: no token, nor a password.
        :param session: the id of the session.
        :return: a Deferred of None.
        """

    def leave(session: str) -> Deferred[None]:
        """
        Give back all places of a session, which may have none.

        :return: a Deferred of None.
        """

    def places(names: Sequence[str]) -> Deferred[tuple[int, ...]]:
        """:return: a Deferred of how many places are taken under each name."""

    def setAttackMode(scope: str, mode: AttackMode) -> Deferred[None]:
        """
        Set by hand whether logins are restricted.

        :param scope: as :mod:`mailext.clientid.attack` spells it.
        :param mode: AUTO takes back what was set before.
        :return: a Deferred of None.
        """

    def attackModes() -> Deferred[Mapping[str, AttackMode]]:
        """:return: a Deferred of what was set by hand, by scope."""

    def raiseAlarm(scope: str, until: float) -> Deferred[None]:
        """
        Restrict logins, where nothing was set by hand, for a while.

        :param until: wall clock, seconds since the epoch.
        :return: a Deferred of None.
        """

    def alarms() -> Deferred[Mapping[str, float]]:
        """:return: a Deferred of how long each scope's alarm lasts, of those that do; 1000 at most."""


class IPluginServices(Interface):
    """What a checker or policy may use of the server that loads it."""

    clock: IReactorTime = Attribute("IReactorTime: the clock of everything that waits.")
    identities: IIdentityRegistry = Attribute("An IIdentityRegistry.")
    licences: ILicenceRegistry = Attribute("An ILicenceRegistry.")
    counters: ICounterStore = Attribute("An ICounterStore.")


class IRequireTlsSupport(Interface):
    """What is known of destinations and REQUIRETLS."""

    def supports(recipient: Mailbox) -> bool:
        """
        :return: whether it is known, from other messages, that one with
            REQUIRETLS would go to where the recipient's mail leads, or that
            none of it leaves this server.
        """


class IRelayServices(IPluginServices):
    """
    An add-on to the services, of a server that sends mail to others: to be
    found by ``providedBy``.
    """

    support: IRequireTlsSupport = Attribute("An IRequireTlsSupport.")


class IClientIdentityCheckerFactory(IPlugin):
    """A Twisted plugin that makes identity checkers from configuration strings."""

    name: str = Attribute("str: what stands before the first colon, for example ``history``.")
    help: str = Attribute("str: what it is for, in a paragraph.")
    argStringFormat: str = Attribute("str: what may follow the first colon.")

    def generateChecker(argstring: str, services: IPluginServices) -> IClientIdentityChecker:
        """
        :param argstring: what follows the first colon.
        :param services: an :class:`IPluginServices`.
        :return: an :class:`IClientIdentityChecker`.
        :raise ValueError: saying what is wrong with the argument.
        """


class IDeliveryPolicyFactory(IPlugin):
    """A Twisted plugin that makes delivery policies from configuration strings."""

    name: str = Attribute("str: what stands before the first colon, for example ``requiretls``.")
    help: str = Attribute("str: what it is for, in a paragraph.")
    argStringFormat: str = Attribute("str: what may follow the first colon.")

    def generatePolicy(argstring: str, services: IPluginServices) -> IDeliveryPolicy:
        """
        :param argstring: what follows the first colon.
        :param services: an :class:`IPluginServices`.
        :return: an :class:`IDeliveryPolicy`.
        :raise ValueError: saying what is wrong with the argument.
        """


class IResolver(Interface):
    """
    Looks names up in DNS.

    Every Deferred fails with :class:`~mailext.values.DnsError` alone, and that
    means: ask again later. That there is no such name, or no such record, is
    an answer like any other.
    """

    def lookup(name: str, rdtype: RdataType) -> Deferred[DnsAnswer[Rdata]]:
        """
        Look up the records of one type; CNAME records are followed.

        :param name: a domain name, in A-labels; it is taken as it stands, no
            search list completes it.
        :param rdtype: the type of the records.
        :return: a Deferred of a :class:`~mailext.values.DnsAnswer`.
        """

    def mx(domain: str) -> Deferred[DnsAnswer[MxRecord]]:
        """
        Look up the MX records of a domain.

        :return: a Deferred of a :class:`~mailext.values.DnsAnswer` of
            :class:`~mailext.values.MxRecord`, in no particular order.
        """

    def addresses(host: str) -> Deferred[DnsAnswer[str]]:
        """
        Look up the IP addresses of a host, by AAAA and A records. If one of
        the two look-ups fails, the addresses that the other one found do.

        :return: a Deferred of a :class:`~mailext.values.DnsAnswer` of IPv6
            addresses and, after them, IPv4 addresses.
        """

    def tlsa(host: str, port: int) -> Deferred[DnsAnswer[TlsaRecord]]:
        """
        Look up the TLSA records of a service over TCP (RFC 6698 section 3).

        :param host: the TLSA base domain.
        :return: a Deferred of a :class:`~mailext.values.DnsAnswer` of
            :class:`~mailext.values.TlsaRecord`.
        """


class IRememberingResolver(IResolver):
    """An add-on for a resolver that answers from memory where it can."""

    def forget(name: str, rdtype: RdataType) -> None:
        """
        Let the next look-up of that name and type ask anew.

        :param name: a domain name, in A-labels.
        :param rdtype: the type of the records.
        """


class IMXAuthenticator(Interface):
    """
    One way in which a host proves that it may take the mail of a domain.

    What is asked of others is asked before there is a connection; the
    judgement of the connection is pure.
    """

    def policyFor(domain: str, hop: NextHop) -> object | Deferred[object]:
        """
        Find out what the domain, or the host, publishes.

        :param domain: the recipient domain, in A-labels.
        :param hop: the :class:`~mailext.values.NextHop` to connect to.
        :return: a policy of the authenticator's own kind, for
            :meth:`judgeConnection`; None if nothing is published; or a
            Deferred of either. If it fails, nobody knows what is published:
            the host is not connected to.
        """

    def judgeConnection(policy: object, hop: NextHop, evidence: TlsEvidence | None) -> Proof:
        """
        Judge a connection. No side effects.

        :param policy: what :meth:`policyFor` gave.
        :param hop: the :class:`~mailext.values.NextHop` at its other end.
        :param evidence: the :class:`~mailext.values.TlsEvidence` of its
            handshake; None in clear.
        :return: a :class:`~mailext.values.Proof` of what this authenticator
            knows; what others can prove is left as nothing.
        """


class IBindingAuthenticator(IMXAuthenticator):
    """
    An add-on for an authenticator whose policies bind whoever sends mail, and
    not only messages that ask for proof.
    """

    def demandOf(policy: object, hop: NextHop) -> PublishedDemand:
        """
        Say what a connection must have proved, whatever the message. It is
        asked before there is a connection; what the connection then proves is
        still for :meth:`judgeConnection` to say, and is compared with this.
        No side effects.

        :param policy: what :meth:`policyFor` gave.
        :param hop: the :class:`~mailext.values.NextHop` to connect to.
        :return: a :class:`~mailext.values.PublishedDemand`; an empty one where
            the policy binds nobody, for example in MTA-STS's mode ``testing``.
        """


class IRevisableAuthenticator(IMXAuthenticator):
    """An add-on for an authenticator that goes by what it remembers."""

    def revised(domain: str, hop: NextHop) -> bool | Deferred[bool]:
        """
        Find out whether what is remembered is still what is published. It is
        asked before mail is returned because a host fell short of it.

        :param domain: the recipient domain, in A-labels.
        :param hop: the :class:`~mailext.values.NextHop` that fell short.
        :return: whether :meth:`policyFor` would give something else from now
            on; or a Deferred of that.
        """


class IReportedAuthenticator(IMXAuthenticator):
    """
    An add-on for an authenticator that goes by what others publish: what TLS
    reports tell of it (RFC 8460).
    """

    def policyResults(policy: object, hop: NextHop, evidence: TlsEvidence | None) -> Sequence[PolicyResult]:
        """
        What became of the policy in one session. No side effects.

        :param policy: what :meth:`policyFor` gave.
        :param hop: the :class:`~mailext.values.NextHop` at the other end.
        :param evidence: the :class:`~mailext.values.TlsEvidence` of the
            handshake. None where TLS could not be had: why is known to the
            caller, who wants to know what is wrong with the policy itself.
        :return: a :class:`~mailext.values.PolicyResult` for each policy that
            is, or should be, published.
        """


class ITlsResultSink(Interface):
    """Counts what became of TLS, for reports (RFC 8460)."""

    def record(result: TlsResult) -> None:
        """
        Take what is to be counted of a session: for each policy once, when it
        was opened or could not be, however many messages it carries.

        :param result: a :class:`~mailext.values.TlsResult`.
        """


class IRefreshableMailbox(IMailboxIMAP):
    """
    An add-on for a mailbox that each session sees as it was when it was last
    told of a change.
    """

    def refresh() -> Deferred[MailboxNews]:
        """
        See it as it is now.

        :return: a Deferred of the :class:`~mailext.values.MailboxNews` that
            the session is to be told.
        """

    def copyAll(messages: Sequence[IMessageIMAP]) -> Deferred[list[int]]:
        """
        Copy messages into this mailbox: all of them or none.

        :param messages: of another mailbox of the same account.
        :return: a Deferred of the identifiers of the copies.
        """


class IMailboxWatcher(IMailboxIMAPListener):
    """An add-on for a listener that refreshes the mailbox itself when it may tell of it."""

    def mailboxChanged() -> None:
        """The mailbox is not what it was when it was last refreshed, or may not be."""


class IOpenableMailbox(IMailboxPOP3):
    """An add-on for a POP3 mailbox that one session has at one time."""

    def open() -> Deferred[bool]:
        """
        Called once the login has succeeded, before anything else.

        :return: a Deferred of whether the session has it now; another one has
            it if not.
        """

    def commit() -> Deferred[None]:
        """
        Called in place of ``sync``.

        :return: a Deferred that fires once the messages that were marked are
            gone for good.
        """
