"""
The nouns of mailext: what its rooms hand to each other.

Every class here is a frozen value without behaviour that needs a clock, a
disk or a network. A published value only ever gains fields, each with a
default, so that a checker or policy written against it goes on working.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum, StrEnum
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Generic, TypeVar

__all__ = [
    "ACCEPTED",
    "AttackMode",
    "AuthenticatedBy",
    "BodyType",
    "Circumstances",
    "ClientIdentity",
    "DnsAnswer",
    "DnsError",
    "DnsStatus",
    "Envelope",
    "Handover",
    "HeaderField",
    "HopError",
    "HopSession",
    "IdentityChurn",
    "IdentityRecord",
    "IdentityStatus",
    "Licence",
    "LoginAttempt",
    "LoginOutcome",
    "MailOptions",
    "Mailbox",
    "MailboxNews",
    "MxLevel",
    "MxRecord",
    "NextHop",
    "Notify",
    "Outcome",
    "Place",
    "PolicyResult",
    "Progress",
    "Proof",
    "Protocol",
    "PublishedDemand",
    "QueueEntry",
    "QueuedRecipient",
    "RcptOptions",
    "Recipient",
    "RecipientState",
    "RequireTlsMode",
    "Ret",
    "Route",
    "Security",
    "SeenPlace",
    "SessionView",
    "Settlement",
    "Tally",
    "TlsDemand",
    "TlsEvidence",
    "TlsFacts",
    "TlsFailedError",
    "TlsFailure",
    "TlsLevel",
    "TlsPolicy",
    "TlsPolicyType",
    "TlsResult",
    "TlsResultType",
    "TlsUse",
    "TlsaRecord",
    "Verdict",
]

T = TypeVar("T")

_DOT_STRING = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+"
    r"(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+)*"
)
_QUOTED_PAIR = re.compile(r'(["\\])')


@dataclass(frozen=True, slots=True)
class Mailbox:
    """
    A mail address (RFC 5321 section 4.1.2, ``Mailbox``).

    :param local_part: what stands before the last unquoted ``@``, its quoting
        removed.
    :param domain: what follows, as it was given: a domain name or an address
        literal in brackets. Empty for the bare ``postmaster`` alone.

    ``str()`` gives the form for an envelope, quoted where it has to be.
    """

    local_part: str
    domain: str

    def __str__(self) -> str:
        local = self.local_part
        if not _DOT_STRING.fullmatch(local):
            local = '"' + _QUOTED_PAIR.sub(r"\\\1", local) + '"'
        return f"{local}@{self.domain}" if self.domain else local

    @property
    def is_ascii(self) -> bool:
        """Whether the address can be said without SMTPUTF8 (RFC 6531)."""
        return self.local_part.isascii() and self.domain.isascii()


@dataclass(frozen=True, slots=True)
class MailboxNews:
    """
    What a session is to be told of the mailbox that it has selected.

    :param vanished: sequence numbers of messages that are gone, the greatest
        first: each is that of the message once those before are gone.
    :param flags: messages whose flags are others now, by sequence number.
    :param exists: how many messages there are; None if there are no more and
        no fewer than the session knows of.
    :param recent: how many of them are recent; None as for ``exists``.
    """

    vanished: tuple[int, ...] = ()
    flags: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    exists: int | None = None
    recent: int | None = None


class TlsDemand(IntEnum):
    """
    What a message asks of the hops that carry it (RFC 8689).

    The members are ordered by strictness: of several statements about one
    message the greatest holds, and ``NONE`` states nothing.
    """

    NONE = 0
    #: ``TLS-Required: No``: deliver even where TLS cannot be had.
    OPTIONAL = 1
    #: ``MAIL FROM:<...> REQUIRETLS``: verified TLS all the way, or a report.
    REQUIRE = 2

    @property
    def word(self) -> str:
        """As the log, JSON and the command line spell it."""
        return self.name.lower()

    @classmethod
    def of_word(cls, word: str) -> TlsDemand:
        """:raise ValueError: if no demand is spelt so."""
        for demand in cls:
            if demand.word == word:
                return demand
        raise ValueError(f"not a demand: {word!r}; known: {', '.join(demand.word for demand in cls)}")


class Protocol(StrEnum):
    """The protocol of a session."""

    ESMTP = "esmtp"
    LMTP = "lmtp"
    IMAP = "imap"
    POP3 = "pop3"


class BodyType(StrEnum):
    """The ``BODY`` parameter of MAIL (RFC 6152)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT_MIME = "8BITMIME"


