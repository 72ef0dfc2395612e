"""Messages for the tests of queue and storage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mailext.interfaces import IContentWriter, IQueueStore
from mailext.values import (
    Envelope,
    Mailbox,
    QueuedRecipient,
    QueueEntry,
    Recipient,
    TlsDemand,
)

ANN = Mailbox("ann", "example.org")
BOB = Mailbox("bob", "example.org")
CAROL = Mailbox("carol", "example.net")

CONTENT = b"Subject: hello\r\nTo: ann\r\n\r\nA line.\r\n"


def envelope_to(*addresses: Mailbox, sender: Mailbox | None = CAROL) -> Envelope:
    """An envelope without any parameters."""
    return Envelope(sender, tuple(Recipient(address) for address in addresses))


def entry_of(
    queue_id: str, envelope: Envelope, *, size: int = len(CONTENT), arrived: float = 1000.0
) -> QueueEntry:
    """A new entry that is due when it arrives."""
    return QueueEntry(
        id=queue_id,
        arrived=arrived,
        envelope=envelope,
        recipients=tuple(QueuedRecipient(recipient) for recipient in envelope.recipients),
        size=size,
        next_attempt=arrived,
    )


def with_demand(envelope: Envelope, demand: TlsDemand) -> Envelope:
    """The same envelope with a TLS demand."""
    return replace(envelope, tls_demand=demand)


def written(store: IQueueStore, *chunks: bytes) -> IContentWriter:
    """A content that was opened by the store and holds these chunks."""
    content = store.openContent()
    for chunk in chunks:
        content.write(chunk)
    return content


def large_content(octets: int) -> Iterator[bytes]:
    """A message of about this size, in chunks of 16 KiB that differ."""
    yield b"Subject: large\r\n\r\n"
    for number in range(octets // 16384):
        yield (b"%016d" % number) * 1023 + b"............\r\n..\r\n"[:16]
