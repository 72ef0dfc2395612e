"""A target's answer that no content is wanted for."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.mail.smtp import SMTPServerError

from mailext.values import Mailbox, Outcome

__all__ = ["UndeliveredError"]


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
