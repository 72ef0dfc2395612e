"""What clients of SMTP and LMTP say."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from unicodedata import category

from mailext.accounts.canonical import canonical_mailbox
from mailext.message.headers import HeaderScanner, HeaderSection, HeaderTooLargeError, tls_demand
from mailext.routing.names import destination_of, is_host_name, literal_address
from mailext.values import BodyType, Envelope, Mailbox, MailOptions, Recipient
from mailext.wire.body import ChunkDecoder, Content, DotDecoder, has_bare_line_ending
from mailext.wire.client_commands import mail_command, rcpt_command
from mailext.wire.commands import CommandError, parse_auth, parse_mail, parse_rcpt
from mailext.wire.encoders import BareLineEndingError, ChunkEncoder, DotEncoder
from mailext.wire.events import MailCommand, RcptCommand
from mailext.wire.extensions import Offer
from mailext.wire.grammar import (
    GrammarError,
    decode_xtext,
    encode_xtext,
    parse_bdat,
    parse_client_identity,
    parse_client_name,
    parse_mailbox,
)
from tests.fuzz.target import Target, expect, pieces
from tests.vectors.model import Listener
from tests.wire.driver import check_sent, octets, owner_of, run, run_late
from tests.wire.reference import Parsed, is_bare, parse_chunks, parse_data

_LISTENERS = tuple(Listener)
_OFFER = Offer(tls=True, mechanisms=("PLAIN", "LOGIN", "SCRAM-SHA-256"), clientid=True)
_EVERYTHING: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("SIZE", "8BITMIME", "SMTPUTF8", "REQUIRETLS", "AUTH", "DSN"), ()
)
_HEADER_LIMIT = 200


def check_session(data: bytes) -> None:
    """The first octet chooses the listener, the second where the rest is cut."""
    listener = _LISTENERS[data[0] % len(_LISTENERS)] if data else Listener.CLEAR
    seed, stream = data[:2], data[2:]
    whole = run(owner_of(listener), [[stream]])
    check_sent(whole.sent)
    for message in whole.messages:
        expect(not is_bare(message), "a bare CR or LF was accepted")
    if listener is Listener.CLEAR and b"STARTTLS" in stream.upper():
        # Of what comes behind STARTTLS something depends on when it comes.
        return
    expect(run(owner_of(listener), [pieces(stream, seed)]) == whole, "a cut changes the outcome")
    expect(run_late(owner_of(listener), [pieces(stream, seed)]) == whole, "late answers change the outcome")
    expect(run(owner_of(listener), [octets(stream)]) == whole, "octet by octet the outcome is another")


def check_mail(data: bytes) -> None:
    """The argument of MAIL; the first octet chooses what is offered."""
    offer = replace(_OFFER, tls=bool(data[:1] < b"\x80"))
    with suppress(CommandError):
        said = parse_mail(data[1:], offer)
        line = mail_command(Envelope(said.reverse_path, (), said.options), _EVERYTHING)
        again = parse_mail(line.removeprefix(b"MAIL ").removesuffix(b"\r\n"), offer)
        expect(again == _sayable(said), "what is said again means something else")
        expect(b"\r" not in line[:-2] and b"\n" not in line[:-2], "a line end within a command")


def _sayable(said: MailCommand) -> MailCommand:
    # Seven bits are what is meant where nothing is said of the body.
    if said.options.body is BodyType.SEVEN_BIT:
        return replace(said, options=replace(said.options, body=None))
    return said


def check_rcpt(data: bytes) -> None:
    """The argument of RCPT; the first octet says whether MAIL said SMTPUTF8."""
    smtputf8 = data[:1] >= b"\x80"
    with suppress(CommandError):
        said = parse_rcpt(data[1:], smtputf8=smtputf8)
        if not said.forward_path.domain:
            expect(said.forward_path.local_part.lower() == "postmaster", "a recipient without domain")
            return
        recipient = Recipient(said.forward_path, said.options)
        line = rcpt_command(recipient, MailOptions(smtputf8=smtputf8), _EVERYTHING)
        again = parse_rcpt(line.removeprefix(b"RCPT ").removesuffix(b"\r\n"), smtputf8=smtputf8)
        expect(_spelled(again) == _spelled(said), "what is said again means something else")


def _spelled(said: RcptCommand) -> RcptCommand:
    # RFC 6533 section 3 has several spellings for one address.
    orcpt = said.options.orcpt
    if orcpt is not None and orcpt.lower().startswith("utf-8;"):
        return replace(said, options=replace(said.options, orcpt=None))
    return said


def check_words(data: bytes) -> None:
    """What single arguments are made of."""
    with suppress(GrammarError):
        identity = parse_client_identity(data)
        expect(repr(identity) == repr(replace(identity, token="another")), "a token in a repr")
        said = f"{identity.type} {identity.token}".encode()
        expect(parse_client_identity(said) == identity, "an identity has two meanings")
    with suppress(GrammarError):
        size, _ = parse_bdat(data)
        expect(0 <= size < 10**20, "a size out of bounds")
    with suppress(GrammarError):
        expect(_is_one_line(parse_client_name(data)), "a control character in a name")
    with suppress(GrammarError):
        text = decode_xtext(data)
        expect(decode_xtext(encode_xtext(text).encode()) == text, "xtext has two meanings")
    with suppress(GrammarError, UnicodeDecodeError):
        mailbox = parse_mailbox(data.decode())
        expect(parse_mailbox(str(mailbox)) == mailbox, "a mailbox has two meanings")
        expect(_is_one_line(str(mailbox)), "a control character in a mailbox")
        _check_address(mailbox)
    with suppress(CommandError):
        expect(parse_auth(data, _OFFER).mechanism in _OFFER.mechanisms, "a mechanism that is not offered")


def _check_address(mailbox: Mailbox) -> None:
    with suppress(ValueError):
        canonical = canonical_mailbox(mailbox)
        expect(canonical_mailbox(canonical) == canonical, "an account has two names")
        expect(canonical.domain.isascii(), "a domain that is not in A-labels")
    with suppress(ValueError):
        destination = destination_of(mailbox.domain)
        expect(destination_of(destination) == destination, "a destination has two names")
        expect(
            is_host_name(destination) or literal_address(destination), "a destination that is no host's name"
        )


def _is_one_line(text: str) -> bool:
    return len(text.splitlines()) == 1 and not any(category(character) == "Cc" for character in text)


def check_content(data: bytes) -> None:
    """What follows DATA, and the same as chunks, against the slow parser."""
    seed, stream = data[:2], data[2:]
    expected = parse_data(stream)
    decoder, found, rest = DotDecoder(), b"", None
    content = Content(1 << 20)
    for piece in pieces(stream, seed):
        if rest is None:
            part, rest = decoder.feed(piece)
            content.take(part)
            found += part
        else:
            rest += piece
    expect(rest == expected.rest, "another end than the slow parser finds")
    if rest is not None:
        expect((content.fault is not None) == expected.is_bare, "another judgement than the slow parser's")
        expect(found == expected.content or expected.is_bare, "other content than the slow parser's")
    chunks = ChunkDecoder()
    parts = [chunks.feed(piece) for piece in pieces(stream, seed)] + [chunks.finish()]
    wanted = parse_chunks([stream])
    expect(any(map(has_bare_line_ending, parts)) == wanted.is_bare, "bare line ends in chunks")
    expect(wanted.is_bare or b"".join(parts) == wanted.content, "other chunks than the slow parser's")


def check_outgoing(data: bytes) -> None:
    """A message that is relayed: what is sent of it is read again."""
    seed, message = data[:2], data[2:]
    stuffed, chunks = DotEncoder(), ChunkEncoder()
    try:
        sent = b"".join([stuffed.feed(piece) for piece in pieces(message, seed)]) + stuffed.finish()
    except BareLineEndingError:
        expect(is_bare(message), "a message that could have been sent")
        return
    expect(not is_bare(message), "a bare CR or LF is sent")
    whole = message + b"\r\n" * (not message.endswith(b"\r\n") and bool(message))
    expect(parse_data(sent) == Parsed(whole, is_bare=False, rest=b""), "another message arrives")
    last = b"".join(b"".join(chunks.feed(piece)) for piece in pieces(message, seed)) + chunks.finish()
    expect(last == b"BDAT %d LAST\r\n%b" % (len(whole), whole), "other chunks arrive")


def check_headers(data: bytes) -> None:
    """A message of canonical lines: its header section."""
    message = data[2:].replace(b"\r", b"").replace(b"\n", b"\r\n")
    scanned = _scanned([message])
    # A piece never ends within a CRLF.
    lines = [piece.replace(b"\n", b"\r\n") for piece in pieces(data[2:].replace(b"\r", b""), data[:2])]
    expect(_scanned(lines) == scanned, "a cut changes the header section")
    if scanned is None:
        return
    section, body = scanned
    said = b"".join(field for _, field in section)
    expect(message in (said + body, said + b"\r\n" + body), "octets are lost between header and body")
    expect(HeaderSection.parse(bytes(section)) == (section, b""), "a section has two meanings")
    expect(len(said) <= _HEADER_LIMIT, "a header section beyond the limit")
    tls_demand(section)
    rest = section.without(["Bcc", "TLS-Required"])
    expect(not rest.count(b"bcc", b"tls-required"), "a field was not removed")


def _scanned(chunks: list[bytes]) -> tuple[HeaderSection, bytes] | None:
    scanner = HeaderScanner(_HEADER_LIMIT)
    try:
        for position, piece in enumerate(chunks):
            found = scanner.feed(piece)
            if found is not None:
                return found[0], found[1] + b"".join(chunks[position + 1 :])
        return scanner.finish()
    except HeaderTooLargeError:
        return None


_VERBS = (
    b"EHLO a\r\n", b"LHLO a\r\n", b"MAIL FROM:<a@b>", b"RCPT TO:<ann@example.org>\r\n", b"DATA\r\n", b"\r\n.\r\n", b"BDAT ", b" LAST\r\n",
    b"RSET\r\n", b"AUTH PLAIN ", b"AUTH LOGIN\r\n", b"STARTTLS\r\n", b"CLIENTID UUID x\r\n", b"QUIT\r\n", b"NOOP\r\n", b"VRFY ", b"HELP", b"*\r\n",
)  # fmt: skip
_PARAMETERS = (
    b"FROM:<", b"TO:<", b"> ", b"SIZE=", b"BODY=8BITMIME", b"BODY=7BIT", b"SMTPUTF8", b"REQUIRETLS", b"AUTH=<>", b"AUTH=a+40b", b"RET=HDRS", b"ENVID=",
    b"NOTIFY=NEVER", b"NOTIFY=SUCCESS,FAILURE,DELAY", b"ORCPT=rfc822;", b"ORCPT=utf-8;\\x{E9}", b"+0A", b'"', b"\\", b"@", b"[IPv6:", b"[127.0.0.1]",
    "é".encode(), b"postmaster",
)  # fmt: skip

TARGETS = (
    Target(
        "session",
        check_session,
        "clients of SMTP and LMTP: whole sessions, AUTH and BDAT among them",
        "replies are well-formed and bounded, no bare CR or LF is accepted, cuts and late answers change nothing",
        _VERBS,
    ),
    Target(
        "mail",
        check_mail,
        "clients: the argument of MAIL",
        "a reply refuses it, or what is relayed means the same",
        _PARAMETERS,
    ),
    Target(
        "rcpt",
        check_rcpt,
        "clients: the argument of RCPT",
        "a reply refuses it, or what is relayed means the same",
        _PARAMETERS,
    ),
    Target(
        "words",
        check_words,
        "clients: names, CLIENTID, BDAT, xtext, mailboxes, AUTH",
        "GrammarError alone; one spelling, one meaning; one account, one name; a token in no repr",
        (
            *_PARAMETERS,
            b"ann@",
            b"@example.org",
            "@b\u00fccher.example".encode(),
            "\uff0e".encode(),
            b"xn--",
            b"UUID ",
            b"MAC ",
            b"PLAIN ",
            b"SCRAM-SHA-256 ",
            b" LAST",
        ),
        256,
    ),
    Target(
        "content",
        check_content,
        "clients: what follows DATA and BDAT",
        "end, content and judgement are those of a slow parser, wherever it is cut",
        (b"\r\n.\r\n", b"\r\n..", b"\n.\n", b"\r", b"\n", b"."),
        256,
    ),
    Target(
        "outgoing",
        check_outgoing,
        "authors: messages that are relayed",
        "what arrives is the message, and ends where it ends; with a bare CR or LF it is not sent",
        (b"\r\n.\r\n", b"\r\n..", b"\n.\n", b"\r", b"\n", b"."),
        256,
    ),
    Target(
        "headers",
        check_headers,
        "authors: the header section of a message",
        "no octet is lost, cuts change nothing, the limit holds, what is removed is gone",
        (b"Subject: x\n", b"TLS-Required: No\n", b"Bcc: a@b\n", b"\n\n", b"\n ", b" :", b":"),
        400,
    ),
)
