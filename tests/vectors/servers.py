"""Hostile servers."""

from __future__ import annotations

from tests.vectors.server_model import GO_ON, OK, Moment, ServerThreat, ServerVector

_REPLIES = "RFC 5321 section 4.2"
_CODES = "RFC 5321 section 4.3.2"
_SHORT_MOMENTS = (
    Moment.CONNECT,
    Moment.EHLO,
    Moment.STARTTLS,
    Moment.AUTH,
    Moment.MAIL,
    Moment.DATA,
    Moment.END,
)
#: What has come of the message where the session breaks.
_BROKEN = {
    Moment.MAIL: "; 451 4.5.0",
    Moment.RCPT: "; 451 4.5.0",
    Moment.DATA: "; 451 4.5.0",
    Moment.PIPELINED: "; 451 4.5.0",
    Moment.CHUNKS: "; 451 4.5.0",
    Moment.END: "; in doubt",
    Moment.LAST_CHUNK: "; in doubt",
    Moment.LMTP_END: "; in doubt",
}

_NO_REPLIES = {
    "line-feed-alone": b"250 x\n",
    "line-feed-within": b"250 x\n250 y\r\n",
    "carriage-return-within": b"250 x\r250 y\r\n",
    "two-carriage-returns": b"250 x\r\r\n",
    "two-codes": b"250-x\r\n251 y\r\n",
    "success-and-error": b"250-x\r\n550 y\r\n",
    "code-0": b"000 x\r\n",
    "code-1": b"100 x\r\n",
    "code-6": b"600 x\r\n",
    "code-9": b"999 x\r\n",
    "two-digits": b"25 x\r\n",
    "four-digits": b"2500 x\r\n",
    "no-separator": b"250x\r\n",
    "tab": b"250\tx\r\n",
    "empty-line": b"\r\n",
    "words": b"hello\r\n",
    "leading-space": b" 250 x\r\n",
    "leading-nul": b"\0250 x\r\n",
    "minus": b"-25 x\r\n",
    "full-width": "\uff12\uff15\uff10 x\r\n".encode(),
    "byte-order-mark": b"\xef\xbb\xbf250 x\r\n",
    "http": b"HTTP/1.1 200 OK\r\n",
    "tls-alert": b"\x15\x03\x01\x00\x02\x02\x0a\r\n",
    "ssh": b"SSH-2.0-x\r\n",
}

_ENDLESS = {
    "lines": b"250-x\r\n" * 201,
    "long-lines": (b"250-" + b"x" * 1000 + b"\r\n") * 70,
    "line": b"250 " + b"x" * 3000,
    "line-of-nul": b"\0" * 3000,
    "line-of-carriage-returns": b"\r" * 3000,
    "digits": b"2" * 3000,
    "challenge": b"334 " + b"A" * 13000,
    "hyphens": b"250-" * 1000,
}


def _no_replies() -> list[ServerVector]:
    return [
        ServerVector(
            f"server-{moment.name.lower()}-{name}",
            ServerThreat.NO_REPLY,
            moment,
            said,
            "malformed" + _BROKEN.get(moment, ""),
            _REPLIES,
        )
        for moment in _SHORT_MOMENTS
        for name, said in _NO_REPLIES.items()
    ] + [
        ServerVector(
            f"server-{moment.name.lower()}-endless-{name}",
            ServerThreat.ENDLESS,
            moment,
            said,
            "malformed" + _BROKEN.get(moment, ""),
            "RFC 5321 section 4.5.3.1.5",
        )
        for moment in (Moment.CONNECT, Moment.EHLO, Moment.MAIL, Moment.END)
        for name, said in _ENDLESS.items()
    ]


#: Well-formed replies that cannot be meant, by what they answer.
_NONSENSE: dict[Moment, tuple[int, ...]] = {
    Moment.CONNECT: (200, 211, 221, 235, 250, 251, 334, 354),
    Moment.EHLO: (334, 354, 399),
    Moment.STARTTLS: (200, 221, 235, 250, 334, 354),
    Moment.AUTH: (354, 300),
    Moment.MAIL: (334, 354),
    Moment.RCPT: (334, 354),
    Moment.DATA: (200, 220, 221, 250, 251, 334, 300),
    Moment.END: (334, 354),
    Moment.CHUNKS: (334, 354),
    Moment.LAST_CHUNK: (334, 354),
    Moment.LMTP_END: (334, 354),
}


