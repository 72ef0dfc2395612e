"""What a checker or policy answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mailext.values.envelopes import TlsDemand

__all__ = ["ACCEPTED", "HeaderField", "Verdict"]


@dataclass(frozen=True, slots=True)
class HeaderField:
    """
    One header field to add to a message.

    :param name: the field name.
    :param value: the unfolded body, without CR or LF.
    """

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    A judgement, with a face for the wire and one for the log.

    :param code: the reply code: 2xx accepts, 4xx refuses for now, 5xx for
        good.
    :param enhanced: the enhanced status code (RFC 3463), for example
        ``5.7.1``.
    :param text: what the client is told: generic, it reveals no rule (C19).
    :param reason: what the log is told.
    :param add_headers: fields to put on top of the message.
    :param remove_headers: names of fields to remove.
    :param tls_demand: what this judgement demands of the onward hops; of all
        statements about a message the strictest holds.
    """

    code: int = 250
    enhanced: str = "2.0.0"
    text: str = "OK"
    reason: str = ""
    add_headers: tuple[HeaderField, ...] = ()
    remove_headers: tuple[str, ...] = ()
    tls_demand: TlsDemand = TlsDemand.NONE

    @property
    def accepted(self) -> bool:
        return 200 <= self.code < 300

    @property
    def is_temporary(self) -> bool:
        return 400 <= self.code < 500

    def merged(self, other: Verdict) -> Verdict:
        """This acceptance and another one: what both say holds."""
        return replace(
            self,
            add_headers=self.add_headers + other.add_headers,
            remove_headers=self.remove_headers + other.remove_headers,
            tls_demand=max(self.tls_demand, other.tls_demand),
        )

    @classmethod
    def refuse(cls, reason: str, *, enhanced: str = "5.7.1", text: str = "Refused by policy") -> Verdict:
        """Refuse for good; only the log learns the reason."""
        return cls(550, enhanced, text, reason)

    @classmethod
    def defer(cls, reason: str, *, enhanced: str = "4.7.1", text: str = "Try again later") -> Verdict:
        """Refuse for now; only the log learns the reason."""
        return cls(451, enhanced, text, reason)


#: The verdict of one who has nothing against it.
ACCEPTED = Verdict()
