# ruff: noqa: ARG002 - an interface gives more than one rule looks at
"""
The built-in policy ``requiretls``: rules that demand REQUIRETLS on a sender's
behalf (R20, RFC 8689 section 4.3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import idna
from zope.interface import implementer

from mailext.bases import DeliveryPolicy
from mailext.interfaces import (
    IDeliveryPolicy,
    IDeliveryPolicyFactory,
    IPluginServices,
    IRelayServices,
    IRequireTlsSupport,
)
from mailext.message.field_names import own_field_name
from mailext.message.headers import HeaderSection
from mailext.plugins import parse_arguments, single
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

__all__ = ["RequireTlsMessageRule", "RequireTlsRule", "RequireTlsRuleFactory", "WhoseMail"]

_REQUIRED = replace(ACCEPTED, tls_demand=TlsDemand.REQUIRE)


@dataclass(frozen=True, slots=True)
class WhoseMail:
    """
    Whose mail a rule is about, and where to.

    :param accounts: globs of accounts, in lower case; empty for any client,
        logged in or not.
    :param domains: globs of recipient domains, in A-labels and lower case;
        empty for any.
    """

    accounts: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()

    @classmethod
    def of(cls, accounts: tuple[str, ...], domains: tuple[str, ...]) -> WhoseMail:
        """
        Read globs as people write them.

        :raise ValueError: if a glob is empty, or cannot be written in A-labels.
        """
        if "" in (*accounts, *domains):
            raise ValueError("an empty glob matches nothing")
        return cls(tuple(glob.lower() for glob in accounts), tuple(map(_domain_glob, domains)))

    def is_from(self, session: SessionView) -> bool:
        """Whether the client is one of them."""
        if not self.accounts:
            return True
        account = session.avatar_id
        return account is not None and any(fnmatchcase(account.lower(), glob) for glob in self.accounts)

    def is_to(self, recipient: Mailbox) -> bool:
        """Whether a recipient is in one of these domains."""
        domain = _a_labels(recipient.domain)
        return not self.domains or any(fnmatchcase(domain, glob) for glob in self.domains)


class RequireTlsRule(DeliveryPolicy):
    """
    Demands REQUIRETLS for messages that a matching account submits, that go
    to a matching recipient domain, or both where both are given.
    """

    def __init__(self, whose: WhoseMail) -> None:
        self._whose = whose

    def judgeSender(self, sender: Mailbox | None, options: MailOptions, session: SessionView) -> Verdict:
        """See :meth:`IDeliveryPolicy.judgeSender`."""
        return _REQUIRED if not self._whose.domains and self._whose.is_from(session) else ACCEPTED

    def judgeRecipient(
        self, envelope: Envelope, recipient: Mailbox, options: RcptOptions, session: SessionView
    ) -> Verdict:
        """See :meth:`IDeliveryPolicy.judgeRecipient`."""
        whose = self._whose
        return _REQUIRED if whose.domains and whose.is_from(session) and whose.is_to(recipient) else ACCEPTED


class RequireTlsMessageRule(DeliveryPolicy):
    """
    Demands it for those of such messages that ask for it in their header
    section, or that lose nothing by it.

    :param field: the header field that asks, unless it says no; it is removed.
        Empty: none has to.
    :param support: knows of every recipient whether it would go; None: that is
        not asked.
    """

    def __init__(self, whose: WhoseMail, field: str, support: IRequireTlsSupport | None) -> None:
        self._whose = whose
        self._field = field
        self._support = support

    def judgeMessage(self, envelope: Envelope, headers: HeaderSection, session: SessionView) -> Verdict:
        """See :meth:`IDeliveryPolicy.judgeMessage`."""
        if not self._whose.is_from(session):
            return ACCEPTED
        verdict = replace(ACCEPTED, remove_headers=(self._field,)) if self._field else ACCEPTED
        recipients = [recipient.address for recipient in envelope.recipients]
        asked = (
            any(map(self._whose.is_to, recipients))
            and self._is_asked_for(headers)
            and (self._support is None or all(map(self._support.supports, recipients)))
        )
        return replace(verdict, tls_demand=TlsDemand.REQUIRE) if asked else verdict

    def _is_asked_for(self, headers: HeaderSection) -> bool:
        if not self._field:
            return True
        return any(value.lower() != "no" for value in headers.values(self._field.lower().encode("ascii")))


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
    domain, where it has a certain header field, where it is known of every
    recipient's domain that the message will go. Of these, all that are given
    must hold. Accounts and domains are lists, parted by commas; * and ? stand
    for any characters and for any one. The header field asks unless its value
    is no, and is removed. What domains support is learned from deliveries, and
    forgotten after two weeks, or with the first host that does not.
    """
    argStringFormat = "account=GLOB[,GLOB...]:domain=GLOB[,GLOB...]:header=NAME:supported=yes"

    def generatePolicy(self, argstring: str, services: IPluginServices) -> IDeliveryPolicy:
        """See :meth:`IDeliveryPolicyFactory.generatePolicy`."""
        arguments = parse_arguments(argstring, {"account", "domain", "header", "supported"})
        if not arguments:
            raise ValueError("give at least one of account, domain, header and supported")
        whose = WhoseMail.of(arguments.get("account", ()), arguments.get("domain", ()))
        if not arguments.keys() & {"header", "supported"}:
            return RequireTlsRule(whose)
        field = own_field_name(single(arguments, "header", "")) if "header" in arguments else ""
        support = None
        if "supported" in arguments:
            if single(arguments, "supported", "") != "yes":
                raise ValueError("supported can be yes alone")
            if not IRelayServices.providedBy(services):
                raise ValueError("what domains support is known to a server that relays, and not here")
            support = IRelayServices(services).support
        return RequireTlsMessageRule(whose, field, support)