class Ret(StrEnum):
    """The ``RET`` parameter of MAIL (RFC 3461 section 4.3)."""

    FULL = "FULL"
    HDRS = "HDRS"


class Notify(StrEnum):
    """The values of the ``NOTIFY`` parameter of RCPT (RFC 3461 section 4.1)."""

    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """
    What a client said about itself with CLIENTID.

    :param type: the identity type, upper case (types compare without regard
        to case).
    :param token: the token, exact, except that a valid UUID is lower case. It
        never appears in ``repr()``: it must not reach a log or a traceback
        (C24, draft-storey-smtp-client-id-13 section 9).
    """

    type: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """
    What is known of the TLS layer of a session.

    :param version: for example ``TLSv1.3``.
    :param cipher: the name of the cipher suite.
    :param server_name: the name that the client asked for by SNI, if any.
    """

    version: str
    cipher: str
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class SessionView:
    """
    What checkers and policies may know of a session, whatever its protocol.

    :param id: a random name of the session, the same in every log line of it.
    :param listener: the name of the listener, for example ``submission``.
    :param peer: the client's address without port; ``local`` for a socket of
        this machine.
    :param tls: the facts of the TLS layer, None without one.
    :param identity: the client identity after its type's disposition: None
        where none was given or where it counts as not presented (C23).
    :param avatar_id: who has logged in, None before that.
    :param helo: the name that the client gave in EHLO, HELO or LHLO.
    :param extended: whether the client speaks with service extensions: it said
        EHLO or LHLO, not HELO.
    :param clientid: what logs call the client identity, its keyed hash; empty
        where there is none, or where its type's flags keep it out of them.
    """

    id: str
    protocol: Protocol
    listener: str
    peer: str
    tls: TlsFacts | None = None
    identity: ClientIdentity | None = None
    avatar_id: str | None = None
    helo: str = ""
    extended: bool = True
    clientid: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a client is, as far as its address tells.

    :param address: its IP address; ``local`` for a socket of this machine.
    :param network: the network around it that tends to belong to one customer
        or one site: /24 of IPv4, /56 of IPv6. The address itself where it is
        none.
    :param country: two letters (ISO 3166-1), upper case; empty where no
        database knows it.
    :param latitude: degrees, north is positive; None where it is not known. So
        is ``longitude``, east positive.
    """

    address: str
    network: str
    country: str = ""
    latitude: float | None = None
    longitude: float | None = None

    @classmethod
    def of(cls, address: str) -> Place:
        """What can be said of an address without a database."""
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return cls(address, address)
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        prefix = 56 if parsed.version == 6 else 24
        return cls(address, str(ip_network((parsed, prefix), strict=False)))


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """
    One attempt to log in.

    :param username: the user name as the client gave it, not yet proved.
    :param mechanism: the SASL mechanism, upper case.
    :param account: the account that the user name means, as an avatar id
        spells it; the user name itself where nobody knows better. Not proved
        either: once the password was found right the session's ``avatar_id``
        says who it is.
    :param place: where the client is; by default what its address tells.
    :param repeated: whether it has failed with the same user name and password
        before in this session: clients try a second mechanism, which counts as
        one failure.
    """

    username: str
    mechanism: str
    session: SessionView
    account: str = ""
    place: Place = Place("", "")
    repeated: bool = False

    def __post_init__(self) -> None:
        if not self.account:
            object.__setattr__(self, "account", self.username)
        if not self.place.address:
            object.__setattr__(self, "place", Place.of(self.session.peer))


class LoginOutcome(Enum):
    """What became of a login attempt."""

    SUCCESS = "success"
    #: The credentials were wrong.
    BAD_CREDENTIALS = "bad-credentials"
    #: A client identity checker refused it.
    REFUSED = "refused"
    #: The back end or a checker could not answer.
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class MailOptions:
    """
    The parameters of a MAIL command.

    :param size: the declared size in octets (RFC 1870), None if not given.
    :param auth: the ``AUTH`` parameter (RFC 4954 section 5), decoded; the
        empty string stands for ``<>``.
    :param envid: the ``ENVID`` parameter (RFC 3461 section 4.4), decoded.
    :param requiretls: whether ``REQUIRETLS`` was given (RFC 8689 section 2).
    """

    size: int | None = None
    body: BodyType | None = None
    smtputf8: bool = False
    auth: str | None = None
    ret: Ret | None = None
    envid: str | None = None
    requiretls: bool = False


@dataclass(frozen=True, slots=True)
class RcptOptions:
    """
    The parameters of a RCPT command.

    :param notify: empty if the parameter was not given.
    :param orcpt: the original recipient as ``addr-type;address``, decoded
        (RFC 3461 section 4.2), None if not given.
    """

    notify: frozenset[Notify] = frozenset()
    orcpt: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """
    One recipient of an envelope.

    :param address: where this copy goes, aliases expanded.
    :param original: the address that the client named in RCPT, None where it
        is the same.
    """

    address: Mailbox
    options: RcptOptions = RcptOptions()
    original: Mailbox | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """
    A message's envelope.

    :param reverse_path: None for the null reverse-path ``<>``.
    :param tls_demand: the settled demand: of the REQUIRETLS parameter, the
        policies and the header field (R4 to R6, RFC 8689 section 4.1). It
        holds for every recipient (R8).
    """

    reverse_path: Mailbox | None
    recipients: tuple[Recipient, ...]
    options: MailOptions = MailOptions()
    tls_demand: TlsDemand = TlsDemand.NONE


@dataclass(frozen=True, slots=True)
class HeaderField:
    """
    One header field to add to a message.

    :param name: the field name.
    :param value: the unfolded body, without CR or LF.
    """

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    A judgement, with a face for the wire and one for the log.

    :param code: the reply code: 2xx accepts, 4xx refuses for now, 5xx for
        good.
    :param enhanced: the enhanced status code (RFC 3463), for example
        ``5.7.1``.
    :param text: what the client is told: generic, it reveals no rule (C19).
    :param reason: what the log is told.
    :param add_headers: fields to put on top of the message.
    :param remove_headers: names of fields to remove.
    :param tls_demand: what this judgement demands of the onward hops; of all
        statements about a message the strictest holds.
    """

    code: int = 250
    enhanced: str = "2.0.0"
    text: str = "OK"
    reason: str = ""
    add_headers: tuple[HeaderField, ...] = ()
    remove_headers: tuple[str, ...] = ()
    tls_demand: TlsDemand = TlsDemand.NONE

    @property
    def accepted(self) -> bool:
        return 200 <= self.code < 300

    @property
    def is_temporary(self) -> bool:
        return 400 <= self.code < 500

    def merged(self, other: Verdict) -> Verdict:
        """This acceptance and another one: what both say holds."""
        return replace(
            self,
            add_headers=self.add_headers + other.add_headers,
            remove_headers=self.remove_headers + other.remove_headers,
            tls_demand=max(self.tls_demand, other.tls_demand),
        )

    @classmethod
    def refuse(cls, reason: str, *, enhanced: str = "5.7.1", text: str = "Refused by policy") -> Verdict:
        """Refuse for good; only the log learns the reason."""
        return cls(550, enhanced, text, reason)

    @classmethod
    def defer(cls, reason: str, *, enhanced: str = "4.7.1", text: str = "Try again later") -> Verdict:
        """Refuse for now; only the log learns the reason."""
        return cls(451, enhanced, text, reason)