def _nonsense() -> list[ServerVector]:
    return [
        ServerVector(
            f"server-{moment.name.lower()}-code-{code}",
            ServerThreat.CODES,
            moment,
            b"%d x\r\n" % code,
            "unexpected" + _BROKEN.get(moment, ""),
            _CODES,
        )
        for moment, codes in _NONSENSE.items()
        for code in codes
    ]


def _refusals() -> list[ServerVector]:
    """Every command can be refused, for now and for good."""
    vectors = []
    told = {Moment.CONNECT: "greeted", Moment.EHLO: "EHLO", Moment.STARTTLS: "STARTTLS", Moment.AUTH: "AUTH"}
    for moment in Moment:
        if moment in (Moment.PIPELINED, Moment.CHUNKS, Moment.LMTP_END):
            continue
        for said, status in (
            (b"451 4.7.1 Later", "451 4.7.1"),
            (b"554 5.7.1 No", "554 5.7.1"),
            (b"450 5.1.1 Which is it", "450 4.0.0"),
            (b"550", "550 5.0.0"),
            (b"499 x", "499 4.0.0"),
            (b"571 x", "571 5.0.0"),
        ):
            code = said[:3].decode()
            outcome = f"{told[moment]} {code}" if moment in told else status
            vectors.append(
                ServerVector(
                    f"server-{moment.name.lower()}-refused-{said.decode().replace(' ', '-').lower()}",
                    ServerThreat.REFUSALS,
                    moment,
                    said + b"\r\n",
                    outcome,
                    "RFC 5321 section 4.2.1",
                )
            )
        vectors.append(
            ServerVector(
                f"server-{moment.name.lower()}-closes",
                ServerThreat.REFUSALS,
                moment,
                b"421 4.3.2 Shutting down\r\n",
                "closing" + ("; 421 4.3.2" if moment in _BROKEN else ""),
                "RFC 5321 section 3.8",
            )
        )
    return vectors


def _vector(
    name: str,
    threat: ServerThreat,
    moment: Moment,
    said: bytes,
    outcome: str,
    source: str,
    *,
    one_segment: bool = False,
) -> ServerVector:
    return ServerVector(f"server-{name}", threat, moment, said, outcome, source, one_segment)


_REFUSED = "550 5.1.1"

