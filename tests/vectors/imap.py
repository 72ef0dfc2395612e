"""Hostile clients of IMAP."""

from __future__ import annotations

from base64 import b64encode

from tests.vectors.model import Threat
from tests.vectors.reader_model import Door, ReaderVector

_BAD = ("a BAD",)
_NO = ("a NO",)
_OK = ("a OK",)


def _lines(*lines: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in lines)


def _vector(
    name: str,
    threat: Threat,
    door: Door,
    command: bytes,
    told: tuple[str, ...],
    source: str,
) -> ReaderVector:
    """One command, and that the session goes on behind it."""
    return ReaderVector(
        f"imap-{name}", threat, door, _lines(b"a " + command, b"z NOOP"), (*told, "z OK"), source
    )


_IN, _OUT, _CLEAR = Door.IMAP_SELECTED, Door.IMAP, Door.IMAP_CLEAR
_GRAMMAR = "RFC 3501 section 9"

_ARGUMENTS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "fetch-set-zero": (b"FETCH 0 FLAGS", _BAD),
    "fetch-set-negative": (b"FETCH -1 FLAGS", _BAD),
    "fetch-set-words": (b"FETCH one FLAGS", _BAD),
    "fetch-set-underscore": (b"FETCH 1_0 FLAGS", _BAD),
    "fetch-set-plus": (b"FETCH +1 FLAGS", _BAD),
    "fetch-set-arabic": ("FETCH \u0661 FLAGS".encode(), _BAD),
    "fetch-set-full-width": ("FETCH \uff11 FLAGS".encode(), _BAD),
    "fetch-set-two-stars": (b"FETCH ** FLAGS", _BAD),
    "fetch-set-two-colons": (b"FETCH 1:2:3 FLAGS", _BAD),
    "fetch-set-comma-at-the-end": (b"FETCH 1, FLAGS", _BAD),
    "fetch-set-empty": (b"FETCH  FLAGS", _BAD),
    "fetch-set-beyond": (b"FETCH 99 FLAGS", _OK),
    "fetch-set-greatest": (b"FETCH 1:9999999999 FLAGS", _OK),
    "fetch-set-11-digits": (b"FETCH 1:99999999999 FLAGS", _BAD),
    "fetch-set-backwards": (b"FETCH 9999999999:1 FLAGS", _OK),
    "fetch-set-long": (b"FETCH " + b"1," * 20000 + b"1 FLAGS", _OK),
    "fetch-nothing": (b"FETCH 1", _BAD),
    "fetch-unknown": (b"FETCH 1 SECRETS", _BAD),
    "fetch-open-parenthesis": (b"FETCH 1 (FLAGS", _BAD),
    "fetch-open-bracket": (b"FETCH 1 BODY[", _BAD),
    "fetch-part-zero": (b"FETCH 1 BODY[0]", _BAD),
    "fetch-part-negative": (b"FETCH 1 BODY[-1]", _BAD),
    "fetch-part-missing": (b"FETCH 1 BODY[7]", _OK),
    "fetch-part-deep": (b"FETCH 1 BODY[" + b"1." * 300 + b"1]", _OK),
    "fetch-partial-negative": (b"FETCH 1 BODY[]<-1.5>", _BAD),
    "fetch-partial-huge": (b"FETCH 1 BODY.PEEK[]<9999999999.9999999999>", _OK),
    "fetch-partial-words": (b"FETCH 1 BODY[]<a.b>", _BAD),
    "fetch-field-with-backslashes": (b'FETCH 1 BODY[HEADER.FIELDS ("a\\r\\nb")]', _OK),
    "fetch-field-with-colon": (b'FETCH 1 BODY[HEADER.FIELDS ("a:")]', _BAD),
    "fetch-field-8-bit": (b"FETCH 1 BODY[HEADER.FIELDS (\xff)]", _BAD),
    "fetch-field-nul": (b"FETCH 1 BODY[HEADER.FIELDS (a\0b)]", _BAD),
    "search-unknown": (b"SEARCH SECRETS", _BAD),
    "search-nothing": (b"SEARCH", _BAD),
    "search-deep": (b"SEARCH " + b"(" * 1000 + b"ALL" + b")" * 1000, _BAD),
    "search-unbalanced": (b"SEARCH (ALL", _BAD),
    "search-not-without-key": (b"SEARCH NOT", _BAD),
    "search-or-without-keys": (b"SEARCH OR ALL", _BAD),
    "search-many-or": (b"SEARCH " + b"OR ALL " * 400 + b"ALL", _BAD),
    "search-date-out-of-range": (b"SEARCH SINCE 31-Feb-2024", _BAD),
    "search-date-words": (b"SEARCH SINCE yesterday", _BAD),
    "search-date-year-0": (b"SEARCH SINCE 1-Jan-0000", _BAD),
    "search-size-words": (b"SEARCH LARGER lots", _BAD),
    "search-size-negative": (b"SEARCH LARGER -1", _BAD),
    "search-charset-unknown": (b"SEARCH CHARSET EBCDIC ALL", _NO),
    "search-charset-path": (b"SEARCH CHARSET ../../etc ALL", _NO),
    "search-not-utf8": (b'SEARCH CHARSET UTF-8 SUBJECT "\xff\xfe"', _BAD),
    "search-open-quote": (b'SEARCH SUBJECT "x', _BAD),
    "store-unknown-mode": (b"STORE 1 FLAG (\\Seen)", _BAD),
    "store-flag-with-parenthesis": (b"STORE 1 +FLAGS (a(b)", _BAD),
    "store-flag-8-bit": (b"STORE 1 +FLAGS (\xff)", _BAD),
    "store-flag-nul": (b"STORE 1 +FLAGS (a\0b)", _BAD),
    "store-flag-slash": (b"STORE 99 +FLAGS (../../x)", _OK),
    "store-nothing": (b"STORE 1", _BAD),
    "copy-nowhere": (b"COPY 1 nowhere", _NO),
    "copy-no-name": (b"COPY 1", _BAD),
    "uid-nothing": (b"UID", _BAD),
    "uid-unknown": (b"UID NOOP", _BAD),
    "status-unknown": (b"STATUS INBOX (SECRETS)", _BAD),
    "append-no-literal": (b"APPEND INBOX", _BAD),
    "append-size-negative": (b"APPEND INBOX {-1}", _BAD),
    "append-size-words": (b"APPEND INBOX {lots}", _BAD),
    "append-size-hexadecimal": (b"APPEND INBOX {0x10}", _BAD),
    "append-size-greatest": (b"APPEND INBOX {9999999999}", _NO),
    "append-size-11-digits": (b"APPEND INBOX {99999999999}", _BAD),
    "rename-inbox-to-itself": (b"RENAME INBOX INBOX", _NO),
    "list-pattern-of-stars": (b'LIST "" ' + b"*a" * 5000, _OK),
    "list-pattern-of-percents": (b'LIST "" ' + b"%." * 5000, _OK),
    "idle-argument": (b"IDLE now", _BAD),
    "noop-argument": (b"NOOP now", _BAD),
}

