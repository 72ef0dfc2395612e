"""
One attempt to log in before its checkers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime

from mailext.clientid.result import LoginRefusedError, LoginUnavailableError, RejectAt
from mailext.interfaces import IClientIdentityChecker
from mailext.judgement import ask, checked, log_trouble
from mailext.values import LoginAttempt, LoginOutcome, Verdict

__all__ = ["Hearing"]

_Question = Callable[[IClientIdentityChecker], Verdict | Deferred[Verdict]]


class Hearing:
    """
    The checkers that judge one attempt, and what they have found so far.

    :param checkers: of these, those that judge the attempt's identity.
    :param timeout: for how many seconds one may keep the attempt waiting.
    :ivar refusal: the refusal, in words for the client; None while there is
        none.
    :ivar avatar_id: whose password was found right; None while none was.
    """

    def __init__(
        self,
        checkers: Sequence[IClientIdentityChecker],
        attempt: LoginAttempt,
        clock: IReactorTime,
        timeout: float,
        reject_at: RejectAt,
    ) -> None:
        self.attempt = attempt
        self.refusal: Verdict | None = None
        self.avatar_id: str | None = None
        self._checkers = [checker for checker in checkers if _judges(checker, attempt)]
        self._clock = clock
        self._timeout = timeout
        self._reject_at = reject_at

    @property
    def is_attended(self) -> bool:
        """Whether there is any checker at all."""
        return bool(self._checkers)

    async def before_password(self) -> None:
        """
        Have the attempt judged before the password is looked at.

        :raise LoginRefusedError: if it is refused, and AUTH is to fail for it.
        :raise LoginUnavailableError: if a checker gives no verdict.
        """
        await self._judge(lambda checker: checker.checkAttempt(self.attempt), LoginUnavailableError)

    async def after_password(self, avatar_id: str) -> None:
        """
        Have the account judged, now that the password was found right.

        :raise LoginRefusedError: if it is refused, and AUTH is to fail for it;
            or if a checker gives no verdict: told apart from a wrong password
            it would tell that this one was right.
        """
        self.avatar_id = avatar_id
        await self._judge(
            lambda checker: checker.checkLogin(self.attempt, avatar_id),
            partial(LoginRefusedError, LoginOutcome.ERROR),
        )

    def close(self, attempt: LoginAttempt, outcome: LoginOutcome) -> None:
        """Tell every checker of this hearing what became of the attempt."""
        for checker in self._checkers:
            settled = maybeDeferred(checker.settled, attempt, outcome)
            settled.addErrback(log_trouble, f"{_name(checker)} could not record", attempt.session)

    async def _judge(self, question: _Question, no_verdict: Callable[[str], Exception]) -> None:
        if self.refusal is None:
            self.refusal = await self._first_refusal(question, no_verdict)
        if self.refusal is not None and self._reject_at is RejectAt.AUTH:
            raise LoginRefusedError(LoginOutcome.REFUSED, self.refusal.reason)

    async def _first_refusal(
        self, question: _Question, no_verdict: Callable[[str], Exception]
    ) -> Verdict | None:
        for checker in self._checkers:
            try:
                answer = ask(partial(question, checker), self._clock, self._timeout)
                verdict = checked(await answer if isinstance(answer, Deferred) else answer)
            except Exception as error:
                reason = f"{_name(checker)} gave no verdict"
                log_trouble(error, reason, self.attempt.session)
                raise no_verdict(reason) from error
            if not verdict.accepted:
                # C19, draft-storey-smtp-client-id-13 section 6.1: code and
                # text are generic, whatever the checker says.
                return Verdict.refuse(f"{_name(checker)}: {verdict.reason}")
        return None


def _judges(checker: IClientIdentityChecker, attempt: LoginAttempt) -> bool:
    identity = attempt.session.identity
    if not checker.identityTypes:
        return True
    return identity is not None and identity.type in checker.identityTypes


def _name(checker: IClientIdentityChecker) -> str:
    return type(checker).__name__
