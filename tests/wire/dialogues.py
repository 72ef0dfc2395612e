"""
Recorded dialogues: what whole clients send. A flight ends where the client
waits for a TLS handshake, or where it is done.
"""

from __future__ import annotations

from base64 import b64encode

from tests.vectors.model import ACCOUNT, PASSWORD, Listener

_PLAIN = b64encode(b"\0" + ACCOUNT + b"\0" + PASSWORD)
_MESSAGE = (
    b"From: Ann <ann@example.org>\r\nTo: Bob <bob@example.org>\r\nSubject: dots\r\n\r\n"
    b"..\r\n...\r\n..leading\r\n \r\nin. the .middle.\r\n\r\n.\r\n"
)
_CHUNKED = b"Subject: chunks\r\n\r\nbody\r\n.\r\n"

DIALOGUES: dict[str, tuple[Listener, tuple[bytes, ...]]] = {
    "plain ESMTP": (
        Listener.CLEAR,
        (
            b"EHLO client.example\r\n"
            b"MAIL FROM:<ann@example.org> SIZE=200 BODY=8BITMIME\r\n"
            b"RCPT TO:<bob@example.org>\r\n"
            b"RCPT TO:<nobody@example.org>\r\n"
            b"DATA\r\n" + _MESSAGE + b"QUIT\r\n",
        ),
    ),
    "HELO and little else": (
        Listener.CLEAR,
        (b"HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n.\r\nQUIT\r\n",),
    ),
    "one connection, three messages": (
        Listener.CLEAR,
        (
            b"EHLO c\r\n"
            b"MAIL FROM:<a@client.example> RET=HDRS ENVID=id+2B1\r\n"
            b"RCPT TO:<ann@example.org> NOTIFY=NEVER ORCPT=rfc822;ann@example.net\r\nDATA\r\n"
            + _MESSAGE
            + b"MAIL FROM:<b@client.example>\r\nRCPT TO:<bob@example.org>\r\nRSET\r\nNOOP\r\n"
            + b"MAIL FROM:<c@client.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\na\nb\r\n.\r\n"
            + b"MAIL FROM:<d@client.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n.\r\nQUIT\r\n",
        ),
    ),
    "STARTTLS, CLIENTID, AUTH PLAIN, REQUIRETLS": (
        Listener.CLEAR,
        (
            b"EHLO laptop\r\nSTARTTLS\r\n",
            b"EHLO laptop\r\nCLIENTID UUID 6F1C2F0E-3A86-4D3B-9D0C-3F0E9F5D2A11\r\n"
            b"AUTH PLAIN " + _PLAIN + b"\r\n"
            b"MAIL FROM:<ann@example.org> REQUIRETLS SIZE=200\r\n"
            b"RCPT TO:<bob@example.org>\r\nDATA\r\n" + _MESSAGE + b"QUIT\r\n",
        ),
    ),
    "AUTH LOGIN, cancelled, wrong, right": (
        Listener.TLS,
        (
            b"EHLO c\r\nAUTH LOGIN\r\n*\r\nAUTH LOGIN\r\n"
            + b64encode(ACCOUNT)
            + b"\r\n"
            + b64encode(b"wrong")
            + b"\r\nAUTH PLAIN\r\nnot base64\r\nAUTH PLAIN\r\n"
            + _PLAIN
            + b"\r\nAUTH LOGIN\r\nQUIT\r\n",
        ),
    ),
    "CLIENTID malformed, given, given again": (
        Listener.TLS,
        (
            (
                b"CLIENTID UUID x\r\nEHLO c\r\nCLIENTID\r\nCLIENTID DEVICE_ID x\r\nclientid mac 00:11:22:33:44:55\r\n"
                b"CLIENTID UUID x\r\nRSET\r\nEHLO c\r\nCLIENTID UUID x\r\nQUIT\r\n"
            ),
        ),
    ),
    "BDAT": (
        Listener.CLEAR,
        (
            b"EHLO c\r\nMAIL FROM:<a@client.example>\r\nRCPT TO:<ann@example.org>\r\n"
            b"BDAT 8\r\nSubject:BDAT 5\r\n x\r\n\rBDAT 0\r\nBDAT 3 LAST\r\n\nno"
            b"MAIL FROM:<a@client.example>\r\nBDAT 6\r\nRSET\r\nRCPT TO:<ann@example.org>\r\n"
            + b"BDAT %d LAST\r\n" % len(_CHUNKED)
            + _CHUNKED
            + b"MAIL FROM:<a@client.example>\r\nRCPT TO:<ann@example.org>\r\n"
            + b"BDAT 5\r\nDATA\rBDAT 5 LAST\r\nDATA\nBDAT 1 LAST\r\nxQUIT\r\n",
        ),
    ),
    "BDAT with a size that is none": (
        Listener.CLEAR,
        (b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<ann@example.org>\r\nBDAT +5 LAST\r\nRSET\r\nQUIT\r\n",),
    ),
    "LMTP": (
        Listener.LMTP,
        (
            b"LHLO mx\r\nMAIL FROM:<>\r\nRCPT TO:<ann@example.org>\r\nRCPT TO:<nobody@example.org>\r\n"
            b"RCPT TO:<bob+x@example.org>\r\nDATA\r\n" + _MESSAGE + b"MAIL FROM:<>\r\n"
            b"RCPT TO:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\n"
            b"BDAT 3\r\na\nbBDAT 3 LAST\r\nc\r\nEHLO x\r\nQUIT\r\n",
        ),
    ),
    "nothing but errors": (
        Listener.CLEAR,
        (
            (
                b"MAIL FROM:<a@b>\r\nEHLO\r\nEHLO c\r\nRCPT TO:<a@b>\r\nFOO\nBAR\r\n\r\n"
                b"MAIL FROM:a@b\r\nMAIL FROM:<a@b> X\r\nDATA\r\nNOOP\r\nRSET\r\n"
            ),
        ),
    ),
    "lines that are too long": (
        Listener.TLS,
        (
            b"EHLO c\r\nNOOP "
            + b"x" * 600
            + b"\r\n"
            + b"y" * 14000
            + b"\r\nAUTH PLAIN "
            + b"A" * 12300
            + b"\r\n"
            b"AUTH PLAIN\r\n"
            + b"A" * 12287
            + b"\r\nMAIL FROM:<a@client.example>"
            + b" " * 1170
            + b"\r\nQUIT\r\n",
        ),
    ),
    "a message that is too big": (
        Listener.CLEAR,
        (
            b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n"
            + b"x" * 70
            + b"\r\n.\n"
            + b"0123456789abcdef\r\n" * 300
            + b".\r\nMAIL FROM:<> SIZE=5000\r\nMAIL FROM:<>\r\nRCPT TO:<ann@example.org>\r\nBDAT 5000\r\n"
            + b"x" * 5000
            + b"BDAT 2 LAST\r\n\r\nQUIT\r\n",
        ),
    ),
    "a handshake of one who was refused before": (
        Listener.CLEAR,
        (
            b"STARTTLS\r\nEHLO c\r\nSTARTTLS x\r\nCLIENTID UUID x\r\nAUTH PLAIN =\r\nMAIL FROM:<> REQUIRETLS\r\nSTARTTLS\r\n",
            b"MAIL FROM:<>\r\nEHLO c\r\nSTARTTLS\r\nCLIENTID UUID x\r\nQUIT\r\nNOOP\r\n",
        ),
    ),
    "a browser": (Listener.CLEAR, (b"POST / HTTP/1.1\r\nHost: mx\r\n\r\nEHLO c\r\nMAIL FROM:<>\r\n",)),
}
