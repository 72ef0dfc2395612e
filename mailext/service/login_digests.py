"""The holder's log of logins as a message (C23)."""

from __future__ import annotations

from collections import defaultdict, deque

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailext.clientid.entries import LoginEntry
from mailext.message.login_digest import LoginDigest, compose_login_digest
from mailext.service.holder_mail import HolderMail
from mailext.storage.holder_digest import DigestMark
from mailext.storage.logins import SqlLoginLog

__all__ = ["LoginDigests"]

_log = Logger()

_PAGE = 1000
# Whoever guesses passwords decides how many lines there are.
_MOST_LINES = 200


class LoginDigests:
    """
    At every multiple of an interval, sends each holder what has come into his
    log of logins since. If the server dies meanwhile, somebody may get the
    same message twice.

    :param clock: its ``seconds()`` is the wall clock.
    """

    def __init__(self, logins: SqlLoginLog, mark: DigestMark, clock: IReactorTime) -> None:
        self._logins = logins
        self._mark = mark
        self._clock = clock
        self._next: IDelayedCall | None = None

    def configure(self, every: float | None, mail: HolderMail) -> None:
        """
        Begin, or go on with another interval.

        :param every: seconds; None to send nothing from now on.
        :param mail: sends the messages.
        """
        self.stop()
        if every is None:
            self._mark.forget().addErrback(self._failed)
            return
        Deferred.fromCoroutine(self._last()).addErrback(self._failed)
        self._wait(every, mail)

    def stop(self) -> None:
        """Begin nothing more; what is under way ends with the store."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _wait(self, every: float, mail: HolderMail) -> None:
        self._next = self._clock.callLater(every - self._clock.seconds() % every, self._run, every, mail)

    def _run(self, every: float, mail: HolderMail) -> None:
        self._wait(every, mail)
        Deferred.fromCoroutine(self._send(mail)).addErrback(self._failed)

    async def _send(self, mail: HolderMail) -> None:
        last = await self._last()
        counted: defaultdict[str, int] = defaultdict(int)
        latest: defaultdict[str, deque[LoginEntry]] = defaultdict(lambda: deque(maxlen=_MOST_LINES))
        while page := await self._logins.page(last, _PAGE):
            for _, entry in page:
                if entry.user_log:
                    counted[entry.account] += 1
                    latest[entry.account].append(entry)
            last = page[-1][0]
        for account, entries in latest.items():
            await self._tell(mail, account, entries, counted[account] - len(entries))
        await self._mark.set(last)

    async def _last(self) -> int:
        """Up to where holders know. The first time it is the latest login: what was before is no news."""
        last, latest = await self._mark.get(), await self._logins.latest()
        if last is None or last > latest:
            # A registry that is shared no longer had greater numbers.
            last = latest
            await self._mark.set(last)
        return last

    async def _tell(self, mail: HolderMail, account: str, entries: deque[LoginEntry], earlier: int) -> None:
        holder = mail.holder_of(account)
        if holder is None:
            return
        lines = [entry.told() for entry in entries]
        digest = LoginDigest(mail.hostname, mail.unique(), holder, self._clock.seconds(), lines, earlier)
        outcome = await mail.send(holder, *compose_login_digest(digest))
        if not outcome.delivered:
            _log.warn("{account} could not be sent its log: {outcome}", account=account, outcome=str(outcome))

    @staticmethod
    def _failed(failure: Failure) -> None:
        _log.failure("The logs of holders could not be sent; they are with the next ones", failure)
