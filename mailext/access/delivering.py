"""The answer to FETCH, message by message, at the pace at which the client takes it."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from mailext.access.fetching import FetchedMessage, Item, MailboxMessage, Slice
from mailext.access.outflow import Outflow
from mailext.threads import RunInThread

__all__ = ["Wanted", "send_messages"]

# So much is made ready at one time, and so much of a file is read at one time.
_TOGETHER = 256 * 1024


@frozen
class Wanted:
    """
    One message that a client has asked for.

    :param sequence: its sequence number.
    :param asked: what the client is told of it.
    """

    sequence: int
    message: MailboxMessage
    asked: tuple[Item, ...]


@frozen
class _Ready:
    """
    What has been made ready.

    :param pieces: in their order.
    :param source: where places among them are; None if there are none.
    :param count: how many messages they are of.
    """

    pieces: list[bytes | Slice]
    source: FetchedMessage | None
    count: int


async def send_messages(outflow: Outflow, in_thread: RunInThread, wanted: Sequence[Wanted]) -> None:
    """
    :param wanted: a message that is gone is passed over: the client will be
        told so.
    :raise ConnectionLost: if the connection is gone.
    :raise twisted.internet.defer.TimeoutError: if the client takes nothing
        for too long.
    """
    sent = 0
    while sent < len(wanted):
        ready = await in_thread(_make_ready, wanted, sent)
        try:
            for piece in ready.pieces:
                if isinstance(piece, bytes):
                    await outflow.write(piece)
                elif ready.source is not None:
                    await _send_slice(outflow, in_thread, ready.source, piece)
        finally:
            if ready.source is not None:
                ready.source.close()
        sent += ready.count


async def _send_slice(outflow: Outflow, in_thread: RunInThread, source: FetchedMessage, place: Slice) -> None:
    end = place.offset + place.length
    for offset in range(place.offset, end, _TOGETHER):
        await outflow.write(await in_thread(source.read, Slice(offset, min(_TOGETHER, end - offset))))


def _make_ready(wanted: Sequence[Wanted], start: int) -> _Ready:
    """In a thread. As many messages as are not too much, and not beyond one that is large."""
    pieces: list[bytes] = []
    size = count = 0
    for each in wanted[start:]:
        count += 1
        try:
            fetched = FetchedMessage(each.message, each.asked)
        except FileNotFoundError:
            continue
        try:
            answer = list(fetched.answer(each.sequence, each.asked))
        except BaseException:
            fetched.close()
            raise
        octets = [piece for piece in answer if isinstance(piece, bytes)]
        if len(octets) < len(answer):
            return _Ready([b"".join(pieces), *answer], fetched, count)
        fetched.close()
        pieces += octets
        size += sum(map(len, octets))
        if size > _TOGETHER:
            break
    return _Ready([b"".join(pieces)], None, count)
