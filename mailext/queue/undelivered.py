"""A target's answers that no content is wanted for."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.mail.smtp import SMTPServerError

from mailext.queue.dispatch import Deferral
from mailext.values import Mailbox, Outcome

__all__ = ["LeftAloneError", "UndeliveredError"]


class LeftAloneError(Exception):
    """
    Nobody was even tried. That is no attempt.

    :ivar deferral: why not, and until when.
    """

    def __init__(self, deferral: Deferral) -> None:
        super().__init__(str(deferral.outcome))
        self.deferral = deferral


class UndeliveredError(SMTPServerError):
    """
    What became of a message is settled before its body was asked for. To the
    queue it tells what became of each recipient; to others it is a refusal.

    :param outcomes: one for the address of each recipient; none of them is
        delivered.
    """

    def __init__(self, outcomes: Mapping[Mailbox, Outcome]) -> None:
        first = next(iter(outcomes.values()))
        super().__init__(first.code, f"{first.enhanced} {first.text}".encode())  # type: ignore[no-untyped-call]
        self.outcomes = outcomes
