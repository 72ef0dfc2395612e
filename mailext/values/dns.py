"""The answers of DNS, with what DNSSEC says of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

__all__ = ["DnsAnswer", "DnsError", "DnsStatus", "MxRecord", "TlsaRecord"]

T = TypeVar("T")


class DnsStatus(Enum):
    """What DNSSEC says of an answer (RFC 4033 section 5)."""

    #: Every record of it is proved.
    SECURE = "secure"
    #: There is no proof, and none was to be expected: or nobody trusted said
    #: that there is.
    INSECURE = "insecure"
    #: There should be proof, and there is none: the answer is not used.
    BOGUS = "bogus"


class DnsError(Exception):
    """
    A look-up brought no answer: nothing is known, not even that a name does
    not exist. Whoever needed it tries again later.

    :param reason: why, for the log.
    :param status: :attr:`DnsStatus.BOGUS` where the answer's proof failed,
        None where there was no answer.
    """

    def __init__(self, reason: str, status: DnsStatus | None = None) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class DnsAnswer(Generic[T]):
    """
    The answer to a DNS look-up, be it that there is no such record.

    :param name: where the records are: the name that was asked for, or the
        one to which its CNAME records lead. Lower case, without the final dot.
    :param records: empty if there are none.
    :param status: ``SECURE`` or ``INSECURE``, the weakest of all CNAME records
        on the way and of the records, or of the proof that there are none.
    :param exists: whether the name exists, with records of whatever type.
    """

    name: str
    records: tuple[T, ...]
    status: DnsStatus
    exists: bool = True


@dataclass(frozen=True, slots=True)
class MxRecord:
    """
    An MX record (RFC 1035 section 3.3.9).

    :param host: the name of the host: A-labels in lower case, without the
        final dot; empty for a null MX (RFC 7505).
    """

    preference: int
    host: str


@dataclass(frozen=True, slots=True)
class TlsaRecord:
    """
    A TLSA record (RFC 6698 section 2.1), with whatever numbers it has.

    :param usage: the certificate usage.
    :param data: the certificate association data.

    ``str()`` gives it as in a zone file (section 2.2).
    """

    usage: int
    selector: int
    matching_type: int
    data: bytes

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching_type} {self.data.hex()}"
