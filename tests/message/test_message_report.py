"""Reports, read with the standard library's parser and checked against RFC 3464, 6522 and 6533."""

from __future__ import annotations

import email
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage, Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailext.message.headers import HeaderSection
from mailext.message.report import compose_report
from mailext.message.report_values import Action, RecipientReport, Report
from mailext.values import HeaderField, Mailbox, Outcome, RcptOptions, Recipient, TlsDemand

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
THEN = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
LATER = datetime(2026, 3, 6, 8, 30, tzinfo=UTC)

BOB = Recipient(Mailbox("bob", "example.net"))
UNKNOWN = Outcome(550, "5.1.1", "<bob@example.net>: User unknown", "mail.example.net")
HEADERS, _ = HeaderSection.parse(
    b"Received: from a by b\r\n\tfor <bob@example.net>\r\nMessage-ID: <1.2@client.example>\r\nSubject: Hello\r\n"
)


#: How the parser is told of ``message/global-``: it would look for a message in
#: such a part before it decodes it.
GLOBAL = "text/x-global-"


def about(*recipients: RecipientReport, **changes: object) -> Report:
    report = Report(
        hostname="mx.example.org",
        unique="0abc",
        date=NOW,
        to=Mailbox("ann", "example.org"),
        recipients=recipients or (failed(),),
        arrived=THEN,
        envid=None,
        tls_demand=TlsDemand.NONE,
        headers=HEADERS,
    )
    return replace(report, **changes)  # type: ignore[arg-type]


def failed(outcome: Outcome = UNKNOWN, recipient: Recipient = BOB) -> RecipientReport:
    return RecipientReport(recipient, Action.FAILED, outcome, NOW)


def parsed(report: Report) -> EmailMessage:
    headers, body = compose_report(report)
    raw = bytes(headers) + body
    # Canonical, and ASCII below the header section.
    assert raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n")
    assert body.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = email.message_from_bytes(
        raw.replace(b"message/global-", GLOBAL.encode()), policy=policy.SMTPUTF8
    )
    assert isinstance(message, EmailMessage)
    for part in message.walk():
        assert part.defects == []
    return message


def blocks(message: EmailMessage) -> list[Message]:
    """The blocks of fields of a report's second part."""
    part = list(message.iter_parts())[1]
    if part.get_content_type() == "message/delivery-status":
        return list(part.get_payload())
    assert part.get_content_type() == f"{GLOBAL}delivery-status"
    return [
        email.message_from_string(block, policy=policy.compat32)
        for block in words(part).removesuffix("\n").split("\n\n")
    ]


def words(part: Message) -> str:
    """What a part says, decoded, its lines ending with LF."""
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets.decode("utf-8").replace("\r\n", "\n")


def test_a_failure_says_who_could_not_be_reached_and_why() -> None:
    message = parsed(about(envid="env 1"))
    assert message.get_content_type() == "multipart/report"
    assert message["Content-Type"].params["report-type"] == "delivery-status"
    assert message["From"] == "Mail Delivery System <MAILER-DAEMON@mx.example.org>"
    assert message["To"] == "ann@example.org"
    assert message["Subject"] == "Your message could not be delivered"
    assert message["Date"].datetime == NOW
    assert message["Message-ID"] == "<0abc@mx.example.org>"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["In-Reply-To"] == message["References"] == "<1.2@client.example>"
    assert "TLS-Required" not in message

    text, _, headers = message.iter_parts()
    told = words(text)
    assert "<bob@example.net>\n    mail.example.net said:\n" in told
    assert (
        "        550 5.1.1 <bob@example.net>: User unknown\n    Status: 5.1.1\n    There is no such mailbox"
        in told
    )
    of_message, of_bob = blocks(message)
    assert of_message.items() == [
        ("Original-Envelope-Id", "env 1"),
        ("Reporting-MTA", "dns; mx.example.org"),
        ("Arrival-Date", "Sun, 01 Mar 2026 08:30:00 +0000"),
    ]
    assert of_bob.items() == [
        ("Final-Recipient", "rfc822; bob@example.net"),
        ("Action", "failed"),
        ("Status", "5.1.1"),
        ("Remote-MTA", "dns; mail.example.net"),
        ("Diagnostic-Code", "smtp; 550 5.1.1 <bob@example.net>: User unknown"),
        ("Last-Attempt-Date", "Mon, 02 Mar 2026 09:00:00 +0000"),
    ]
    assert headers.get_content_type() == "text/rfc822-headers"
    assert words(headers).encode() == bytes(HEADERS).removesuffix(b"\r\n").replace(b"\r\n", b"\n")


