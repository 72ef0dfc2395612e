"""What the client says is understood as what it meant, or not said."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailext.values import (
    BodyType,
    Envelope,
    Mailbox,
    MailOptions,
    Notify,
    RcptOptions,
    Recipient,
    Ret,
)
from mailext.wire.client_commands import CannotCarryError, hello_command, mail_command, rcpt_command
from mailext.wire.commands import parse_mail, parse_rcpt
from mailext.wire.extensions import Offer
from mailext.wire.limits import SessionLimits
from mailext.wire.states import Command

ALL = dict.fromkeys(("SIZE", "8BITMIME", "SMTPUTF8", "REQUIRETLS", "AUTH", "DSN"), ())
OFFER = Offer(tls=True, limits=SessionLimits(message_size=10**20))
ANN = Mailbox("ann", "example.org")

# Whatever a program, or a message from elsewhere, may bring.
texts = st.text(st.characters() | st.sampled_from('\r\n\0 <>@"\\+=;\t\x85\u2028é'), max_size=40)
locals_ = st.text(
    st.characters(exclude_categories=["C"]) | st.sampled_from(' "\\@.<>'), min_size=1, max_size=30
)
domains = st.sampled_from(["example.org", "[192.0.2.1]", "[IPv6:::1]", "bücher.example", "a-b.c"])
mailboxes = st.builds(Mailbox, locals_, domains)
options = st.builds(
    MailOptions,
    size=st.none() | st.integers(0, 10**19),
    body=st.none() | st.sampled_from(BodyType),
    smtputf8=st.booleans(),
    auth=st.none() | st.just("") | st.just("ann+x=y@example.org"),
    ret=st.none() | st.sampled_from(Ret),
    envid=st.none() | st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30),
    requiretls=st.booleans(),
)


def argument(line: bytes) -> bytes:
    assert line.endswith(b"\r\n")
    assert line.count(b"\r") == line.count(b"\n") == 1
    return line.partition(b" ")[2].removesuffix(b"\r\n")


@given(st.none() | mailboxes, options)
def test_mail_is_understood_as_it_was_meant(sender: Mailbox | None, options: MailOptions) -> None:
    try:
        line = mail_command(Envelope(sender, (), options), ALL)
    except CannotCarryError:
        # Only what has no form in SMTP, or needs what was not asked for.
        assert sender is not None
        assert not sender.is_ascii or not sender.local_part.isprintable()
        return
    understood = parse_mail(argument(line), OFFER)
    said = replace(options, body=None) if options.body is BodyType.SEVEN_BIT else options
    assert (understood.reverse_path, understood.options) == (sender, said)


@given(mailboxes, st.frozensets(st.sampled_from(Notify)), st.none() | texts, st.booleans())
def test_rcpt_is_understood_as_it_was_meant(
    mailbox: Mailbox, notify: frozenset[Notify], orcpt: str | None, smtputf8: bool
) -> None:
    options = RcptOptions(notify, f"rfc822;{orcpt}" if orcpt is not None else None)
    try:
        line = rcpt_command(Recipient(mailbox, options), MailOptions(smtputf8=smtputf8), ALL)
    except CannotCarryError:
        return
    if orcpt == "":
        return
    understood = parse_rcpt(argument(line), smtputf8=smtputf8)
    assert (understood.forward_path, understood.options) == (mailbox, options)


@given(texts, texts)
def test_nothing_can_be_more_than_one_command(local: str, domain: str) -> None:
    mailbox = Mailbox(local, domain)
    for make in (
        lambda: mail_command(Envelope(mailbox, (), MailOptions(smtputf8=True)), ALL),
        lambda: rcpt_command(Recipient(mailbox), MailOptions(smtputf8=True), ALL),
        lambda: mail_command(Envelope(None, (), MailOptions(envid=local or "x", auth=domain)), ALL),
        lambda: rcpt_command(Recipient(ANN, RcptOptions(orcpt=f"{local};{domain}")), MailOptions(), ALL),
    ):
        with contextlib.suppress(CannotCarryError):
            argument(make())


@pytest.mark.parametrize("name", ["", "a b", "a\r\nRSET", "é", "x" * 300])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(ValueError):
        hello_command(Command.EHLO, name)


FULL = MailOptions(
    size=100,
    body=BodyType.EIGHT_BIT_MIME,
    smtputf8=True,
    auth="ann@example.org",
    ret=Ret.HDRS,
    envid="a b+",
    requiretls=True,
)


def test_everything_that_can_be_said() -> None:
    assert mail_command(Envelope(ANN, (), FULL), ALL) == (
        b"MAIL FROM:<ann@example.org> SIZE=100 BODY=8BITMIME SMTPUTF8 REQUIRETLS AUTH=ann@example.org "
        b"RET=HDRS ENVID=a+20b+2B\r\n"
    )
    recipient = Recipient(ANN, RcptOptions(frozenset({Notify.SUCCESS, Notify.DELAY}), "rfc822;a+b@x"))
    assert rcpt_command(recipient, FULL, ALL) == (
        b"RCPT TO:<ann@example.org> NOTIFY=DELAY,SUCCESS ORCPT=rfc822;a+2Bb@x\r\n"
    )


def test_what_only_helps_is_left_out_where_it_is_not_offered() -> None:
    helping = MailOptions(size=100, auth="ann@example.org", ret=Ret.FULL, envid="x")
    assert mail_command(Envelope(None, (), helping), {}) == b"MAIL FROM:<>\r\n"
    recipient = Recipient(ANN, RcptOptions(frozenset({Notify.NEVER}), "rfc822;a@x"))
    assert rcpt_command(recipient, helping, {}) == b"RCPT TO:<ann@example.org>\r\n"
    assert b" AUTH=<> " in mail_command(Envelope(None, (), replace(FULL, auth="")), ALL)


@pytest.mark.requirement("R12", "R16")
def test_requiretls_is_said_to_who_offers_it_and_only_when_told() -> None:
    assert b"REQUIRETLS" not in mail_command(Envelope(None, ()), ALL)
    told = Envelope(None, (), MailOptions(requiretls=True))
    assert mail_command(told, {"REQUIRETLS": ()}) == b"MAIL FROM:<> REQUIRETLS\r\n"
    with pytest.raises(CannotCarryError) as raised:
        mail_command(told, {})
    assert raised.value.outcome.enhanced == "5.7.30"


@pytest.mark.parametrize(
    ("options", "enhanced"),
    [(MailOptions(smtputf8=True), "5.6.7"), (MailOptions(body=BodyType.EIGHT_BIT_MIME), "5.6.3")],
)
def test_what_a_message_needs(options: MailOptions, enhanced: str) -> None:
    with pytest.raises(CannotCarryError) as raised:
        mail_command(Envelope(ANN, (), options), {})
    assert raised.value.outcome.enhanced == enhanced
    assert not raised.value.outcome.is_temporary


def test_addresses_beyond_ascii_need_smtputf8() -> None:
    joerg = Mailbox("jörg", "example.org")
    for make in (
        lambda: mail_command(Envelope(joerg, ()), ALL),
        lambda: rcpt_command(Recipient(joerg), MailOptions(), ALL),
    ):
        with pytest.raises(CannotCarryError) as raised:
            make()
        assert raised.value.outcome.enhanced == "5.6.7"


@pytest.mark.parametrize(
    ("limit", "size", "fits"),
    [("100", 100, True), ("100", 101, False), ("0", 101, True), ("x", 101, True), ("", 101, True)],
)
def test_the_size_that_the_server_tells(limit: str, size: int, fits: bool) -> None:
    envelope = Envelope(None, (), MailOptions(size=size))
    if fits:
        assert mail_command(envelope, {"SIZE": (limit,)}) == b"MAIL FROM:<> SIZE=%d\r\n" % size
        return
    with pytest.raises(CannotCarryError) as raised:
        mail_command(envelope, {"SIZE": (limit,)})
    assert raised.value.outcome.code == 552


@pytest.mark.parametrize(
    ("orcpt", "smtputf8", "said"),
    [
        ("utf-8;jörg@example.org", True, "utf-8;jörg@example.org"),
        ("utf-8;jörg@example.org", False, r"utf-8;j\x{F6}rg@example.org"),
        ("utf-8;a+b\\@x", False, r"utf-8;a\x{2B}b\x{5C}@x"),
        (r"utf-8;\x{E9}@x", False, r"utf-8;\x{E9}@x"),
        (r"utf-8;\x{E9}é\x{}@x", False, r"utf-8;\x{E9}\x{E9}\x{5C}x{}@x"),
        ("rfc822;jörg@example.org", False, None),
        ("no type", False, None),
        ("bad type;x", False, None),
        ("rfc822;a\nb", False, None),
    ],
)
def test_original_recipients(orcpt: str, smtputf8: bool, said: str | None) -> None:
    recipient = Recipient(ANN, RcptOptions(orcpt=orcpt))
    options = MailOptions(smtputf8=smtputf8)
    if said is None:
        with pytest.raises(CannotCarryError):
            rcpt_command(recipient, options, ALL)
        return
    assert rcpt_command(recipient, options, ALL) == f"RCPT TO:<ann@example.org> ORCPT={said}\r\n".encode()


@pytest.mark.parametrize(
    "mailbox",
    [Mailbox("a", ""), Mailbox("a", "b c"), Mailbox("a", "b>"), Mailbox("a\nb", "x")],
)
def test_what_is_no_address(mailbox: Mailbox) -> None:
    for make in (
        lambda: mail_command(Envelope(mailbox, ()), ALL),
        lambda: rcpt_command(Recipient(mailbox), MailOptions(), ALL),
    ):
        with pytest.raises(CannotCarryError):
            make()


def test_the_bare_postmaster() -> None:
    postmaster = Mailbox("Postmaster", "")
    assert rcpt_command(Recipient(postmaster), MailOptions(), {}) == b"RCPT TO:<Postmaster>\r\n"
    with pytest.raises(CannotCarryError):
        mail_command(Envelope(postmaster, ()), {})
