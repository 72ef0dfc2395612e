"""The envelope of a message: whom it is for, and what was asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TypeVar

from mailext.values.addresses import Mailbox

__all__ = ["BodyType", "Envelope", "MailOptions", "Notify", "RcptOptions", "Recipient", "Ret", "TlsDemand"]

T = TypeVar("T")


class TlsDemand(IntEnum):
    """
    What a message asks of the hops that carry it (RFC 8689).

    The members are ordered by strictness: of several statements about one
    message the greatest holds, and ``NONE`` states nothing.
    """

    NONE = 0
    #: ``TLS-Required: No``: deliver even where TLS cannot be had.
    OPTIONAL = 1
    #: ``MAIL FROM:<...> REQUIRETLS``: verified TLS all the way, or a report.
    REQUIRE = 2

    @property
    def word(self) -> str:
        """As the log, JSON and the command line spell it."""
        return self.name.lower()

    @classmethod
    def of_word(cls, word: str) -> TlsDemand:
        """:raise ValueError: if no demand is spelt so."""
        for demand in cls:
            if demand.word == word:
                return demand
        raise ValueError(f"not a demand: {word!r}; known: {', '.join(demand.word for demand in cls)}")


class BodyType(StrEnum):
    """The ``BODY`` parameter of MAIL (RFC 6152)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT_MIME = "8BITMIME"


class Ret(StrEnum):
    """The ``RET`` parameter of MAIL (RFC 3461 section 4.3)."""

    FULL = "FULL"
    HDRS = "HDRS"


class Notify(StrEnum):
    """The values of the ``NOTIFY`` parameter of RCPT (RFC 3461 section 4.1)."""

    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


@dataclass(frozen=True, slots=True)
class MailOptions:
    """
    The parameters of a MAIL command.

    :param size: the declared size in octets (RFC 1870), None if not given.
    :param auth: the ``AUTH`` parameter (RFC 4954 section 5), decoded; the
        empty string stands for ``<>``.
    :param envid: the ``ENVID`` parameter (RFC 3461 section 4.4), decoded.
    :param requiretls: whether ``REQUIRETLS`` was given (RFC 8689 section 2).
    """

    size: int | None = None
    body: BodyType | None = None
    smtputf8: bool = False
    auth: str | None = None
    ret: Ret | None = None
    envid: str | None = None
    requiretls: bool = False


@dataclass(frozen=True, slots=True)
class RcptOptions:
    """
    The parameters of a RCPT command.

    :param notify: empty if the parameter was not given.
    :param orcpt: the original recipient as ``addr-type;address``, decoded
        (RFC 3461 section 4.2), None if not given.
    """

    notify: frozenset[Notify] = frozenset()
    orcpt: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """
    One recipient of an envelope.

    :param address: where this copy goes, aliases expanded.
    :param original: the address that the client named in RCPT, None where it
        is the same.
    """

    address: Mailbox
    options: RcptOptions = RcptOptions()
    original: Mailbox | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """
    A message's envelope.

    :param reverse_path: None for the null reverse-path ``<>``.
    :param tls_demand: the settled demand: of the REQUIRETLS parameter, the
        policies and the header field (R4 to R6, RFC 8689 section 4.1). It
        holds for every recipient (R8).
    """

    reverse_path: Mailbox | None
    recipients: tuple[Recipient, ...]
    options: MailOptions = MailOptions()
    tls_demand: TlsDemand = TlsDemand.NONE

    def to_each(self, said: T) -> dict[Mailbox, T]:
        """The same for the address of each recipient."""
        return {recipient.address: said for recipient in self.recipients}