#: The verdict of one who has nothing against it.
ACCEPTED = Verdict()


class Handover(Enum):
    """Who answers for a recipient once its delivery was accepted."""

    #: Nobody has to: the message is where it was to go.
    FINAL = "final"
    #: The next hop: it knows NOTIFY, and reports itself (RFC 3461 section 5.2.2).
    NEXT_HOP = "next-hop"
    #: Nobody can: the next hop does not know NOTIFY (RFC 3461 section 5.2.3).
    UNREPORTED = "unreported"


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What became of one recipient in one delivery attempt.

    :param code: 2xx delivered, 4xx to be tried again, 5xx failed for good.
    :param enhanced: the enhanced status code.
    :param text: in the words of whoever decided it.
    :param host: the name of the host whose reply this is, empty where it was
        decided here.
    :param handover: of a delivery: who reports on it from here on.
    :param in_doubt: the connection was lost behind the end of the message: it
        may have been delivered.
    """

    code: int
    enhanced: str
    text: str
    host: str = ""
    handover: Handover = Handover.FINAL
    in_doubt: bool = False

    @property
    def delivered(self) -> bool:
        return 200 <= self.code < 300

    @property
    def is_temporary(self) -> bool:
        return 400 <= self.code < 500

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}"


class RecipientState(StrEnum):
    """Where one recipient of a queued message stands."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class QueuedRecipient:
    """
    A recipient of a message in the queue.

    :param attempts: how many delivery attempts were made.
    :param last_reply: what the last attempt brought, as ``str()`` of its
        :class:`Outcome`; before the first one empty, or why there is none.
    :param reported: the events that its sender was told of.
    :param next_attempt: when it may be tried; wall clock, seconds since the
        epoch. Zero: with the message.
    :param in_doubt: whether the last attempt left in doubt what became of it.
    """

    recipient: Recipient
    state: RecipientState = RecipientState.QUEUED
    attempts: int = 0
    last_reply: str = ""
    reported: frozenset[Notify] = frozenset()
    next_attempt: float = 0.0
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """
    A message in the queue, without its content.

    :param id: the queue id that log lines, replies and commands name.
    :param arrived: when it was accepted; wall clock, seconds since the epoch.
    :param envelope: the envelope as it was accepted, with every recipient.
    :param recipients: the same recipients with their state.
    :param size: octets of the content.
    :param next_attempt: when it is due, and the first of its recipients; wall
        clock, seconds since the epoch.
    :param hold: whether it waits for an operator rather than for its time.
    :param clientid: the id of the client identity that submitted it (a keyed
        hash), empty without one; for the log.
    """

    id: str
    arrived: float
    envelope: Envelope
    recipients: tuple[QueuedRecipient, ...]
    size: int
    next_attempt: float
    hold: bool = False
    clientid: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """
    What one attempt brought.

    :param queue_id: whose attempt it was.
    :param recipients: every recipient of the message with its new state.
    :param next_attempt: when to try again; wall clock, seconds since the epoch.
    :param hold: whether to keep the message for the operator.
    """

    queue_id: str
    recipients: tuple[QueuedRecipient, ...]
    next_attempt: float
    hold: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """
    What an attempt has brought so far.

    :param queue_id: whose attempt it is.
    :param recipients: recipients with their new state, by their positions in
        the envelope.
    """

    queue_id: str
    recipients: Mapping[int, QueuedRecipient]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """
    How an account was used, or was tried to be.

    :param place: where from; None where that is not known.
    :param proved: whether the password was found right, even if the login was
        refused then.
    """

    outcome: LoginOutcome = LoginOutcome.SUCCESS
    protocol: Protocol = Protocol.ESMTP
    place: Place | None = None
    proved: bool = True


