"""Sends a message through a server, with what the command line says of it."""

from __future__ import annotations

import getpass
import socket
import uuid
from argparse import Namespace
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from attrs import frozen
from zope.interface import implementer

from mailext.cli.letter import Letter
from mailext.cli.process import run_program
from mailext.cli.send_options import TlsChoice
from mailext.config.problems import COMMAND_LINE, ConfigurationError, Problem
from mailext.config.relaying import next_hop
from mailext.control.requests import RequestRefusedError
from mailext.control.submission import SentJson, sent_as_json
from mailext.interfaces import IClientIdentitySource
from mailext.message.headers import HeaderSection
from mailext.message.sendmail import author_in, with_author
from mailext.message.submission import complete, with_tls_optional
from mailext.net.client.sending import MailSender, MailServer, Reactor
from mailext.net.client.settings import Credentials, OnRefusal
from mailext.net.client.verification import TrustRoots
from mailext.routing.places import is_loopback
from mailext.values import (
    ClientIdentity,
    Envelope,
    HopError,
    Mailbox,
    MailOptions,
    Outcome,
    RcptOptions,
    Recipient,
    TlsDemand,
    TlsLevel,
    TlsUse,
)
from mailext.wire.grammar import parse_mailbox

__all__ = ["check_server_options", "send_through"]

_STARTTLS_PORT = 587
_IMPLICIT_PORT = 465


@implementer(IClientIdentitySource)
@frozen
class _GivenIdentity:
    """The identity that the command line gives."""

    identity: ClientIdentity

    def identityFor(self, account: str, server: str) -> ClientIdentity:  # noqa: ARG002 - for all the same
        return self.identity


def check_server_options(arguments: Namespace) -> None:
    """:raise ConfigurationError: if options of a server contradict each other."""
    problems = [Problem(COMMAND_LINE, *each) for each in _contradictions(arguments)]
    if problems:
        raise ConfigurationError(problems)


def _contradictions(arguments: Namespace) -> Iterator[tuple[str, str]]:
    if (arguments.user is None) != (arguments.password is None):
        yield "--user", "a login needs --user and --password-file"
    if arguments.identity is not None and arguments.user is None:
        yield "--clientid", "it is said before a login, and there is no --user"
    if arguments.clientid_required and arguments.identity is None:
        yield "--clientid-required", "there is no --clientid"
    try:
        server = _mail_server(arguments)
    except ValueError as error:
        yield "--server", str(error)
        return
    if arguments.tls == TlsChoice.NONE and arguments.user is not None and not is_loopback(server.host):
        yield "--tls", "no password is said without TLS, but to this machine"
    try:
        _trust_roots(arguments)
    except ValueError as error:
        yield "--trust-roots", str(error)


def _trust_roots(arguments: Namespace) -> TrustRoots | None:
    return None if arguments.roots is None else TrustRoots(arguments.roots)


def _mail_server(arguments: Namespace) -> MailServer:
    """
    What the command line says of the server.

    :raise ValueError: if it cannot be one.
    """
    port = _IMPLICIT_PORT if arguments.tls == TlsChoice.IMPLICIT else _STARTTLS_PORT
    place = next_hop(arguments.server, port)
    in_clear = arguments.tls == TlsChoice.NONE
    credentials = None
    if arguments.user is not None:
        needs = TlsLevel.NONE if in_clear else TlsLevel.AUTHENTICATED
        credentials = Credentials(arguments.user, arguments.password, needs=needs)
    return MailServer(
        place.host,
        place.port,
        implicit_tls=arguments.tls == TlsChoice.IMPLICIT
        or (arguments.tls is None and place.port == _IMPLICIT_PORT),
        use=TlsUse.NEVER if in_clear else TlsUse.VERIFIED,
        credentials=credentials,
        identities=_GivenIdentity(arguments.identity) if arguments.identity is not None else None,
        on_refusal=OnRefusal.STOP if arguments.clientid_required else OnRefusal.GO_ON,
    )


def send_through(arguments: Namespace, letter: Letter) -> SentJson:
    """
    :raise RequestRefusedError: if an address cannot be used, or the server
        could not be reached or would not have us.
    """
    envelope, message = _addressed(arguments, letter)
    server = _mail_server(arguments)

    async def send(reactor: Reactor) -> Mapping[Mailbox, Outcome]:
        sender = MailSender(server, reactor, roots=_trust_roots(arguments))
        try:
            return await sender.send(envelope, message)
        finally:
            await sender.close()

    try:
        return sent_as_json(run_program(send))
    except HopError as error:
        raise RequestRefusedError(str(error)) from error


def _addressed(arguments: Namespace, letter: Letter) -> tuple[Envelope, bytes]:
    """The envelope, and the message with the fields that are needed."""
    headers, body = HeaderSection.parse(letter.content)
    if letter.demand is TlsDemand.OPTIONAL:
        headers = with_tls_optional(headers)
    own = _own_address(arguments.user)
    sender = _mailbox(letter.sender, own.domain) if letter.sender else None
    author = _mailbox(author_in(headers) or str(sender or own), own.domain)
    try:
        headers = with_author(headers, author, letter.full_name)
    except ValueError as error:
        raise RequestRefusedError(f"not a name: {letter.full_name!r}") from error
    headers = complete(
        headers, date=datetime.now(UTC).astimezone(), unique=str(uuid.uuid4()), hostname=author.domain
    )
    options = RcptOptions(letter.notify)
    envelope = Envelope(
        author if letter.sender is None else sender,
        tuple(Recipient(_mailbox(address, own.domain), options) for address in letter.recipients),
        MailOptions(requiretls=letter.demand is TlsDemand.REQUIRE, ret=letter.ret, envid=letter.envid),
        letter.demand,
    )
    return envelope, bytes(headers) + body


def _mailbox(address: str, domain: str) -> Mailbox:
    """
    :param domain: completes a name, as those that cron sends to.
    """
    try:
        return parse_mailbox(address if "@" in address else f"{address}@{domain}")
    except ValueError as error:
        raise RequestRefusedError(f"not an address: {address!r}") from error


def _own_address(user: str | None) -> Mailbox:
    return _mailbox(user or getpass.getuser(), socket.getfqdn())
