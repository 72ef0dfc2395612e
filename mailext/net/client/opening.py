"""What is done on a new connection before a message can be sent on it."""

from __future__ import annotations

from twisted.mail.interfaces import IClientAuthentication

from mailext.interfaces import IMutualAuthentication
from mailext.net.client.protocol import MailClient
from mailext.net.client.settings import ClientSettings, Credentials, Identification, OnRefusal
from mailext.net.client.verification import level
from mailext.values import (
    HopError,
    Outcome,
    Protocol,
    TlsEvidence,
    TlsFailedError,
    TlsFailure,
    TlsLevel,
    TlsResultType,
    TlsUse,
)
from mailext.wire.replies import Reply
from mailext.wire.states import Command

__all__ = ["open_connection"]

_NOT_KNOWN = (500, 502)
# RFC 4616, RFC 7677.
_CLIENT_BEGINS = ("PLAIN", "SCRAM-SHA-256")
_NO_STARTTLS = "The host does not offer STARTTLS"
_NOT_SUPPORTED = TlsFailure(TlsResultType.STARTTLS_NOT_SUPPORTED)


async def open_connection(client: MailClient, settings: ClientSettings, use: TlsUse) -> None:
    """
    Greeting, EHLO, STARTTLS and EHLO again, CLIENTID, AUTH.

    :raise HopError: if the host does not want us, or cannot be dealt with.
    :raise TlsFailedError: if TLS cannot be had as it is wanted.
    """
    _accepted(client, await client.greeted())
    _check(client, use)
    await _hello(client, settings)
    if use is not TlsUse.NEVER and not client.session.tls:
        await _secure(client, settings, use)
    if client.hop.authenticate and settings.credentials is not None:
        if settings.identification is not None:
            await _identify(client, settings.identification)
        await _log_in(client, settings.credentials)
    client.rest()


def _accepted(client: MailClient, reply: Reply) -> None:
    if reply.is_error:
        raise HopError(reply.as_outcome(client.hop.host))


async def _hello(client: MailClient, settings: ClientSettings) -> None:
    if settings.protocol is Protocol.LMTP:
        _accepted(client, await client.hello(Command.LHLO))
        return
    reply = await client.hello(Command.EHLO)
    if reply.code in _NOT_KNOWN and settings.helo_fallback:
        # RFC 5321 section 3.2. Such a host has no extensions: what needs one
        # finds that it is not offered.
        reply = await client.hello(Command.HELO)
    _accepted(client, reply)


async def _secure(client: MailClient, settings: ClientSettings, use: TlsUse) -> None:
    refusal: Outcome | None = Outcome(451, "4.7.10", _NO_STARTTLS, client.hop.host)
    if "STARTTLS" in client.keywords:
        reply = await client.start_tls()
        refusal = reply.as_outcome(client.hop.host) if reply is not None else None
    if refusal is None:
        _check(client, use)
        await _hello(client, settings)
    elif use is not TlsUse.WHERE_OFFERED:
        raise TlsFailedError(refusal, _NOT_SUPPORTED, client.connection)


def _check(client: MailClient, use: TlsUse) -> None:
    """Before anything is said under TLS."""
    evidence = client.evidence
    if use is TlsUse.VERIFIED and evidence is not None and evidence.pkix_error:
        reason = f"The host is not who it should be: {evidence.pkix_error}"
        raise TlsFailedError(
            Outcome(451, "4.7.5", reason, client.hop.host), _not_verified(evidence), client.connection
        )


def _not_verified(evidence: TlsEvidence) -> TlsFailure:
    return TlsFailure(evidence.pkix_result, evidence.pkix_error or "")


async def _identify(client: MailClient, identification: Identification) -> None:
    refusal = Outcome(554, "5.7.0", "The host does not offer CLIENTID", client.hop.host)
    # C7, C8, draft-storey-smtp-client-id-13 section 4; and what tells one
    # device from all others is for its own server alone.
    if "CLIENTID" in client.keywords and level(client.evidence) is TlsLevel.AUTHENTICATED:
        reply = await client.identify(identification.identity)
        if not reply.is_error:
            return
        refusal = reply.as_outcome(client.hop.host)
    if identification.on_refusal is OnRefusal.STOP:
        raise HopError(refusal)


async def _log_in(client: MailClient, credentials: Credentials) -> None:
    if level(client.evidence) < credentials.needs:
        failure = _not_verified(client.evidence) if client.evidence is not None else _NOT_SUPPORTED
        reason = failure.reason or "there is no TLS"
        outcome = Outcome(451, "4.7.11", f"The password is not said: {reason}", client.hop.host)
        raise TlsFailedError(outcome, failure, client.connection)
    offered = [mechanism.upper() for mechanism in client.keywords.get("AUTH", ())]
    for authenticator in credentials.authenticators(credentials.username):
        mechanism = authenticator.getName().decode("ascii").upper()
        if mechanism in offered:
            await _exchange(client, credentials, mechanism, authenticator)
            return
    raise HopError(
        Outcome(554, "5.7.4", "The host offers no SASL mechanism that is known here", client.hop.host)
    )


async def _exchange(
    client: MailClient, credentials: Credentials, mechanism: str, authenticator: IClientAuthentication
) -> None:
    secret = credentials.password.encode("utf-8")
    # Where another mechanism lets the client begin, the server asks for that by
    # a challenge of no octets.
    initial = _response(client, authenticator, secret, b"") if mechanism in _CLIENT_BEGINS else None
    answer = await client.authenticate(mechanism, initial)
    while isinstance(answer, bytes):
        try:
            response = _response(client, authenticator, secret, answer)
        except HopError:
            await client.cancel_authentication()
            raise
        answer = await client.respond(response)
    _accepted(client, answer)
    if IMutualAuthentication.providedBy(authenticator) and not authenticator.serverProved:
        raise _broken_off(client, "it did not prove that it knows the password")


def _response(
    client: MailClient, authenticator: IClientAuthentication, secret: bytes, challenge: bytes
) -> bytes:
    try:
        response: bytes = authenticator.challengeResponse(secret, challenge)
    except ValueError as error:
        raise _broken_off(client, str(error)) from error
    return response


def _broken_off(client: MailClient, why: str) -> HopError:
    host = client.hop.host
    return HopError(Outcome(454, "4.7.0", f"The login at {host} was broken off: {why}"))
