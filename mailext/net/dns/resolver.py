"""The resolver of a running server."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import dns.name
from dns.exception import DNSException
from dns.rdata import Rdata
from dns.rdatatype import RdataType
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mailext.interfaces import IRememberingResolver
from mailext.lookups import MailLookups
from mailext.net.dns.answers import TimedAnswer
from mailext.net.dns.cache import DnsCache, Question
from mailext.threads import RunInThread, ThreadsBusyError
from mailext.values import DnsAnswer, DnsError, DnsStatus

__all__ = ["Resolver"]

_log = Logger()


@implementer(IRememberingResolver)
class Resolver(MailLookups):
    """
    Answers from memory, or by asking in a thread.

    :param ask: asks name servers, blocks, and raises
        :class:`~mailext.values.DnsError`.
    :param run: calls it in a thread of a bounded pool.
    :param clock: bounds the wait for an answer.
    :param patience: how long to wait for an answer, in seconds; the wait for a
        thread counts.
    """

    def __init__(
        self,
        ask: Callable[[dns.name.Name, RdataType], TimedAnswer],
        run: RunInThread,
        cache: DnsCache,
        clock: IReactorTime,
        *,
        patience: float = 30.0,
    ) -> None:
        self._ask = ask
        self._run = run
        self._cache = cache
        self._clock = clock
        self._patience = patience
        self._asked: dict[Question, list[Deferred[DnsAnswer[Rdata]]]] = {}

    def lookup(self, name: str, rdtype: RdataType) -> Deferred[DnsAnswer[Rdata]]:
        """See :meth:`IResolver.lookup`."""
        question = _question(name, rdtype)
        if question is None:
            # Nothing can have such a name.
            return succeed(DnsAnswer(name, (), DnsStatus.INSECURE, exists=False))
        answer = self._cache.get(question)
        if answer is not None:
            return succeed(answer)
        return self._asked_for(question)

    def forget(self, name: str, rdtype: RdataType) -> None:
        """See :meth:`IRememberingResolver.forget`."""
        question = _question(name, rdtype)
        if question is not None:
            self._cache.forget(question)

    def _asked_for(self, question: Question) -> Deferred[DnsAnswer[Rdata]]:
        # A Deferred for each who asks: one may lose patience before another.
        answered: Deferred[DnsAnswer[Rdata]] = Deferred()
        waiting = self._asked.get(question)
        if waiting is None:
            self._asked[question] = [answered]
            Deferred.fromCoroutine(self._ask_servers(question)).addBoth(self._tell, question)
        else:
            waiting.append(answered)
        return answered.addTimeout(self._patience, self._clock, onTimeoutCancel=_out_of_patience)

    async def _ask_servers(self, question: Question) -> DnsAnswer[Rdata]:
        try:
            timed = await self._run(self._ask, *question)
        except DnsError:
            raise
        except ThreadsBusyError as error:
            raise DnsError("too many look-ups wait for their turn") from error
        except Exception as error:
            _log.failure("A look-up failed")
            raise DnsError("the look-up failed") from error
        self._cache.put(question, timed)
        return timed.answer

    def _tell(self, result: DnsAnswer[Rdata] | Failure, question: Question) -> None:
        for waiting in self._asked.pop(question):
            # Who lost patience has cancelled, and takes this without a word.
            if isinstance(result, Failure):
                waiting.errback(result)
            else:
                waiting.callback(result)


def _question(name: str, rdtype: RdataType) -> Question | None:
    try:
        return dns.name.from_text(name.encode("ascii").lower()), rdtype
    except (DNSException, UnicodeError):
        return None


def _out_of_patience(_result: object, seconds: float) -> NoReturn:
    raise DnsError(f"no answer within {seconds:g} seconds")