_FOLDERS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "parent": (b'"../bob"', _NO),
    "parent-of-all": (b'"../../../../tmp/x"', _NO),
    "dots": (b"..", _NO),
    "absolute": (b"/etc/passwd", _NO),
    "slash": (b"a/b", _NO),
    "backslash": (b'"a\\\\b"', _OK),
    "nul": (b'"a\0b"', _BAD),
    "nul-in-utf7": (b"&AAA-", _NO),
    "slash-in-utf7": (b"&AC8-", _NO),
    "dot-in-utf7": (b"&AC4-&AC4-", _NO),
    "newline-in-utf7": (b"&AAo-", _NO),
    "right-to-left-in-utf7": (b"&IC4-", _NO),
    "surrogate-in-utf7": (b"&2AA-", _NO),
    "utf7-without-end": (b"&AOk", _NO),
    "utf7-of-ascii": (b"&AGE-", _NO),
    "8-bit": (b"\xff\xfe", _NO),
    "utf8": ("é".encode(), _NO),
    "empty": (b'""', _NO),
    "too-long": (b"x" * 300, _NO),
    "deep": (b"a." * 120 + b"a", _NO),
    "inbox": (b"INBOX", _NO),
    "inbox-in-any-case": (b"inBox", _NO),
    "new": (b"new", _OK),
    "cur-of-inbox": (b"INBOX.cur", _OK),
    "pipe": (b"|sh", _OK),
    "shell": (b"$HOME`id`", _OK),
    "percent": (b"a%b", _BAD),
    "star": (b"a*b", _BAD),
    "tilde": (b"~root", _OK),
}

