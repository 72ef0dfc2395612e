"""What relaying is done with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mailext.delivery.relay.patience import HostPatience
from mailext.interfaces import IBindingAuthenticator, IHopConnector, IMXAuthenticator, ITlsResultSink
from mailext.queue.backoff import DestinationBackoff
from mailext.requiretls.support import SupportSink, Unlearned
from mailext.routing import Router
from mailext.tlsrpt.sessions import Uncounted

__all__ = ["RelayMeans"]


@dataclass(frozen=True, slots=True)
class RelayMeans:
    """
    :param router: finds the hosts of a domain.
    :param connector: opens connections to them.
    :param authenticator: judges what the connections prove, and says what is
        demanded of them.
    :param unasking: judges likewise, by what is known without asking anybody:
        for messages that no recipient's policy may stop.
    :param backoff: is told which destinations can be reached.
    :param patience: is told which hosts answer.
    :param steady: seconds of a clock that never jumps, for the log.
    :param results: counts what became of TLS.
    :param support: learns who keeps the promise of REQUIRETLS.
    """

    router: Router
    connector: IHopConnector
    authenticator: IBindingAuthenticator
    unasking: IMXAuthenticator
    backoff: DestinationBackoff
    patience: HostPatience
    steady: Callable[[], float]
    results: ITlsResultSink = field(default_factory=Uncounted)
    support: SupportSink = field(default_factory=Unlearned)
