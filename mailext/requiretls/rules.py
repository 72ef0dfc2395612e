# ruff: noqa: ARG002 - an interface gives more than one rule looks at
"""
The built-in policy ``requiretls``: fixed rules that demand REQUIRETLS on a
sender's behalf (R20, RFC 8689 section 4.3).
"""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

import idna
from zope.interface import implementer

from mailext.bases import DeliveryPolicy
from mailext.interfaces import IDeliveryPolicy, IDeliveryPolicyFactory, IPluginServices
from mailext.plugins import parse_arguments
from mailext.values import (
    ACCEPTED,
    Envelope,
    Mailbox,
    MailOptions,
    RcptOptions,
    SessionView,
    TlsDemand,
    Verdict,
)

__all__ = ["RequireTlsRule", "RequireTlsRuleFactory"]

_REQUIRED = replace(ACCEPTED, tls_demand=TlsDemand.REQUIRE)


class RequireTlsRule(DeliveryPolicy):
    """
    Demands REQUIRETLS for messages that a matching account submits, that go
    to a matching recipient domain, or both where both are given.

    :param accounts: globs of accounts, compared without regard to case; empty
        for any client, logged in or not.
    :param domains: globs of recipient domains, compared as A-labels; empty
        for any.
    :raise ValueError: if neither is given, or a glob of a domain cannot be
        written in A-labels.
    """

    def __init__(self, accounts: tuple[str, ...] = (), domains: tuple[str, ...] = ()) -> None:
        if not accounts and not domains:
            raise ValueError("give account=GLOB or domain=GLOB, or both")
        if "" in (*accounts, *domains):
            raise ValueError("an empty glob matches nothing")
        self._accounts = tuple(glob.lower() for glob in accounts)
        self._domains = tuple(_domain_glob(glob) for glob in domains)

    def judgeSender(self, sender: Mailbox | None, options: MailOptions, session: SessionView) -> Verdict:
        """See :meth:`IDeliveryPolicy.judgeSender`."""
        return _REQUIRED if not self._domains and self._is_of_account(session) else ACCEPTED

    def judgeRecipient(
        self, envelope: Envelope, recipient: Mailbox, options: RcptOptions, session: SessionView
    ) -> Verdict:
        """See :meth:`IDeliveryPolicy.judgeRecipient`."""
        domain = _a_labels(recipient.domain)
        if self._is_of_account(session) and any(fnmatchcase(domain, glob) for glob in self._domains):
            return _REQUIRED
        return ACCEPTED

    def _is_of_account(self, session: SessionView) -> bool:
        if not self._accounts:
            return True
        account = session.avatar_id
        return account is not None and any(fnmatchcase(account.lower(), glob) for glob in self._accounts)


def _a_labels(domain: str) -> str:
    # UTS 46 takes more spellings for one name than a strict look-up does: a
    # rule that demands TLS may match too much, never too little.
    try:
        return idna.encode(domain, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        return domain.lower()


def _domain_glob(glob: str) -> str:
    try:
        return ".".join(
            label.lower() if label.isascii() else idna.encode(label, uts46=True).decode("ascii")
            for label in glob.split(".")
        )
    except idna.IDNAError as error:
        raise ValueError(f"{glob!r} cannot be written in A-labels: {error}") from error


@implementer(IDeliveryPolicyFactory)
class RequireTlsRuleFactory:
    """Makes the policy ``requiretls``."""

    name = "requiretls"
    help = """
    Demands REQUIRETLS (RFC 8689) for a message on its sender's behalf: where
    a matching account submits it, where it goes to a matching recipient
    domain, or where both hold, if both are given. Each takes a list, parted
    by commas; * and ? stand for any characters and for any one.
    """
    argStringFormat = "account=GLOB[,GLOB...]:domain=GLOB[,GLOB...]"

    def generatePolicy(self, argstring: str, services: IPluginServices) -> IDeliveryPolicy:
        """See :meth:`IDeliveryPolicyFactory.generatePolicy`."""
        arguments = parse_arguments(argstring, {"account", "domain"})
        return RequireTlsRule(arguments.get("account", ()), arguments.get("domain", ()))
