"""TLSA records that authenticate nobody: none of them is usable, or none matches."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mailext.values import TlsaRecord

_CERTIFICATE_HEAD = b"\x30\x82\x01\x00\x30\x81\xb0\xa0\x03\x02\x01\x02"


@dataclass(frozen=True)
class TlsaVector:
    """
    :param usable: whether the record counts, though it matches nothing.
    """

    id: str
    record: TlsaRecord
    usable: bool
    source: str


def _numbers() -> list[TlsaVector]:
    unknown = {
        "usage": ((0, 1, 4, 127, 128, 254, 255), "RFC 7672 section 3.1.3"),
        "selector": ((2, 3, 128, 254, 255), "RFC 6698 section 2.1.2"),
        "matching_type": ((3, 4, 128, 254, 255), "RFC 6698 section 2.1.3"),
    }
    known = TlsaRecord(3, 1, 1, bytes(32))
    return [
        TlsaVector(f"tlsa-{field}-{number}", replace(known, **{field: number}), False, source)
        for field, (numbers, source) in unknown.items()
        for number in numbers
    ]


def _digests() -> list[TlsaVector]:
    return [
        TlsaVector(
            f"tlsa-{usage}-{kind}-digest-of-{length}-octets",
            TlsaRecord(usage, 1, kind, bytes(length)),
            length == right,
            "RFC 6698 section 2.1.3",
        )
        for usage in (2, 3)
        for kind, right in ((1, 32), (2, 64))
        for length in (0, 1, 20, 31, 32, 33, 48, 63, 64, 65, 4096)
    ]


_NO_DER = {
    "nothing": b"",
    "one-octet": b"\x30",
    "length-alone": b"\x30\x82",
    "length-beyond": b"\x30\x84\xff\xff\xff\xff",
    "length-of-127-octets": b"\x30\xff" + bytes(127),
    "indefinite-length": b"\x30\x80\x00\x00",
    "empty-sequence": b"\x30\x00",
    "nested-sequences": b"\x30\x80" * 500,
    "cut-certificate": _CERTIFICATE_HEAD,
    "pem": b"-----BEGIN CERTIFICATE-----\n",
    "text": b"hello",
    "zeros": bytes(300),
    "ones": b"\xff" * 300,
    "huge": bytes(60000),
}

VECTORS = (
    *_numbers(),
    *_digests(),
    *(
        TlsaVector(f"tlsa-{usage}-{selector}-0-{name}", TlsaRecord(usage, selector, 0, octets), False, "RFC 6698 section 4.1")
        for usage in (2, 3)
        for selector in (0, 1)
        for name, octets in _NO_DER.items()
    ),
)  # fmt: skip