@pytest.mark.requirement("R23")
def test_a_report_holds_three_parts_and_never_a_body() -> None:
    headers, _ = HeaderSection.parse(b"Subject: secret\r\n\r\nThe body.\r\n")
    types = [part.get_content_type() for part in parsed(about(headers=headers)).iter_parts()]
    assert types == ["text/plain", "message/delivery-status", "text/rfc822-headers"]
    assert b"The body." not in compose_report(about(headers=headers))[1]


def test_without_a_header_section_there_is_no_third_part() -> None:
    message = parsed(about(headers=HeaderSection()))
    assert len(list(message.iter_parts())) == 2
    assert "In-Reply-To" not in message


@pytest.mark.requirement("R7", "R18")
@pytest.mark.parametrize(
    ("demand", "said"), [(TlsDemand.NONE, None), (TlsDemand.OPTIONAL, ["No"]), (TlsDemand.REQUIRE, None)]
)
def test_a_report_about_a_message_without_need_of_tls_says_so_too_once(
    demand: TlsDemand, said: list[str] | None
) -> None:
    headers, _ = HeaderSection.parse(b"TLS-Required: No\r\nSubject: x\r\n")
    assert parsed(about(tls_demand=demand, headers=headers)).get_all("TLS-Required") == said


@pytest.mark.parametrize(
    ("recipient", "original", "final"),
    [
        (BOB, None, "rfc822; bob@example.net"),
        (
            replace(BOB, options=RcptOptions(orcpt="rfc822;Bob+x@Example.NET")),
            "rfc822; Bob+x@Example.NET",
            "rfc822; bob@example.net",
        ),
        (
            replace(BOB, original=Mailbox("info", "example.org")),
            "rfc822; info@example.org",
            "rfc822; bob@example.net",
        ),
        (
            replace(BOB, original=Mailbox("info", "example.org"), options=RcptOptions(orcpt="x400;/G=Bob/")),
            "x400; /G=Bob/",
            "rfc822; bob@example.net",
        ),
        (Recipient(Mailbox("a b", "[192.0.2.1]")), None, 'rfc822; "a b"@[192.0.2.1]'),
    ],
)
def test_a_recipient_is_named_as_the_sender_named_it_and_as_we_do(
    recipient: Recipient, original: str | None, final: str
) -> None:
    _, block = blocks(parsed(about(failed(recipient=recipient))))
    assert (block["Original-Recipient"], block["Final-Recipient"]) == (original, final)


def test_people_are_told_which_address_of_theirs_led_there() -> None:
    recipient = replace(BOB, original=Mailbox("info", "example.org"))
    (text, *_) = parsed(about(failed(recipient=recipient))).iter_parts()
    assert "<bob@example.net>\n    (you wrote to <info@example.org>)\n" in words(text)


@pytest.mark.parametrize(
    ("action", "outcome", "status", "subject"),
    [
        (Action.FAILED, UNKNOWN, "5.1.1", "Your message could not be delivered"),
        (Action.FAILED, Outcome(451, "4.2.0", "Busy"), "4.4.7", "Your message could not be delivered"),
        (Action.FAILED, Outcome(554, "4.2.0", "Odd"), "5.0.0", "Your message could not be delivered"),
        (Action.FAILED, Outcome(554, "5.1\r\n", "Odd"), "5.0.0", "Your message could not be delivered"),
        (Action.FAILED, Outcome(354, "3.0.0", "Odd"), "5.0.0", "Your message could not be delivered"),
        (Action.DELAYED, Outcome(451, "4.2.1", "Busy"), "4.2.1", "Your message is delayed"),
        (Action.DELAYED, Outcome(421, "", "Bye"), "4.0.0", "Your message is delayed"),
        (Action.DELIVERED, Outcome(250, "2.1.5", "Here"), "2.1.5", "Your message was delivered"),
        (Action.RELAYED, Outcome(250, "2.0.0", "Ok"), "2.0.0", "Your message was handed on"),
        (Action.EXPANDED, Outcome(250, "2.0.0", "Ok"), "2.0.0", "Your message was handed on"),
    ],
)
def test_actions_and_status_codes(action: Action, outcome: Outcome, status: str, subject: str) -> None:
    retry = LATER if action is Action.DELAYED else None
    message = parsed(about(RecipientReport(BOB, action, outcome, NOW, retry)))
    _, block = blocks(message)
    assert (block["Action"], block["Status"]) == (action.value, status)
    assert message["Subject"] == subject
    assert block["Will-Retry-Until"] == (None if retry is None else "Fri, 06 Mar 2026 08:30:00 +0000")


