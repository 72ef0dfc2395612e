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

from mailext.interfaces.checkers import IClientIdentified, IClientIdentityChecker
from mailext.interfaces.delivery import IDelivery, IDeliveryPolicy, IDeliveryTarget, IEnvelopeAwareDelivery
from mailext.interfaces.dns import IRememberingResolver, IResolver
from mailext.interfaces.hops import (
    IClientIdentitySource,
    IHopConnection,
    IHopConnector,
    IMutualAuthentication,
    IPipeliningConnection,
)
from mailext.interfaces.mailboxes import IMailboxWatcher, IOpenableMailbox, IRefreshableMailbox
from mailext.interfaces.plugins import (
    IClientIdentityCheckerFactory,
    IDeliveryPolicyFactory,
    IPluginServices,
    IRelayServices,
    IRequireTlsSupport,
)
from mailext.interfaces.queue import IContentWriter, IQueueStore
from mailext.interfaces.registries import ICounterStore, IIdentityRegistry, ILicenceRegistry
from mailext.interfaces.trust import (
    IBindingAuthenticator,
    IMXAuthenticator,
    IReportedAuthenticator,
    IRevisableAuthenticator,
    ITlsResultSink,
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
