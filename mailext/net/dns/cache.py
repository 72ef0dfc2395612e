"""Answers, for as long as they may be kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from dns.name import Name
from dns.rdata import Rdata
from dns.rdatatype import RdataType

from mailext.net.dns.answers import TimedAnswer
from mailext.values import DnsAnswer

__all__ = ["DnsCache", "Question"]

Question = tuple[Name, RdataType]

# In seconds. RFC 2308 section 5 wants hours for what does not exist.
_LONGEST = 86400.0
_LONGEST_NEGATIVE = 3600.0


class DnsCache:
    """
    Keeps what was answered, and forgets what nobody asked for the longest.

    :param monotonic: seconds of a clock that cannot be set.
    :param size: how many answers are kept at most.
    """

    def __init__(self, monotonic: Callable[[], float], size: int = 10_000) -> None:
        self._monotonic = monotonic
        self._size = size
        self._kept: OrderedDict[Question, tuple[float, DnsAnswer[Rdata]]] = OrderedDict()

    def get(self, question: Question) -> DnsAnswer[Rdata] | None:
        """The answer, None if there is none that may still be used."""
        end, answer = self._kept.get(question, (0.0, None))
        if answer is None:
            return None
        if end <= self._monotonic():
            del self._kept[question]
            return None
        self._kept.move_to_end(question)
        return answer

    def forget(self, question: Question) -> None:
        """There is no answer to this question any more."""
        self._kept.pop(question, None)

    def put(self, question: Question, timed: TimedAnswer) -> None:
        """Keep an answer, by its time to live."""
        longest = _LONGEST if timed.answer.records else _LONGEST_NEGATIVE
        ttl = min(timed.ttl, longest)
        if ttl <= 0:
            return
        self._kept[question] = self._monotonic() + ttl, timed.answer
        self._kept.move_to_end(question)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
