"""What is so at the moment: the queue, the connections, certificates and disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from cryptography import x509
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from twisted.logger import Logger

from mailext.counts import ConnectionCounts
from mailext.queue.figures import QueueFigures

__all__ = ["Connections", "Moment"]

_log = Logger()


class Connections(Collector):
    """
    :param counts: the connections of each listener, by its name.
    """

    def __init__(self, counts: Mapping[str, ConnectionCounts]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """See ``prometheus_client.registry.Collector``."""
        now = GaugeMetricFamily("mailext_connections_open", "Connections at the moment", labels=["listener"])
        all_ = CounterMetricFamily("mailext_connections", "Connections since the start", labels=["listener"])
        for name, counts in self._counts.items():
            now.add_metric([name], counts.open)
            all_.add_metric([name], counts.begun)
        yield now
        yield all_


class Moment:
    """
    :param registry: shows the gauges to whoever asks.
    :param state_dir: whose disk is looked at.
    :param certificates: gives the files of our certificates as they are now.
    """

    def __init__(
        self, registry: CollectorRegistry, state_dir: Path, certificates: Callable[[], Iterable[Path]]
    ) -> None:
        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"mailext_{name}", meaning, labels, registry=registry)

        self._state_dir = state_dir
        self._certificates = certificates
        self._answers = gauge("store_answers", "Whether the store has told of the queue: 1, or 0")
        self._messages = gauge("queue_messages", "Messages in the queue")
        self._held = gauge("queue_held", "Those on hold")
        self._oldest = gauge(
            "queue_oldest_seconds", "The age of the oldest message in the queue, 0 without one"
        )
        self._expiry = gauge("certificate_expiry_seconds", "When it expires, as a Unix time", "file")
        self._free = gauge("state_free_octets", "Free space on the disk of state-dir")
        self._size = gauge("state_size_octets", "The size of that disk")

    def look(self, queue: QueueFigures | None, now: float) -> None:
        """
        Take down what is so.

        :param queue: None if the store does not tell.
        :param now: seconds since the epoch.
        """
        self._answers.set(queue is not None)
        if queue is not None:
            self._messages.set(queue.messages)
            self._held.set(queue.held)
            self._oldest.set(0 if queue.oldest is None else max(0.0, now - queue.oldest))
        self._look_at_disk()
        self._expiry.clear()
        for file in self._certificates():
            try:
                certificate = x509.load_pem_x509_certificate(file.read_bytes())
            except (OSError, ValueError):
                _log.failure("{file} is no certificate any more", file=str(file))
            else:
                self._expiry.labels(str(file)).set(certificate.not_valid_after_utc.timestamp())

    def _look_at_disk(self) -> None:
        try:
            disk = os.statvfs(self._state_dir)
        except OSError:
            _log.failure("The disk of {folder} does not tell its size", folder=str(self._state_dir))
        else:
            self._free.set(disk.f_bavail * disk.f_frsize)
            self._size.set(disk.f_blocks * disk.f_frsize)
