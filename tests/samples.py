"""Messages to send, and how they must look when they arrive."""

from __future__ import annotations

#: A message that tries what breaks: dots at line starts, long lines, trailing
#: space, lines that look like the end. Complete, so that nothing is added to it.
SAMPLE = (
    b"Date: Mon, 02 Mar 2026 09:00:00 +0000\r\n"
    b"Message-ID: <sample.1@client.example>\r\n"
    b"From: Ann <ann@example.org>\r\n"
    b"To: Ann <ann@example.org>\r\n"
    b"Subject: A sample\r\n"
    b" that is folded\r\n"
    b"\r\n"
    b".\r\n..\r\n...three\r\n. .\r\n"
    b"trailing space \r\n"
    b"\r\n"
    b"From the start of a line\r\n" + b"x" * 900 + b"\r\n"
    b"QUIT\r\n"
    b"the end\r\n"
)


def numbered(number: int, size: int = 0) -> bytes:
    """
    :param number: makes the message unlike any other.
    :param size: octets of its body, at least.
    """
    line = b"%064d\r\n" % number
    return (
        b"Date: Mon, 02 Mar 2026 09:00:00 +0000\r\n"
        b"Message-ID: <%d@client.example>\r\n"
        b"From: ann@example.org\r\n"
        b"Subject: number %d\r\n\r\n" % (number, number)
    ) + line * (size // len(line) + 1)


def is_delivered(sent: bytes, stored: bytes) -> bool:
    """
    :param stored: a file of a Maildir.
    :return: whether it holds just that message, octet by octet, below its trace fields.
    """
    return stored.startswith(b"Return-Path: <") and stored.endswith(b"\r\n" + sent)
