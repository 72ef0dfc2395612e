"""
The replies to one message's commands, folded into an outcome per recipient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mailext.values import Mailbox, Outcome

__all__ = ["ClientTransaction"]


class ClientTransaction:
    """
    What has come of the recipients of one message so far.

    :param recipients: each once.
    :ivar accepted: those that RCPT was accepted for, in their order, and that
        nothing has refused since.
    :ivar is_open: whether the server has a transaction under way.
    """

    def __init__(self, recipients: Sequence[Mailbox]) -> None:
        self._outcomes: dict[Mailbox, Outcome | None] = dict.fromkeys(recipients)
        if len(self._outcomes) < len(recipients) or not recipients:
            raise ValueError("a message needs recipients, and each one once")
        self.accepted: list[Mailbox] = []
        self.is_open = False

    @property
    def outcomes(self) -> Mapping[Mailbox, Outcome]:
        """What came of each recipient, once all are settled."""
        return {mailbox: outcome for mailbox, outcome in self._outcomes.items() if outcome is not None}

    def accept(self, mailbox: Mailbox) -> None:
        """RCPT was accepted, unless MAIL was refused."""
        if self._outcomes[mailbox] is None:
            self.accepted.append(mailbox)

    def settle(self, mailbox: Mailbox, outcome: Outcome) -> None:
        """What came of one recipient; what came first stays."""
        if self._outcomes[mailbox] is None:
            self._outcomes[mailbox] = outcome

    def settle_all(self, outcome: Outcome) -> None:
        """What came of all recipients that are not settled yet."""
        for mailbox in self._outcomes:
            self.settle(mailbox, outcome)
        self.accepted.clear()

    def lose(self, outcome: Outcome) -> bool:
        """
        The connection was lost behind the end of the message.

        :return: whether a recipient was not settled yet: it is in doubt.
        """
        in_doubt = None in self._outcomes.values()
        self.settle_all(replace(outcome, in_doubt=True))
        return in_doubt