class IdentityStatus(StrEnum):
    """How an account and an identity stand to each other."""

    #: Seen, and nobody has judged it.
    OBSERVED = "observed"
    #: A rule took it on, as the first one, or one of the first.
    ENROLLED = "enrolled"
    #: The user or the operator took it on. It is never pruned.
    APPROVED = "approved"
    #: It waits for the user or the operator.
    PENDING = "pending"
    #: It is not to log in any more. It is never pruned.
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """
    What the registry knows of one identity of one account. The account's
    password was right at least once when it was used, unless it was put there
    by the operator.

    :param id: the first 16 hexadecimal digits of the identity's keyed hash.
    :param label: a name that the user or the operator gave.
    :param first_seen: wall clock, seconds since the epoch; so is ``last_seen``.
    :param count: how many logins it was seen with.
    :param failures: how many attempts with it failed by wrong credentials.
    :param refusals: how many a checker refused.
    :param place: where it was seen last; None where that is not known.
    :param protocols: those it was seen with.
    :param revoked_until: until when it is revoked, whatever its status; wall
        clock, seconds since the epoch. None: it is not, or for good.
    """

    id: str
    account: str
    type: str
    label: str
    status: IdentityStatus
    first_seen: float
    last_seen: float
    count: int
    failures: int = 0
    refusals: int = 0
    place: Place | None = None
    protocols: frozenset[Protocol] = frozenset()
    revoked_until: float | None = None

    def is_revoked(self, now: float) -> bool:
        """
        Whether it must not log in (C16).

        :param now: wall clock, seconds since the epoch.
        """
        return self.status is IdentityStatus.REVOKED or (
            self.revoked_until is not None and now < self.revoked_until
        )

    def is_trusted(self, now: float) -> bool:
        """
        Whether it is one of the account's own: enrolled or approved, and not
        revoked.

        :param now: wall clock, seconds since the epoch.
        """
        return self.status in _TRUSTED and not self.is_revoked(now)