_LOGINS: dict[str, tuple[bytes, tuple[str, ...], str]] = {
    "login-nothing": (b"LOGIN", _BAD, _GRAMMAR),
    "login-no-password": (b"LOGIN ann", _BAD, _GRAMMAR),
    "login-three-words": (b"LOGIN ann secret more", _BAD, _GRAMMAR),
    "login-open-quote": (b'LOGIN "ann secret', _BAD, _GRAMMAR),
    "login-nul": (b'LOGIN "ann\0" secret', _BAD, _GRAMMAR),
    "authenticate-nothing": (b"AUTHENTICATE", _BAD, "RFC 3501 section 6.2.2"),
    "authenticate-unknown": (b"AUTHENTICATE GSSAPI", _NO, "RFC 3501 section 6.2.2"),
    "authenticate-8-bit": (b"AUTHENTICATE PLA\xc4\xb0N", _BAD, "RFC 3501 section 6.2.2"),
    "authenticate-not-base64": (b"AUTHENTICATE PLAIN !!!!", _BAD, "RFC 4959 section 3"),
    "authenticate-not-canonical": (b"AUTHENTICATE PLAIN AGFubgBzZWNyZXR=", _BAD, "RFC 4648 section 3.5"),
    "authenticate-empty": (b"AUTHENTICATE PLAIN =", _BAD, "RFC 4959 section 3"),
    "authenticate-three-nul": (b"AUTHENTICATE PLAIN " + b64encode(b"\0a\0b\0c"), _BAD, "RFC 4616 section 2"),
    "authenticate-no-nul": (b"AUTHENTICATE PLAIN " + b64encode(b"annsecret"), _BAD, "RFC 4616 section 2"),
    "authenticate-not-utf8": (b"AUTHENTICATE PLAIN " + b64encode(b"\0\xff\0x"), _BAD, "RFC 4616 section 2"),
    "clientid-no-token": (b"CLIENTID UUID", _BAD, "draft-storey-smtp-client-id-13 section 4"),
    "clientid-type-too-long": (
        b"CLIENTID " + b"X" * 17 + b" x",
        _BAD,
        "draft-storey-smtp-client-id-13 section 5",
    ),
    "clientid-token-too-long": (
        b"CLIENTID UUID " + b"x" * 129,
        _BAD,
        "draft-storey-smtp-client-id-13 section 5",
    ),
    "clientid-8-bit": (b'CLIENTID UUID "\xc3\xa9"', _BAD, "draft-storey-smtp-client-id-13 section 5"),
    "clientid-control": (b'CLIENTID UUID "a\x1bb"', _BAD, "draft-storey-smtp-client-id-13 section 5"),
    "select-before-login": (b"SELECT INBOX", _BAD, "RFC 3501 section 6.3"),
    "fetch-before-login": (b"FETCH 1 FLAGS", _BAD, "RFC 3501 section 6.4"),
    "append-before-login": (b"APPEND INBOX {3}", _BAD, "RFC 3501 section 6.3.11"),
    "method-of-the-class": (b"__INIT__", _BAD, "CWE-470"),
    "verb-with-underscore": (b"do_NOOP", _BAD, "CWE-470"),
    "verb-8-bit": (b"NO\xc3\x96P", _BAD, _GRAMMAR),
    "verb-nul": (b"NO\0OP", _BAD, _GRAMMAR),
    "verb-empty": (b"", _BAD, _GRAMMAR),
}

