"""
The nouns of mailext: what its rooms hand to each other.

Every class here is a frozen value without behaviour that needs a clock, a
disk or a network. A published value only ever gains fields, each with a
default, so that a checker or policy written against it goes on working.
"""

from __future__ import annotations

from mailext.values.addresses import Mailbox
from mailext.values.dns import DnsAnswer, DnsError, DnsStatus, MxRecord, TlsaRecord
from mailext.values.envelopes import (
    BodyType,
    Envelope,
    MailOptions,
    Notify,
    RcptOptions,
    Recipient,
    Ret,
    TlsDemand,
)
from mailext.values.identities import IdentityChurn, IdentityRecord, IdentityStatus, Licence, SeenPlace
from mailext.values.logins import AttackMode, Circumstances, LoginAttempt, LoginOutcome, Place, Tally
from mailext.values.mailboxes import MailboxNews
from mailext.values.proofs import AuthenticatedBy, MxLevel, Proof, PublishedDemand, TlsEvidence, TlsLevel
from mailext.values.queue import (
    Handover,
    Outcome,
    Progress,
    QueuedRecipient,
    QueueEntry,
    RecipientState,
    Settlement,
)
from mailext.values.routes import HopError, NextHop, RequireTlsMode, Route, Security, TlsFailedError, TlsUse
from mailext.values.sessions import ClientIdentity, Protocol, SessionView, TlsFacts
from mailext.values.tls_results import (
    HopSession,
    PolicyResult,
    TlsFailure,
    TlsPolicy,
    TlsPolicyType,
    TlsResult,
    TlsResultType,
)
from mailext.values.verdicts import ACCEPTED, HeaderField, Verdict

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