_TRUSTED = frozenset({IdentityStatus.ENROLLED, IdentityStatus.APPROVED})


@dataclass(frozen=True, slots=True)
class SeenPlace:
    """
    Where one identity was used.

    :param account: whose login it was.
    :param when: the latest login there; wall clock, seconds since the epoch.
    :param count: how many logins there were from its network.
    """

    place: Place
    account: str
    when: float
    count: int


@dataclass(frozen=True, slots=True)
class IdentityChurn:
    """
    How many identities were presented that the account which was tried does
    not know, with credentials that were wrong (U12).

    :param account: different ones at the account.
    :param network: different ones from the network, whatever the account.
    """

    account: int
    network: int


@dataclass(frozen=True, slots=True)
class Licence:
    """
    An identity that the operator has set up outside of any session (U4).

    :param id: the first 16 hexadecimal digits of the identity's keyed hash.
    :param account: the only account that it is good for; None: any.
    :param label: a name that the operator gave.
    :param valid_from: wall clock, seconds since the epoch.
    :param valid_until: when it ends; None: never.
    :param revoked: whether it was taken back.
    :param last_used: the latest login with it; None: there was none.
    """

    id: str
    type: str
    account: str | None
    label: str
    valid_from: float
    valid_until: float | None = None
    revoked: bool = False
    last_used: float | None = None

    def in_force(self, now: float) -> bool:
        """
        Whether it is good now.

        :param now: wall clock, seconds since the epoch.
        """
        ended = self.valid_until is not None and now >= self.valid_until
        return not self.revoked and now >= self.valid_from and not ended


class AttackMode(StrEnum):
    """Whether logins are restricted because of an attack."""

    ON = "on"
    OFF = "off"
    #: By the rate of failed logins.
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Tally:
    """
    A count over a sliding window.

    :param name: what is counted and of whom. No token, nor a password.
    :param window: seconds; the same each time for the same name.
    """

    name: str
    window: float


class TlsLevel(IntEnum):
    """How far TLS protects a connection; the members are ordered by strength."""

    NONE = 0
    #: Encrypted, to whom is not known.
    ENCRYPTED = 1
    #: Encrypted, and the host has proved that it is the one meant.
    AUTHENTICATED = 2