@pytest.mark.parametrize(
    ("enhanced", "advice"),
    [
        ("5.7.10", "verified TLS"),
        ("5.7.30", "does not know it"),
        ("5.2.2", "mailbox is full"),
        ("5.5.2", "another way"),
    ],
)
def test_people_are_told_what_to_do(enhanced: str, advice: str) -> None:
    (text, *_) = parsed(about(failed(Outcome(550, enhanced, "No")))).iter_parts()
    assert advice in words(text)


def test_what_was_decided_here_is_not_passed_off_as_a_reply_of_smtp() -> None:
    message = parsed(about(failed(Outcome(550, "5.1.1", "No such account"))))
    _, block = blocks(message)
    assert block["Remote-MTA"] is None
    assert block["Diagnostic-Code"] == "x-mailext; 550 5.1.1 No such account"
    (text, *_) = message.iter_parts()
    assert "This server says:\n        550 5.1.1 No such account" in words(text)


def test_one_report_tells_of_all_recipients_what_matters_first_stands_first() -> None:
    delayed = RecipientReport(
        Recipient(Mailbox("carol", "example.net")), Action.DELAYED, Outcome(450, "4.2.0", "x"), NOW, LATER
    )
    delivered = RecipientReport(
        Recipient(Mailbox("dave", "example.net")), Action.DELIVERED, Outcome(250, "2.0.0", "x"), NOW
    )
    message = parsed(about(delivered, delayed, failed()))
    assert message["Subject"] == "Your message could not be delivered"
    assert [block["Action"] for block in blocks(message)[1:]] == ["delivered", "delayed", "failed"]
    (text, *_) = message.iter_parts()
    told = words(text)
    assert told.index("<bob@") < told.index("<carol@") < told.index("<dave@")
    assert "It is tried until Fri, 06 Mar 2026 08:30:00 +0000." in told


def test_people_are_not_told_of_hundreds_of_recipients_programs_are() -> None:
    many = tuple(failed(recipient=Recipient(Mailbox(f"u{number}", "example.net"))) for number in range(300))
    message = parsed(about(*many))
    (text, *_) = message.iter_parts()
    assert words(text).count("User unknown") == 20
    assert "lists 280 more" in words(text)
    assert len(blocks(message)) == 301


# UTF-8 (RFC 6533)


def test_addresses_in_utf8_make_the_parts_global_ones() -> None:
    address = Mailbox("用户", "例子.example")
    recipient = Recipient(address, RcptOptions(orcpt="utf-8;用户@例子.example"))
    headers, _ = HeaderSection.parse("Subject: grüß\r\n".encode())
    message = parsed(about(failed(recipient=recipient), to=address, headers=headers))
    assert message["To"] == "用户@例子.example"
    text, status, returned = message.iter_parts()
    assert "<用户@例子.example>" in words(text)
    assert status.get_content_type() == f"{GLOBAL}delivery-status"
    _, block = blocks(message)
    assert block["Final-Recipient"] == block["Original-Recipient"] == "utf-8; 用户@例子.example"
    assert returned.get_content_type() == f"{GLOBAL}headers"
    assert words(returned) == "Subject: grüß\n"


def test_octets_that_are_not_utf8_are_replaced() -> None:
    headers, _ = HeaderSection.parse(b"Subject: gr\xfc\xdf\r\n")
    *_, returned = parsed(about(headers=headers)).iter_parts()
    assert words(returned) == "Subject: gr\ufffd\ufffd\n"


def test_a_hosts_words_in_utf8_reach_people_and_stay_ascii_for_programs() -> None:
    message = parsed(about(failed(Outcome(550, "5.1.1", "Empfänger unbekannt", "mail.example.net"))))
    (text, *_) = message.iter_parts()
    assert "Empfänger unbekannt" in words(text)
    _, block = blocks(message)
    assert block["Diagnostic-Code"] == "smtp; 550 5.1.1 Empf?nger unbekannt"


# What others said stays what they said


def test_a_header_line_that_looks_like_our_boundary_ends_nothing() -> None:
    headers, _ = HeaderSection.parse(b"--=_0abc: x\r\n--=_0abc--: y\r\nSubject: z\r\n")
    message = parsed(about(headers=headers))
    *_, returned = message.iter_parts()
    assert b"\r\n--=_0abc:" not in compose_report(about(headers=headers))[1]
    assert words(returned) == "--=_0abc: x\n--=_0abc--: y\nSubject: z\n"


@pytest.mark.parametrize(
    "message_id", [b"<a@b> <c@d>", b"<a b@c>", b"<" + b"x" * 300 + b"@y>", b"nonsense", "<ä@b>".encode(), b""]
)
def test_a_message_id_that_is_none_is_not_repeated(message_id: bytes) -> None:
    headers, _ = HeaderSection.parse(b"Message-ID: %b\r\n" % message_id)
    assert "In-Reply-To" not in parsed(about(headers=headers))


