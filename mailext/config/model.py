# ruff: noqa: RUF009 - what _key makes is an attrs field, not a shared default
"""
The sections of the configuration file, one frozen class each.

These classes are the one table of keys: the parser, the defaults and the
reference page all come from their fields. A field's name is its key with
``_`` for ``-``; its metadata holds the meaning and, where the default cannot
be said as a value, what it is in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, NewType

from attrs import asdict, field, frozen

from mailext.clientid.result import RejectAt
from mailext.trust.mta_sts.policy import StsMode
from mailext.units import Octets, Seconds, parse_duration, parse_size
from mailext.values import RequireTlsMode, Security

__all__ = [
    "SYSTEM_ROOTS",
    "Addresses",
    "ClientIdentification",
    "Configuration",
    "Delay",
    "Delivery",
    "Destination",
    "DomainDelivery",
    "Identities",
    "Limits",
    "Listen",
    "Listener",
    "ListenerKeys",
    "LogFormat",
    "MtaSts",
    "Network",
    "PortNumber",
    "Program",
    "Rate",
    "Relay",
    "Reserve",
    "RootsFile",
    "Smarthost",
    "SmarthostTls",
    "Tls",
    "TlsReports",
    "WorkerCount",
    "key_name",
]

#: A duration that may be none, in seconds.
Delay = NewType("Delay", float)

#: Octets per second; 0 is no bound.
Rate = NewType("Rate", int)

#: Octets that stay free; 0 is none.
Reserve = NewType("Reserve", int)

#: How many worker processes, 0 to 64.
WorkerCount = NewType("WorkerCount", int)

#: A TCP port, 1 to 65535.
PortNumber = NewType("PortNumber", int)

#: A PEM file of authorities, or :data:`SYSTEM_ROOTS`.
RootsFile = NewType("RootsFile", Path)

#: Stands for the authorities of the system.
SYSTEM_ROOTS = RootsFile(Path("system"))

#: A range of IP addresses.
Network = IPv4Network | IPv6Network


class LogFormat(Enum):
    """How log events are written."""

    TEXT = "text"
    JSON = "json"


class LogThreshold(Enum):
    """From which level on log events are written."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class SmarthostTls(Enum):
    """How TLS begins at the smarthost."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"


def key_name(attribute: str) -> str:
    """The key of an attribute."""
    return attribute.replace("_", "-")


# attrs types a field as its default; a helper around it can only say Any.
def _key(meaning: str, *, default: object, in_words: str = "") -> Any:  # noqa: ANN401
    return field(default=default, metadata={"meaning": meaning, "in words": in_words})


@frozen(kw_only=True)
class Tls:
    """Certificates. Without them STARTTLS is not offered."""

    certificate: tuple[Path, ...] = _key(
        "PEM files, each a certificate with its chain; SNI picks.", default=()
    )
    key: tuple[Path, ...] = _key(
        "PEM files, the private key of each certificate, in the same order.", default=()
    )


@frozen(kw_only=True)
class Listen:
    """
    Where to listen: Twisted endpoint strings. TLS from the first octet is
    applied to those whose name ends in s.
    """

    submission: tuple[str, ...] = _key("Message submission, with STARTTLS (RFC 6409).", default=())
    submissions: tuple[str, ...] = _key("Message submission over TLS (RFC 8314).", default=())
    mx: tuple[str, ...] = _key("Mail from other servers.", default=())
    lmtp: tuple[str, ...] = _key("Mail from a local server, by LMTP (RFC 2033).", default=())
    imap: tuple[str, ...] = _key("Access to mailboxes by IMAP, with STARTTLS (RFC 3501).", default=())
    imaps: tuple[str, ...] = _key("The same over TLS (RFC 8314).", default=())
    pop3: tuple[str, ...] = _key("Access to mailboxes by POP3, with STLS (RFC 1939, RFC 2595).", default=())
    pop3s: tuple[str, ...] = _key("The same over TLS (RFC 8314).", default=())
    https: tuple[str, ...] = _key("The MTA-STS policy of our domains (RFC 8461).", default=())
    metrics: tuple[str, ...] = _key(
        "/metrics for Prometheus, /healthz and /readyz, in clear and for everybody who can connect: keep it "
        "on loopback or on a network of your own.",
        default=(),
    )

    def endpoints(self) -> dict[str, tuple[str, ...]]:
        """The endpoint strings of each listener, by its name."""
        return asdict(self)


@frozen(kw_only=True)
class Limits:
    """What a session may use. A limit reached ends it with 421 4.7.0, unless said otherwise."""

    message_size: Octets = _key(
        "The largest message, header section included: 552 5.3.4.", default=parse_size("50MiB")
    )
    recipients: int = _key("Recipients of one message: 452 4.5.3.", default=1000)
    connections: int = _key("Connections to the listener at one time.", default=5000)
    connections_per_address: int = _key("Connections from one address at one time.", default=50)
    connections_per_network: int = _key(
        "Connections from one network, a /24 of IPv4 or a /56 of IPv6, at one time.", default=500
    )
    commands: int = _key("Commands in one session since its last message.", default=1000)
    errors: int = _key("Commands that fail in one session since its last message.", default=20)
    junk_commands: int = _key(
        "Commands without use, as NOOP, RSET and VRFY, since the last message.", default=100
    )
    auth_failures: int = _key("Failed AUTH commands in one session.", default=3)
    header_size: Octets = _key("The largest header section: 552 5.3.4.", default=parse_size("256KiB"))
    hops: int = _key("Received and Delivered-To fields, which tell a loop: 554 5.4.6.", default=50)
    command_timeout: Seconds = _key("The wait for a command.", default=parse_duration("5m"))
    message_timeout: Seconds = _key("The wait for the end of a message.", default=parse_duration("30m"))
    min_rate: Rate = _key("The least octets per second of a message. 0B: none.", default=parse_size("500B"))
    queue_messages: int = _key(
        "Messages that may wait in the queue, counted once a second, before the next is answered 452 4.3.1.",
        default=100_000,
    )
    disk_reserve: Reserve = _key(
        "What must stay free on the disk of state-dir beside the size that a message declares: 452 4.3.1. "
        "What the server itself puts into the queue may use it. 0B: nothing.",
        default=parse_size("100MiB"),
    )
    handshake_timeout: Seconds = _key(
        "The wait for the end of a TLS handshake.", default=parse_duration("30s")
    )


@frozen(kw_only=True)
class Addresses:
    """How addresses are read."""

    subaddress_delimiter: str = _key(
        "What begins the detail in local+detail@domain. Empty: there are no subaddresses.", default="+"
    )
    sender_check: bool = _key("Whether an account sends as its own addresses only: 553 5.7.1.", default=True)


@frozen(kw_only=True)
class ClientIdentification:
    """CLIENTID: what devices say of themselves before they log in."""

    enabled: bool = _key(
        "Whether CLIENTID is offered under TLS. On mx and lmtp: only if [listener.mx] or [listener.lmtp] "
        "says so.",
        default=True,
    )
    reject_at: RejectAt = _key(
        "Which command fails if the identity is refused: AUTH like a wrong password, or MAIL with 550 5.7.1.",
        default=RejectAt.AUTH,
    )
    checkers: tuple[str, ...] = _key(
        "Plugin strings of identity checkers.", default=("history:mode=observe",)
    )
    types: Mapping[str, tuple[str, ...]] = _key(
        "For each type, or glob of types, its flags (draft-storey-smtp-client-id-13 section 7): ignore, debug, "
        "system-log, user-log, authenticate, alert-failure, alert-success. Exact beats glob, the longer glob "
        "the shorter.",
        default={"*": ("system-log", "authenticate")},
    )


@frozen(kw_only=True)
class Identities:
    """What is kept of client identities and logins, for how long, and who is told."""

    per_account: int = _key(
        "Identities that are kept of one account. The next one takes the place of the one that matters "
        "least; one that was approved or revoked stays.",
        default=100,
    )
    keep: Seconds = _key(
        "How long an identity is kept that is not seen any more. One that was approved or revoked stays.",
        default=parse_duration("400d"),
    )
    logins: int = _key(
        "Attempts to log in that are kept, of those with the right password, and of those without.",
        default=500_000,
    )
    keep_logins: Seconds = _key("How long they are kept.", default=parse_duration("30d"))
    places: Path | None = _key(
        "A database of countries or cities in MaxMind's format. It is read at the start, and on SIGHUP.",
        default=None,
        in_words="none",
    )
    user_log: Path | None = _key(
        "A folder with a log file for the holder of each account: the logins with types that have the flag "
        "user-log.",
        default=None,
        in_words="none",
    )
    user_log_mail: Seconds | None = _key(
        "How often holders are sent the same as a message, where there is something to tell; at whole "
        "multiples of it, UTC.",
        default=None,
        in_words="never",
    )
    alert_mail: bool = _key(
        "Whether holders are sent a message about types with the flags alert-failure and alert-success: of "
        "each new device at most one a day.",
        default=True,
    )


@frozen(kw_only=True)
class ListenerKeys:
    """
    Exceptions for one listener, NAME as in [listen]. Besides these keys it
    takes any key of [limits] and [clientid].
    """

    auth: tuple[str, ...] = _key(
        "As the key of the whole server, for this listener.",
        default=(),
        in_words="the server's; none for mx and lmtp",
    )
    policies: tuple[str, ...] = _key(
        "As the key of the whole server, for this listener.", default=(), in_words="the server's"
    )
    require_auth: bool = _key(
        "Whether MAIL needs a login before: 530 5.7.0.",
        default=False,
        in_words="true for submission and submissions",
    )
    plaintext_auth: bool = _key("Whether logins are taken without TLS.", default=False)


@frozen(kw_only=True)
class Listener:
    """
    One listener with all that holds for it: its own keys laid over those of
    the whole server.

    :param name: its name in [listen].
    :param endpoints: its endpoint strings.
    """

    name: str
    endpoints: tuple[str, ...]
    keys: ListenerKeys
    limits: Limits
    clientid: ClientIdentification


@frozen(kw_only=True)
class Smarthost:
    """A host that takes all mail to other servers, but for destinations with a next hop of their own."""

    host: str = _key("Its name or IP address. Empty: there is none.", default="")
    port: PortNumber = _key("Its port.", default=PortNumber(587))
    tls: SmarthostTls = _key("How TLS begins.", default=SmarthostTls.STARTTLS)
    security: Security = _key(
        "What it must prove; the password is only ever said to a host that TLS has authenticated.",
        default=Security.VERIFY,
    )
    username: str = _key("The user name for AUTH. Empty: no login.", default="")
    password_file: Path | None = _key(
        "The file whose first line is the password.", default=None, in_words="none"
    )


@frozen(kw_only=True)
class Destination:
    """What holds for mail to one domain."""

    next_hop: str = _key("host or host:port in place of the domain's MX and of the smarthost.", default="")
    security: Security = _key("What the next hop must prove.", default=Security.MAY)
    requiretls: RequireTlsMode | None = _key(
        "What REQUIRETLS asks of it.", default=None, in_words="as in [relay]"
    )


@frozen(kw_only=True)
class Relay:
    """Mail to other servers: for accounts that have logged in, and for ``networks``."""

    networks: tuple[Network, ...] = _key(
        "Networks whose clients may send to other servers without a login.", default=()
    )
    resolver: tuple[str, ...] = _key(
        "DNS resolvers: IP addresses, with or without a port after a colon.",
        default=(),
        in_words="the system's",
    )
    trust_resolver: bool = _key("Whether the AD bit counts from elsewhere than loopback.", default=False)
    trust_roots: RootsFile = _key(
        '"system", or a PEM file of the authorities that certificates of next hops are verified with.',
        default=SYSTEM_ROOTS,
    )
    port: PortNumber = _key("The port of next hops.", default=PortNumber(25))
    mta_sts_port: PortNumber = _key("The port of MTA-STS policy hosts.", default=PortNumber(443))
    connect_timeout: Seconds = _key(
        "The wait for a connection to one address of a next hop.", default=parse_duration("30s")
    )
    command_timeout: Seconds = _key(
        "The wait for a next hop's greeting, and for its reply to a command.", default=parse_duration("5m")
    )
    connections_per_host: int = _key("Connections to one next hop at one time.", default=20)
    pace: Delay = _key(
        "The least time from one message for a next hop to the next. 0s: as fast as it goes.",
        default=parse_duration("0s"),
    )
    retry: tuple[Seconds, ...] = _key(
        "The waits between attempts; the last one repeats.",
        default=tuple(map(parse_duration, ("5m", "15m", "1h", "4h"))),
    )
    give_up_after: Seconds = _key(
        "When a message that could not be delivered has failed.", default=parse_duration("5d")
    )
    requiretls: RequireTlsMode = _key("What REQUIRETLS asks of next hops.", default=RequireTlsMode.ENFORCE)
    smarthost: Smarthost = Smarthost()
    destinations: Mapping[str, Destination] = field(factory=dict)


@frozen(kw_only=True)
class DomainDelivery:
    """Where mail of one of our domains goes, in place of what [delivery] says."""

    lmtp: str = _key("As the key of all domains.", default="", in_words="the one of all domains")
    requiretls: RequireTlsMode | None = _key(
        "As the key of all domains.", default=None, in_words="the one of all domains"
    )


@frozen(kw_only=True)
class Delivery:
    """Final delivery: where mail for our accounts goes."""

    lmtp: str = _key(
        "Another program's mailboxes, by LMTP (RFC 2033): unix:/path, host or host:port. Over a socket of "
        "this machine or its loopback interface there need be no TLS; elsewhere it must prove its name. "
        "Empty: to the Maildirs in state-dir.",
        default="",
    )
    requiretls: RequireTlsMode = _key(
        "What REQUIRETLS asks of it. It is told of the demand by the parameter of MAIL wherever it offers "
        "that under TLS.",
        default=RequireTlsMode.OPPORTUNISTIC,
    )
    tag_field: str = _key(
        "The name of a header field that tells what a message demands, as X-Require-TLS: require, or "
        "optional. Empty: there is none.",
        default="",
    )
    domains: Mapping[str, DomainDelivery] = field(factory=dict)


@frozen(kw_only=True)
class Program:
    """
    A program that gets the mail of one address of ours, on its standard input.
    It has the rights of the server. Aliases can lead to the address.
    """

    command: tuple[str, ...] = _key(
        "The program, an absolute path, and its arguments. There is no shell.", default=()
    )
    timeout: Seconds = _key("How long it may run.", default=parse_duration("5m"))


@frozen(kw_only=True)
class TlsReports:
    """
    Reports to other domains about TLS on the way to them (RFC 8460). The
    figures are kept, for ``mailext tlsrpt``, whether reports are sent or not.
    """

    contact: str = _key(
        "The address of whom to ask about reports; they come from there. Empty: none are sent.", default=""
    )
    organization_name: str = _key("Who sends them.", default="", in_words="the domain of contact")
    mail: bool = _key(
        "Whether they are sent by mail, too, and not only over HTTPS. Receivers ignore those that DKIM does "
        "not sign: this server does not, so its smarthost must.",
        default=False,
    )
    keep: Seconds = _key("How long figures are kept.", default=parse_duration("30d"))


@frozen(kw_only=True)
class MtaSts:
    """
    The MTA-STS policy of our own domains (RFC 8461). It is served by the
    listener ``https``; ``mailext dns`` tells what else is to be published.
    """

    mode: StsMode = _key(
        "What those who send to our domains are to do with mail for a host that falls short of it.",
        default=StsMode.TESTING,
    )
    max_age: Seconds = _key(
        "How long they remember it, up to 31557600 seconds.", default=parse_duration("7d")
    )
    mx: tuple[str, ...] = _key(
        "The names of all hosts that take mail for our domains. A wildcard may stand for the first label.",
        default=(),
        in_words="the hostname",
    )


@frozen(kw_only=True)
class Configuration:
    """
    The keys of the whole server.

    :param listeners: the listeners with an endpoint, by name.
    """

    hostname: str = _key(
        "The server's name in its greeting and in Received.", default="", in_words="the machine's full name"
    )
    state_dir: Path = _key("The folder of queue, accounts and mailboxes.", default=Path("state"))
    database: str = _key(
        '"sqlite", embedded in state-dir. "postgresql://..." is not supported yet.', default="sqlite"
    )
    shared_dir: Path | None = _key(
        "A folder in which several server processes on this machine keep together what they know of "
        "identities, licences and logins, and what identity checkers count; attack mode is then one for all "
        "of them. Made as needed.",
        default=None,
        in_words="none: this process knows what comes to it",
    )
    workers: WorkerCount = _key(
        "Processes that take the connections of mx, submission, submissions and lmtp; what comes over sockets "
        "of this machine or of systemd the main process takes itself, as it does everything where there are "
        "none. About as many as there are processors.",
        default=WorkerCount(0),
    )
    domains: tuple[str, ...] = _key(
        "Domains delivered here. The first completes a user name without @.",
        default=(),
        in_words="the hostname",
    )
    auth: tuple[str, ...] = _key(
        'Who may log in: strcred strings, asked in order; "accounts" is the built-in store.',
        default=("accounts",),
    )
    scram: bool = _key(
        "Whether submission offers SCRAM-SHA-256. It is for accounts that were given their password with "
        "--scram; others cannot log in by it.",
        default=False,
    )
    policies: tuple[str, ...] = _key("Plugin strings of delivery policies, asked in order.", default=())
    auth_failure_delay: Delay = _key(
        "A failed AUTH is answered on the next multiple of it. 0s: at once.", default=parse_duration("1s")
    )
    policy_timeout: Seconds = _key(
        "The wait for a checker or policy, which then counts as a temporary failure.",
        default=parse_duration("10s"),
    )
    log_format: LogFormat = _key(
        "How log events are written: text, or one JSON object per line.", default=LogFormat.TEXT
    )
    log_level: LogThreshold = _key(
        "Log events below this level are not written. Metrics count them all the same.",
        default=LogThreshold.INFO,
    )
    tls: Tls = Tls()
    listen: Listen = Listen()
    limits: Limits = Limits()
    addresses: Addresses = Addresses()
    aliases: Mapping[str, tuple[str, ...]] = _key(
        "Targets of each alias. The name is an address, a user name, or @domain for a catch-all. "
        "Exact beats subaddress beats catch-all.",
        default={},
    )
    delivery: Delivery = Delivery()
    programs: Mapping[str, Program] = field(factory=dict)
    clientid: ClientIdentification = ClientIdentification()
    identities: Identities = Identities()
    relay: Relay = Relay()
    tlsrpt: TlsReports = TlsReports()
    mta_sts: MtaSts = MtaSts()
    listeners: Mapping[str, Listener] = field(factory=dict, metadata={"derived_from": "listener"})