class AuthenticatedBy(StrEnum):
    """By what a host proved that it is the one meant."""

    #: A chain of certificates to a trusted root, for the host's name (RFC 9525).
    PKIX = "pkix"
    #: The TLSA records of the host (RFC 7672).
    DANE = "dane"


class MxLevel(IntEnum):
    """
    How it is known that a host is one of its domain's; the members are ordered
    by strength.
    """

    #: By DNS that anybody on the way could have written.
    NONE = 0
    #: By the domain's MTA-STS policy (RFC 8461 section 4.1).
    MTA_STS = 1
    #: By MX records that DNSSEC proves.
    DNSSEC = 2
    #: By no look-up: the operator named it, or it is the domain itself.
    CONFIGURED = 3


class Security(Enum):
    """
    What the operator wants a next hop to prove, for any message. All but
    ``NONE`` leave in force what the recipient's side publishes.
    """

    #: TLS is not even tried.
    NONE = "none"
    #: TLS where it can be had.
    MAY = "may"
    #: TLS, with whomever.
    ENCRYPT = "encrypt"
    #: TLS, with a host that DANE authenticates, and whose name DNSSEC proves
    #: to be the domain's.
    DANE = "dane"
    #: TLS, with a host whose certificate is verified, and whose name a policy
    #: or DNSSEC proves to be the domain's.
    STS = "sts"
    #: TLS, with a host whose certificate is verified for the name of that
    #: host. Where MX records named it, they may be anybody's.
    VERIFY = "verify"


class RequireTlsMode(Enum):
    """What REQUIRETLS asks of a next hop."""

    #: All that RFC 8689 section 4.2.1 asks for.
    ENFORCE = "enforce"
    #: TLS; what goes beyond is used where it can be had.
    OPPORTUNISTIC_STARTTLS = "opportunistic+starttls"
    #: Nothing; what can be had is used.
    OPPORTUNISTIC = "opportunistic"


class TlsUse(Enum):
    """What is made of TLS when a connection is opened."""

    #: Not even tried.
    NEVER = "never"
    #: Tried where it is offered; whom it is with is only recorded.
    WHERE_OFFERED = "where-offered"
    #: No connection without it; whom it is with is only recorded.
    REQUIRED = "required"
    #: No connection without it, nor with a host whose certificate does not
    #: prove its name.
    VERIFIED = "verified"


class TlsResultType(StrEnum):
    """What can be wrong with TLS or with its policy (RFC 8460 section 4.3)."""

    STARTTLS_NOT_SUPPORTED = "starttls-not-supported"
    CERTIFICATE_HOST_MISMATCH = "certificate-host-mismatch"
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_NOT_TRUSTED = "certificate-not-trusted"
    VALIDATION_FAILURE = "validation-failure"
    TLSA_INVALID = "tlsa-invalid"
    DNSSEC_INVALID = "dnssec-invalid"
    DANE_REQUIRED = "dane-required"
    STS_POLICY_FETCH_ERROR = "sts-policy-fetch-error"
    STS_POLICY_INVALID = "sts-policy-invalid"
    STS_WEBPKI_INVALID = "sts-webpki-invalid"


@dataclass(frozen=True, slots=True)
class TlsFailure:
    """
    What was wrong with TLS in one session.

    :param reason: in words, or a code; empty where the type says it all.
    """

    type: TlsResultType
    reason: str = ""


class TlsPolicyType(StrEnum):
    """What kind of policy a report tells of (RFC 8460 section 4.4)."""

    #: MTA-STS (RFC 8461).
    STS = "sts"
    #: The TLSA records of a host (RFC 7672).
    TLSA = "tlsa"
    #: Neither is published.
    NOT_FOUND = "no-policy-found"


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """
    A policy, as a report tells of it (RFC 8460 section 4.4).

    :param domain: whose it is, in A-labels: the domain of an MTA-STS policy, the
        TLSA base domain of TLSA records.
    :param strings: the policy in its own words: a line of an MTA-STS policy
        each, or a TLSA record each.
    :param mx_hosts: the patterns of hosts of an MTA-STS policy.
    """

    type: TlsPolicyType
    domain: str
    strings: tuple[str, ...] = ()
    mx_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """
    What became of one policy in one session.

    :param failure: what was wrong; None: the session complied.
    """

    policy: TlsPolicy
    failure: TlsFailure | None = None


