"""What ``int()`` takes for a number, and the grammar does not."""

from __future__ import annotations

from tests.vectors.model import CLOSED, OPEN, OPENED, QUIT, Threat, Vector, command

_NOT_NUMBERS = {
    "underscore": b"1_0",
    "plus": b"+10",
    "minus": b"-10",
    "arabic": "\u0661\u0660".encode(),
    "full-width": "\uff11\uff10".encode(),
    "superscript": "²".encode(),
    "hexadecimal": b"0x10",
    "exponent": b"1e3",
    "fraction": b"10.0",
    "comma": b"1,0",
    "21-digits": b"1" * 21,
    "letters": b"ten",
    "nul": b"1\x000",
}

VECTORS = (
    *(
        command(
            f"number-size-{name}",
            Threat.NUMBERS,
            b"MAIL FROM:<> SMTPUTF8 SIZE=" + number,
            "501 5.1.7" if b"\0" in number else "501 5.5.4",
            "RFC 1870 section 4",
        )
        for name, number in _NOT_NUMBERS.items()
    ),
    *(
        Vector(
            f"number-bdat-{name}",
            Threat.NUMBERS,
            (OPEN + b"BDAT " + number + b" LAST\r\n0123456789" + QUIT,),
            (*OPENED, "501 5.5.4", CLOSED),
            "RFC 3030 section 2",
        )
        for name, number in _NOT_NUMBERS.items()
    ),
    command("number-size-empty", Threat.NUMBERS, b"MAIL FROM:<> SIZE=", "501 5.5.4", "RFC 1870 section 4"),
    command("number-size-missing", Threat.NUMBERS, b"MAIL FROM:<> SIZE", "501 5.5.4", "RFC 1870 section 4"),
    command("number-size-zero", Threat.NUMBERS, b"MAIL FROM:<> SIZE=0", "250 2.1.0", "RFC 1870 section 4"),
    command(
        "number-size-leading-zeros",
        Threat.NUMBERS,
        b"MAIL FROM:<> SIZE=00000000000000000010",
        "250 2.1.0",
        "RFC 1870 section 4",
    ),
)