VECTORS = (
    *(
        _vector(name, Threat.COMMANDS, _IN, command, told, _GRAMMAR)
        for name, (command, told) in _ARGUMENTS.items()
    ),
    *(
        _vector(f"create-{name}", Threat.NAMES, _IN, b"CREATE " + folder, told, "RFC 3501 section 5.1")
        for name, (folder, told) in _FOLDERS.items()
    ),
    *(
        _vector(f"delete-{name}", Threat.NAMES, _IN, b"DELETE " + folder, _BAD if told == _BAD else _NO, "RFC 3501 section 5.1")
        for name, (folder, told) in _FOLDERS.items()
    ),
    *(_vector(name, Threat.AUTH, _OUT, command, told, source) for name, (command, told, source) in _LOGINS.items()),
    *(
        _vector(f"{name}-in-clear", Threat.AUTH, _CLEAR, command, _NO, "RFC 3501 section 11.2")
        for name, command in (("login", b"LOGIN ann secret"), ("authenticate", b"AUTHENTICATE PLAIN AGFubgBzZWNyZXQ="))
    ),
    _vector("clientid-in-clear", Threat.CLIENTID, _CLEAR, b"CLIENTID UUID x", _BAD, "draft-storey-smtp-client-id-13 section 4"),
    _vector("starttls-argument", Threat.STARTTLS, _CLEAR, b"STARTTLS now", _BAD, "RFC 3501 section 6.2.1"),
    _vector("starttls-under-tls", Threat.STARTTLS, _OUT, b"STARTTLS", _BAD, "RFC 3501 section 6.2.1"),
    *(
        ReaderVector(f"imap-starttls-injection-{name}", Threat.STARTTLS, _CLEAR, b"a STARTTLS\r\n" + behind, ("* BYE",), "CVE-2021-33515", ended=True)
        for name, behind in (
            ("command", b"b NOOP\r\n"),
            ("login", b"b LOGIN ann secret\r\n"),
            ("part-of-a-command", b"b"),
            ("line-end", b"\r\n"),
            ("nul", b"\0"),
            ("handshake", b"\x16\x03\x01"),
        )
    ),
    ReaderVector("imap-line-too-long", Threat.LENGTHS, _OUT, b"a NOOP " + b"x" * 70000 + b"\r\n", ("* BYE",), "RFC 2683 section 3.2.1.5", ended=True),
    ReaderVector("imap-line-without-end", Threat.LENGTHS, _OUT, b"x" * 140000, ("* BYE",), "RFC 2683 section 3.2.1.5", ended=True),
    ReaderVector("imap-tag-missing", Threat.COMMANDS, _OUT, b" NOOP\r\nz NOOP\r\n", ("* BAD", "z OK"), _GRAMMAR),
    ReaderVector("imap-tag-with-star", Threat.COMMANDS, _OUT, b"* NOOP\r\nz NOOP\r\n", ("* BAD", "z OK"), _GRAMMAR),
    ReaderVector("imap-tag-with-plus", Threat.COMMANDS, _OUT, b"+ NOOP\r\nz NOOP\r\n", ("* BAD", "z OK"), _GRAMMAR),
    ReaderVector("imap-tag-8-bit", Threat.INJECTION, _OUT, b"\xff NOOP\r\nz NOOP\r\n", ("* BAD", "z OK"), _GRAMMAR),
    ReaderVector("imap-tag-escape", Threat.INJECTION, _OUT, b"\x1b[2J NOOP\r\nz NOOP\r\n", ("* BAD", "z OK"), _GRAMMAR),
    ReaderVector("imap-tag-long", Threat.LENGTHS, _OUT, b"x" * 101 + b" NOOP\r\nz NOOP\r\n", ("* BAD", "z OK"), _GRAMMAR),
    ReaderVector("imap-empty-line", Threat.COMMANDS, _OUT, b"\r\nz NOOP\r\n", ("* BAD", "z OK"), _GRAMMAR),
    ReaderVector("imap-bare-line-feed", Threat.SMUGGLING, _OUT, b"a NOOP\nb LOGOUT\r\nz NOOP\r\n", ("a BAD", "z OK"), "RFC 3501 section 2.2"),
    ReaderVector("imap-errors", Threat.LENGTHS, _OUT, b"a FOO\r\n" * 30, ("a BAD",) * 20 + ("* BYE",), "RFC 9051 section 11.5", ended=True),
    ReaderVector("imap-authenticate-cancelled", Threat.AUTH, _OUT, b"a AUTHENTICATE PLAIN\r\n*\r\nz NOOP\r\n", ("+", "a BAD", "z OK"), "RFC 3501 section 6.2.2"),
    ReaderVector("imap-authenticate-command-for-response", Threat.AUTH, _OUT, b"a AUTHENTICATE PLAIN\r\nb NOOP\r\nz NOOP\r\n", ("+", "a BAD", "z OK"), "RFC 3501 section 6.2.2"),
    ReaderVector("imap-authenticate-line-too-long", Threat.LENGTHS, _OUT, b"a AUTHENTICATE PLAIN\r\n" + b"A" * 13000 + b"\r\nz NOOP\r\n", ("+", "a BAD", "z OK"), "RFC 4954 section 4"),
    ReaderVector("imap-literal-of-nothing", Threat.NUMBERS, _OUT, b"a LOGIN {0}\r\n x\r\nz NOOP\r\n", ("+", "a NO", "z OK"), "RFC 3501 section 4.3"),
    ReaderVector("imap-literal-unasked", Threat.SMUGGLING, _OUT, b"a LOGIN {10+}\r\nb LOGOUT\r\n x\r\n", ("* BYE",), "RFC 7888 section 4", ended=True),
    ReaderVector("imap-literal-unasked-of-a-message", Threat.SMUGGLING, _IN, b"a APPEND INBOX {10+}\r\nb LOGOUT\r\n\r\n", ("* BYE",), "RFC 7888 section 4", ended=True),
    ReaderVector("imap-literal-too-long", Threat.LENGTHS, _OUT, b"a LOGIN {70000}\r\nz NOOP\r\n", ("a BAD", "z OK"), "RFC 3501 section 4.3"),
    ReaderVector("imap-append-date-out-of-range", Threat.NUMBERS, _IN, b'a APPEND INBOX "99-Jan-2024 99:99:99 +9999" {1}\r\nx\r\nz NOOP\r\n', ("+", "a NO", "z OK"), _GRAMMAR),
    ReaderVector("imap-append-crlf-missing", Threat.SMUGGLING, _IN, b"a APPEND INBOX {3}\r\nabcz NOOP\r\nz NOOP\r\n", ("+", "a BAD", "z OK"), "RFC 3501 section 6.3.11"),
    ReaderVector("imap-append-bare-line-feeds", Threat.SMUGGLING, _IN, b"a APPEND INBOX {5}\r\na\nb\rc\r\nz NOOP\r\n", ("+", "a", "z OK"), "RFC 3501 section 6.3.11"),
    ReaderVector("imap-append-of-commands", Threat.SMUGGLING, _IN, b"a APPEND INBOX {8}\r\nb NOOP\r\n\r\nz NOOP\r\n", ("+", "a OK", "z OK"), "RFC 3501 section 6.3.11"),
)  # fmt: skip