@dataclass(frozen=True, slots=True)
class HopSession:
    """
    One connection to a host, as a report tells of it.

    :param address: the IP address at its other end.
    :param local_address: the IP address at this end.
    :param helo: the name by which the host greeted.
    """

    address: str = ""
    local_address: str = ""
    helo: str = ""


@dataclass(frozen=True, slots=True)
class TlsResult:
    """
    What is counted of one session, for one policy (RFC 8460).

    :param domain: whom a report would go to, in A-labels: the recipient domain;
        the name of a host that the operator named in place of its MX.
    :param mx_host: the host's name.
    :param session: empty values where it did not come to a connection.
    """

    domain: str
    result: PolicyResult
    mx_host: str
    session: HopSession = HopSession()


@dataclass(frozen=True, slots=True)
class TlsEvidence:
    """
    What a host showed in a TLS handshake.

    :param version: for example ``TLSv1.3``.
    :param cipher: the name of the cipher suite.
    :param host: the name, or the IP address, that its certificate was checked
        for.
    :param chain: its certificates as it sent them, its own first; DER.
    :param pkix_error: why chain and name could not be verified; None if they
        were.
    :param pkix_result: of which type that is.
    """

    version: str
    cipher: str
    host: str
    chain: tuple[bytes, ...] = ()
    pkix_error: str | None = None
    pkix_result: TlsResultType = TlsResultType.CERTIFICATE_NOT_TRUSTED


@dataclass(frozen=True, slots=True)
class Proof:
    """
    What a connection has proved of the host at its other end.

    :param by: everything that authenticated the host; empty below
        :attr:`TlsLevel.AUTHENTICATED`.
    :param requiretls: whether REQUIRETLS was offered in the EHLO reply after
        TLS (R12, RFC 8689 section 4.2.1).
    :param reason: what led to these levels, for the log and for reports.
    :param mx_at_best: what ``mx`` might have been, had all been looked up that
        could not be.
    """

    tls: TlsLevel = TlsLevel.NONE
    by: frozenset[AuthenticatedBy] = frozenset()
    mx: MxLevel = MxLevel.NONE
    requiretls: bool = False
    reason: str = ""
    mx_at_best: MxLevel = MxLevel.NONE


@dataclass(frozen=True, slots=True)
class PublishedDemand:
    """
    What the recipient's side publishes that any connection to a host must have
    proved before it carries mail: by DANE (RFC 7672 section 2.2), or by a
    policy of MTA-STS in the mode ``enforce`` (RFC 8461 section 5). A host that
    falls short of it is passed over, and ordinary mail waits.

    :param tls: how far TLS must protect the connection.
    :param by: each of these must have authenticated the host.
    :param excluded: why the host is not to be connected to at all; empty where
        it may be.
    :param server_name: the name to ask it for by SNI; empty: its own.
    """

    tls: TlsLevel = TlsLevel.NONE
    by: frozenset[AuthenticatedBy] = frozenset()
    excluded: str = ""
    server_name: str = ""

    def merged(self, other: PublishedDemand) -> PublishedDemand:
        """This demand and another one: both bind."""
        return PublishedDemand(
            tls=max(self.tls, other.tls),
            by=self.by | other.by,
            excluded="; ".join(filter(None, (self.excluded, other.excluded))),
            server_name=self.server_name or other.server_name,
        )


class DnsStatus(Enum):
    """What DNSSEC says of an answer (RFC 4033 section 5)."""

    #: Every record of it is proved.
    SECURE = "secure"
    #: There is no proof, and none was to be expected: or nobody trusted said
    #: that there is.
    INSECURE = "insecure"
    #: There should be proof, and there is none: the answer is not used.
    BOGUS = "bogus"