def test_sizes_are_bounded() -> None:
    huge = "x" * 100_000
    recipient = Recipient(
        Mailbox(huge, "example.net"), RcptOptions(orcpt=f"rfc822;{huge}"), Mailbox(huge, "example.net")
    )
    headers, _ = HeaderSection.parse(
        b"".join(b"X-%d: %b\r\n" % (number, b"y" * 2000) for number in range(100))
    )
    report = about(
        failed(Outcome(550, "5.0.0", huge, huge), recipient),
        to=Mailbox(huge, "example.org"),
        envid=huge,
        headers=headers,
    )
    message = parsed(report)
    assert message["To"] == "undisclosed-recipients:;"
    assert len(compose_report(report)[1]) < 80_000
    *_, returned = message.iter_parts()
    # Whole fields alone.
    assert words(returned).count("\n") == 32


@pytest.mark.parametrize(
    "word", ["=?utf-8?q?=0D=0AAction:_x?=", "=??Q?=0D=0AAction:_x?=", "=?x?b?DQpBY3Rpb246IHg=?="]
)
@pytest.mark.parametrize("before", ["", "x" * 80, "x " * 60])
def test_encoded_words_in_a_hosts_reply_are_left_alone(word: str, before: str) -> None:
    message = parsed(about(failed(Outcome(550, "5.0.0", before + word, "mail.example.net"))))
    _, block = blocks(message)
    assert block.get_all("Action") == ["failed"]
    assert (
        f"Diagnostic-Code: smtp; 550 5.0.0 {before}{word}\r\n".encode()
        in compose_report(about(failed(Outcome(550, "5.0.0", before + word, "mail.example.net"))))[1]
    )


_foreign = st.text(max_size=60) | st.sampled_from(
    [
        "x\r\nInjected: yes",
        "x\n\n--=_0abc\n",
        "--=_0abc--",
        "=?utf-8?q?=0D=0AInjected:_yes?=",
        "x" * 80 + "=?utf-8?q?=0D=0AInjected:_yes?=",
        "x\x00\x85\u2028Injected: yes",
        "\ud800",
        " ",
        "",
    ]
)
_mailboxes = st.builds(Mailbox, _foreign, _foreign)
_recipients = st.builds(
    RecipientReport,
    st.builds(
        Recipient, _mailboxes, st.builds(RcptOptions, orcpt=st.none() | _foreign), st.none() | _mailboxes
    ),
    st.sampled_from(Action),
    st.builds(Outcome, st.integers(0, 999), _foreign, _foreign, _foreign),
    st.just(NOW),
    st.none() | st.just(LATER),
)
_header_fields = st.tuples(st.from_regex(rb"[!-9;-~]{1,20}", fullmatch=True), st.binary(max_size=40)).map(
    lambda field: field[0] + b": " + field[1].replace(b"\r", b"").replace(b"\n", b"\r\n ") + b"\r\n"
)


@given(
    recipients=st.lists(_recipients, min_size=1, max_size=3),
    to=_mailboxes,
    envid=st.none() | _foreign,
    fields=st.lists(_header_fields, min_size=1, max_size=4),
)
def test_nothing_foreign_adds_a_header_field_or_a_part(
    recipients: list[RecipientReport], to: Mailbox, envid: str | None, fields: list[bytes]
) -> None:
    headers, rest = HeaderSection.parse(b"".join(fields))
    assert rest == b""
    message = parsed(about(*recipients, to=to, envid=envid, headers=headers))
    names = [name for name in message.keys() if name not in ("In-Reply-To", "References")]  # noqa: SIM118
    assert names == [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    ]
    assert len(list(message.iter_parts())) == 3
    of_message, *of_recipients = blocks(message)
    assert of_message.keys() == ["Original-Envelope-Id"] * (envid is not None) + [
        "Reporting-MTA",
        "Arrival-Date",
    ]
    assert len(of_recipients) == len(recipients)
    for block, told in zip(of_recipients, recipients, strict=True):
        has_original = told.recipient.options.orcpt is not None or told.recipient.original is not None
        assert block.keys() == (
            ["Original-Recipient"] * has_original
            + ["Final-Recipient", "Action", "Status"]
            + ["Remote-MTA"] * bool(told.outcome.host)
            + ["Diagnostic-Code", "Last-Attempt-Date"]
            + ["Will-Retry-Until"] * (told.retry_until is not None)
        )
        assert (block["Action"], block["Status"]) == (told.action.value, told.status)


def test_its_header_section_can_be_added_to() -> None:
    headers, _ = compose_report(about())
    assert bytes(headers.with_on_top(HeaderField("Received", "x"))).startswith(b"Received: x\r\nFrom:")
