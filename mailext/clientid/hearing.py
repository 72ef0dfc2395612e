"""
One attempt to log in before its checkers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from twisted.internet.interfaces import IReactorTime

from mailext.clientid.decisions import Stage
from mailext.clientid.panel import NoVerdictError, Question, first_refusal, judges, tell
from mailext.clientid.result import LoginRefusedError, LoginUnavailableError, RejectAt
from mailext.interfaces import IClientIdentityChecker
from mailext.judgement import ask
from mailext.values import LoginAttempt, LoginOutcome, Verdict

__all__ = ["Hearing"]


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
        self._checkers = [checker for checker in checkers if judges(checker, attempt)]
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
        await self._judge(
            lambda checker: checker.checkAttempt(self.attempt), Stage.ATTEMPT, LoginUnavailableError
        )

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
            Stage.LOGIN,
            partial(LoginRefusedError, LoginOutcome.ERROR),
        )

    def close(self, attempt: LoginAttempt, outcome: LoginOutcome) -> None:
        """Tell every checker of this hearing what became of the attempt."""
        tell(self._checkers, attempt, outcome)

    async def _judge(self, question: Question, stage: Stage, no_verdict: Callable[[str], Exception]) -> None:
        if self.refusal is None:
            try:
                self.refusal = await first_refusal(
                    self._checkers,
                    lambda checker: ask(partial(question, checker), self._clock, self._timeout),
                    stage,
                    self.attempt,
                )
            except NoVerdictError as error:
                raise no_verdict(str(error)) from error
        if self.refusal is not None and self._reject_at is RejectAt.AUTH:
            raise LoginRefusedError(LoginOutcome.REFUSED, self.refusal.reason)