class DnsError(Exception):
    """
    A look-up brought no answer: nothing is known, not even that a name does
    not exist. Whoever needed it tries again later.

    :param reason: why, for the log.
    :param status: :attr:`DnsStatus.BOGUS` where the answer's proof failed,
        None where there was no answer.
    """

    def __init__(self, reason: str, status: DnsStatus | None = None) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class DnsAnswer(Generic[T]):
    """
    The answer to a DNS look-up, be it that there is no such record.

    :param name: where the records are: the name that was asked for, or the
        one to which its CNAME records lead. Lower case, without the final dot.
    :param records: empty if there are none.
    :param status: ``SECURE`` or ``INSECURE``, the weakest of all CNAME records
        on the way and of the records, or of the proof that there are none.
    :param exists: whether the name exists, with records of whatever type.
    """

    name: str
    records: tuple[T, ...]
    status: DnsStatus
    exists: bool = True


@dataclass(frozen=True, slots=True)
class MxRecord:
    """
    An MX record (RFC 1035 section 3.3.9).

    :param host: the name of the host: A-labels in lower case, without the
        final dot; empty for a null MX (RFC 7505).
    """

    preference: int
    host: str


@dataclass(frozen=True, slots=True)
class TlsaRecord:
    """
    A TLSA record (RFC 6698 section 2.1), with whatever numbers it has.

    :param usage: the certificate usage.
    :param data: the certificate association data.

    ``str()`` gives it as in a zone file (section 2.2).
    """

    usage: int
    selector: int
    matching_type: int
    data: bytes

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching_type} {self.data.hex()}"


class HopError(Exception):
    """
    A connection to a next hop could not be had, or has ended.

    :ivar outcome: what that means for a message that should have gone there.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


class TlsFailedError(HopError):
    """
    TLS could not be had as it was wanted: the host might do without.

    :ivar failure: what was wrong with it.
    :ivar session: the connection that it was wanted on.
    """

    def __init__(self, outcome: Outcome, failure: TlsFailure, session: HopSession) -> None:
        super().__init__(outcome)
        self.failure = failure
        self.session = session


@dataclass(frozen=True, slots=True)
class NextHop:
    """
    A host that mail may go to.

    :param host: its name in A-labels, lower case, without a final dot; or an
        IP address. A certificate must be for this name, whatever CNAME records
        say.
    :param addresses: its IP addresses, in the order to try.
    :param mx_status: what DNSSEC says of the MX records that named it; None
        where none did.
    :param implicit_tls: whether TLS begins with the connection and not with
        STARTTLS.
    :param authenticate: whether the login that the operator gave for the
        smarthost is meant for it.
    :param failure: why it has no address to connect to.
    :param server_name: the name to ask it for by SNI; empty: ``host``.
    :param path: of a socket of this machine, in place of addresses and port;
        empty for none.
    """

    host: str
    port: int
    addresses: tuple[str, ...] = ()
    mx_status: DnsStatus | None = None
    preference: int = 0
    implicit_tls: bool = False
    authenticate: bool = False
    failure: Outcome | None = None
    server_name: str = ""
    path: str = ""

    @property
    def is_literal(self) -> bool:
        """Whether it is known by an IP address alone."""
        return self.addresses == (self.host,)


@dataclass(frozen=True, slots=True)
class Route:
    """
    Where mail for a domain goes.

    :param destination: the domain in A-labels, lower case; or an address
        literal in brackets.
    :param hops: the hosts, in the order to try.
    :param security: what the operator wants a hop to prove.
    :param requiretls: what REQUIRETLS asks of a hop.
    :param failure: why there is no host to try, temporary or permanent.
    """

    destination: str
    hops: tuple[NextHop, ...] = ()
    security: Security = Security.MAY
    requiretls: RequireTlsMode = RequireTlsMode.ENFORCE
    failure: Outcome | None = None