VECTORS = (
    *_no_replies(),
    *_nonsense(),
    *_refusals(),
    # RFC 5321 section 4.5.3.1.10: 552 is what RFC 821 had for too many recipients.
    _vector("rcpt-552", ServerThreat.REFUSALS, Moment.RCPT, b"552 5.2.2 Full\r\n", "452 4.2.2", "RFC 5321 section 4.5.3.1.10"),
    _vector("rcpt-251", ServerThreat.REFUSALS, Moment.RCPT, b"251 forwarded\r\n", "waits", "RFC 5321 section 3.4"),
    _vector("rcpt-252", ServerThreat.REFUSALS, Moment.RCPT, b"252 who knows\r\n", "waits", "RFC 5321 section 3.5.3"),
    _vector("lmtp-one-of-two", ServerThreat.REFUSALS, Moment.LMTP_END, b"250 x\r\n550 5.1.1 y\r\n", "250 2.0.0", "RFC 2033 section 4.2"),
    _vector("lmtp-refused-for-each", ServerThreat.REFUSALS, Moment.LMTP_END, b"550 5.1.1 x\r\n550 5.1.1 y\r\n", _REFUSED, "RFC 2033 section 4.2"),
    _vector("lmtp-one-is-missing", ServerThreat.REFUSALS, Moment.LMTP_END, b"250 x\r\n", "waits", "RFC 2033 section 4.2"),
    _vector("chunks-refused", ServerThreat.REFUSALS, Moment.CHUNKS, b"550 5.7.1 x\r\n503 y\r\n", "550 5.7.1", "RFC 3030 section 4.2"),
    # Replies in advance, and what stands behind STARTTLS
    *(
        _vector(f"starttls-injected-{name}", ServerThreat.INJECTED, Moment.STARTTLS, b"220 go\r\n" + behind, "injected", source, one_segment=True)
        for name, behind, source in (
            ("ehlo-reply", b"250-evil\r\n250 AUTH PLAIN\r\n", "CVE-2021-38371"),
            ("part-of-a-reply", b"2", "CVE-2021-38371"),
            ("line-end", b"\r\n", "CVE-2021-38371"),
            ("nul", b"\0", "CVE-2021-38371"),
            ("second-220", b"220 go\r\n", "NO STARTTLS, Poddebniak 2021, section 5"),
            ("preauth", b"235 2.7.0 Logged in\r\n", "NO STARTTLS, Poddebniak 2021, section 5"),
            ("handshake", b"\x16\x03\x03\x00\x05hello", "CVE-2021-38371"),
            ("closing", b"421 bye\r\n", "CVE-2021-38371"),
        )
    ),
    *(
        _vector(f"advance-{name}", ServerThreat.INJECTED, moment, said, outcome, "RFC 2920 section 3.1", one_segment=True)
        for name, moment, said, outcome in (
            ("greeting-and-ehlo", Moment.CONNECT, b"220 x\r\n250-x\r\n250 AUTH PLAIN\r\n", "unexpected"),
            ("two-greetings", Moment.CONNECT, b"220 x\r\n220 x\r\n", "unexpected"),
            ("greeting-and-more", Moment.CONNECT, b"220 x\r\n2", "waits"),
            ("ehlo-and-mail", Moment.EHLO, b"250 x\r\n250 x\r\n", "unexpected; 451 4.5.0"),
            ("mail-and-rcpt", Moment.MAIL, OK + OK, "unexpected; 451 4.5.0"),
            ("mail-rcpt-data-end", Moment.MAIL, OK + OK + GO_ON + OK, "unexpected; 451 4.5.0"),
            ("data-and-end", Moment.DATA, GO_ON + OK, "unexpected; 451 4.5.0"),
            ("pipelined-and-end", Moment.PIPELINED, OK + OK + GO_ON + OK, "unexpected; 451 4.5.0"),
            ("end-and-next", Moment.END, OK + OK, "unexpected; 250 2.0.0"),
            ("auth-and-mail", Moment.AUTH, b"235 x\r\n250 x\r\n", "unexpected; 451 4.5.0"),
        )
    ),
    # Pipelining
    _vector("pipelined-refused", ServerThreat.REFUSALS, Moment.PIPELINED, OK + b"550 5.1.1 x\r\n503 x\r\n", _REFUSED, "RFC 2920 section 3.1"),
    _vector("pipelined-refused-sender", ServerThreat.REFUSALS, Moment.PIPELINED, b"550 5.7.1 x\r\n503 x\r\n503 x\r\n", "550 5.7.1", "RFC 2920 section 3.1"),
    _vector("pipelined-go-on-for-nobody", ServerThreat.CODES, Moment.PIPELINED, OK + b"550 5.1.1 x\r\n" + GO_ON, "waits", "RFC 2920 section 3.1"),
    _vector("pipelined-swapped", ServerThreat.CODES, Moment.PIPELINED, GO_ON + OK + OK, "unexpected; 451 4.5.0", "RFC 2920 section 3.1"),
    _vector("pipelined-data-is-250", ServerThreat.CODES, Moment.PIPELINED, OK * 3, "unexpected; 451 4.5.0", "RFC 2920 section 3.1"),
    _vector("pipelined-one-is-missing", ServerThreat.CODES, Moment.PIPELINED, OK + OK, "waits", "RFC 2920 section 3.1"),
    # AUTH
    *(
        _vector(f"auth-{name}", ServerThreat.CODES, Moment.AUTH, said, outcome, "RFC 4954 section 4")
        for name, said, outcome in (
            ("challenge-in-words", b"334 Username:\r\n", "unexpected"),
            ("challenge-with-space", b"334 VXNl cm5hbWU6\r\n", "unexpected"),
            ("challenge-not-padded", b"334 VXNlcm5hbWU\r\n", "unexpected"),
            ("challenge-8-bit", b"334 \xff\xfe\r\n", "unexpected"),
            ("challenge-nul", b"334 AA\0A\r\n", "unexpected"),
            ("challenge-without-end", b"334 VXNlcm5hbWU6\r\n" * 40, "unexpected"),
            ("wrong-password", b"535 5.7.8 No\r\n", "AUTH 535"),
        )
    ),
    # What EHLO replies say
    *(
        _vector(f"ehlo-{name}", ServerThreat.LIES, Moment.EHLO, b"250-mx.example.net\r\n" + said + b"\r\n", outcome, source)
        for name, said, outcome, source in (
            ("size-0", b"250 SIZE 0", "waits", "RFC 1870 section 6"),
            ("size-in-words", b"250 SIZE lots", "waits", "RFC 1870 section 6"),
            ("size-negative", b"250 SIZE -1", "waits", "RFC 1870 section 6"),
            ("size-of-30-digits", b"250 SIZE " + b"9" * 30, "waits", "RFC 1870 section 6"),
            ("size-full-width", "250 SIZE \uff11".encode(), "waits", "RFC 1870 section 6"),
            ("limits-of-0", b"250 LIMITS RCPTMAX=0 MAILMAX=0", "waits", "RFC 9422 section 4"),
            ("limits-in-words", b"250 LIMITS RCPTMAX=x =1 RCPTMAX", "waits", "RFC 9422 section 4"),
            ("limits-of-30-digits", b"250 LIMITS MAILMAX=" + b"9" * 30, "waits", "RFC 9422 section 4"),
            ("keyword-8-bit", b"250 \xff\xfe", "waits", "RFC 5321 section 4.1.1.1"),
            ("keyword-nul", b"250 STARTTLS\0", "waits", "RFC 5321 section 4.1.1.1"),
            ("keyword-empty", b"250 ", "waits", "RFC 5321 section 4.1.1.1"),
            ("keyword-of-html", b"250 <script>", "waits", "RFC 5321 section 4.1.1.1"),
            ("keyword-twice", b"250-SIZE 1\r\n250 SIZE 2", "waits", "RFC 5321 section 4.1.1.1"),
            ("keywords-by-the-hundred", b"250-X\r\n" * 197 + b"250 X", "waits", "RFC 5321 section 4.1.1.1"),
            ("keywords-by-the-thousand", b"250-X\r\n" * 1000 + b"250 X", "malformed", "RFC 5321 section 4.1.1.1"),
            ("chunking-alone", b"250 CHUNKING", "waits", "RFC 3030 section 3"),
            ("auth-in-clear", b"250 AUTH PLAIN LOGIN", "waits", "RFC 4954 section 9"),
            ("auth-with-equals-sign", b"250 AUTH=PLAIN", "waits", "RFC 4954 section 3"),
            ("requiretls-in-clear", b"250 REQUIRETLS", "waits", "RFC 8689 section 2"),
        )
    ),
    # Words
    *(
        _vector(f"words-{moment.name.lower()}-{name}", ServerThreat.WORDS, moment, b"550 5.7.1 " + words + b"\r\n", "550 5.7.1", source)
        for moment in (Moment.MAIL, Moment.RCPT, Moment.END)
        for name, words, source in (
            ("nul", b"a\0b", "RFC 5321 section 4.2"),
            ("escape", b"\x1b[2J\x1b]0;x\x07", "CWE-117"),
            ("backspace", b"ok\x08\x08no", "CWE-117"),
            ("delete", b"\x7f\x7f", "CWE-117"),
            ("latin1", b"caf\xe9", "RFC 6531 section 3.7.4"),
            ("utf8", "café".encode(), "RFC 6531 section 3.7.4"),
            ("overlong", b"\xc0\xaf\xe0\x80\xaf", "RFC 3629 section 3"),
            ("surrogate", b"\xed\xa0\x80", "RFC 3629 section 3"),
            ("next-line", "\x85".encode(), "CWE-117"),
            ("line-separator", "\u2028".encode(), "CWE-117"),
            ("right-to-left", "\u202egnp.exe".encode(), "CWE-117"),
            ("percent-format", b"%s%n {} {0!r}", "CWE-134"),
            ("header-field", b"Subject: x", "CWE-93"),
            ("boundary", b"--=_0abc--", "RFC 2046 section 5.1.1"),
            ("very-long", b"x" * 1900, "RFC 5321 section 4.5.3.1.5"),
        )
    ),
    _vector("words-second-line", ServerThreat.WORDS, Moment.MAIL, b"550-5.7.1 a\r\n550 5.7.1 Subject: b\r\n", "550 5.7.1", "RFC 2034 section 4"),
)  # fmt: skip
