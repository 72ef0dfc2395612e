"""What has happened since the start, counted from log events."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter
from twisted.logger import ILogObserver, LogEvent, LogLevel
from zope.interface import implementer

__all__ = ["Figures"]

#: What the first digit of a reply means for a recipient.
_OUTCOMES = {"2": "delivered", "4": "deferred", "5": "failed"}
_TROUBLE = (LogLevel.error, LogLevel.critical)


@implementer(ILogObserver)
class Figures:
    """
    Counts log events. Labels never hold what a client can choose at will: the
    number of figures is bounded.

    :param registry: shows the counters to whoever asks.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"mailext_{name}", meaning, labels, registry=registry)

        self._accepted = counter("messages_accepted", "Messages that were acknowledged")
        self._octets = counter("accepted_octets", "Their size")
        self._attempts = counter("attempts", "What attempts brought recipients", "outcome")
        self._done = counter("messages_done", "Messages that have left the queue")
        self._relay = counter("relay", "Attempts at hosts of other domains", "tls_level", "mx_level")
        self._reports = counter("reports", "Failures of which senders were told, or not", "told")
        self._logins = counter("logins", "Attempts to log in", "listener", "outcome")
        self._identities = counter(
            "identity_decisions", "Decisions of identity checkers", "checker", "decision"
        )
        self._refusals = counter("refusals", "Error replies to clients", "listener", "code", "status")
        self._limits = counter("limit_hits", "Clients that came up against a limit", "listener", "limit")
        self._judgements = counter("policy_refusals", "Refusals by policies and checkers", "question")
        self._trouble = counter("log_errors", "Log events of level error or critical")
        self._kinds: Mapping[object, Callable[[LogEvent], None]] = {
            "accepted": self._count_accepted,
            "attempt": self._count_attempt,
            "done": lambda _: self._done.inc(),
            "relay": lambda event: self._relay.labels(event["tlsLevel"], event["mxLevel"]).inc(),
            "report": lambda _: self._reports.labels("yes").inc(),
            "unreported": lambda _: self._reports.labels("no").inc(),
            "login": lambda event: self._logins.labels(event["listener"], event["outcome"]).inc(),
            "identity": lambda event: self._identities.labels(event["checker"], event["decision"]).inc(),
            "refusal": self._count_refusal,
            "refused": lambda event: self._judgements.labels(event["question"]).inc(),
        }

    def __call__(self, event: LogEvent) -> None:
        """See :class:`twisted.logger.ILogObserver`."""
        count = self._kinds.get(event.get("event"))
        if count is not None:
            count(event)
        if event["log_level"] in _TROUBLE:
            self._trouble.inc()

    def _count_accepted(self, event: LogEvent) -> None:
        self._accepted.inc()
        self._octets.inc(event["size"])

    def _count_attempt(self, event: LogEvent) -> None:
        for reply in event["replies"].values():
            self._attempts.labels(_OUTCOMES[reply[0]]).inc()

    def _count_refusal(self, event: LogEvent) -> None:
        listener = event["listener"]
        self._refusals.labels(listener, str(event["code"]), event["enhanced"]).inc()
        if event["limit"]:
            self._limits.labels(listener, event["limit"]).inc()
