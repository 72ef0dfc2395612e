"""What is offered, and the parameters of MAIL and RCPT that come with it."""

from __future__ import annotations

import pytest

from mailext.values import BodyType, Mailbox, MailOptions, Notify, Protocol, RcptOptions, Ret
from mailext.wire.commands import CommandError, line_limit, parse_mail, parse_rcpt
from mailext.wire.events import MailCommand
from mailext.wire.extensions import EXTENSIONS, Offer, advertised
from mailext.wire.limits import COMMAND_LINE, SessionLimits
from mailext.wire.replies import OK
from mailext.wire.server import ServerSession
from mailext.wire.states import Command
from tests.vectors.auth import GOOD
from tests.vectors.model import EHLO, LIMITS, Listener
from tests.wire.driver import Owner, cut, octets, owner_of, run, split_replies

CLEAR = Offer(starttls=True, mechanisms=("PLAIN", "LOGIN"), clientid=True)
TLS = Offer(tls=True, mechanisms=("PLAIN", "LOGIN"), clientid=True)

ALWAYS = {"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING", "LIMITS"}


def keywords(reply: bytes) -> dict[str, str]:
    """The keywords of an EHLO reply, as a client reads them."""
    (only,) = split_replies(reply)
    words = (line[4:].partition(" ") for line in only.splitlines()[1:])
    return {keyword: arguments for keyword, _, arguments in words}


def mail_refusal(argument: bytes, offer: Offer = TLS) -> str:
    with pytest.raises(CommandError) as refusal:
        parse_mail(argument, offer)
    return f"{refusal.value.reply.code} {refusal.value.reply.enhanced}"


def rcpt_refusal(argument: bytes, *, smtputf8: bool = False) -> str:
    with pytest.raises(CommandError) as refusal:
        parse_rcpt(argument, smtputf8=smtputf8)
    return f"{refusal.value.reply.code} {refusal.value.reply.enhanced}"


# The EHLO reply


@pytest.mark.parametrize(
    ("offer", "more"),
    [
        (Offer(), set()),
        (Offer(starttls=True), {"STARTTLS"}),
        (Offer(mechanisms=("PLAIN",)), set()),
        (Offer(mechanisms=("PLAIN",), plaintext_auth=True), {"AUTH"}),
        (Offer(clientid=True), set()),
        (Offer(dsn=True), {"DSN"}),
        (CLEAR, {"STARTTLS"}),
        (Offer(tls=True), {"REQUIRETLS"}),
        (Offer(tls=True, starttls=True), {"REQUIRETLS"}),
        (Offer(tls=True, mechanisms=("PLAIN",)), {"REQUIRETLS", "AUTH"}),
        (Offer(tls=True, clientid=True), {"REQUIRETLS", "CLIENTID"}),
        (TLS, {"REQUIRETLS", "CLIENTID", "AUTH"}),
    ],
)
def test_what_is_advertised(offer: Offer, more: set[str]) -> None:
    assert set(advertised(offer)) == ALWAYS | more


def test_keywords_come_with_their_arguments() -> None:
    offer = Offer(
        tls=True,
        mechanisms=("PLAIN", "LOGIN"),
        clientid=True,
        limits=SessionLimits(message_size=1000, recipients=7),
    )
    assert advertised(offer)["SIZE"] == ("1000",)
    assert advertised(offer)["LIMITS"] == ("RCPTMAX=7",)
    assert advertised(offer)["AUTH"] == ("PLAIN", "LOGIN")


@pytest.mark.requirement("C1", "R1")
def test_clientid_and_requiretls_have_no_arguments() -> None:
    reply = run(owner_of(Listener.TLS), [[EHLO]]).sent
    assert keywords(reply)["CLIENTID"] == ""
    assert keywords(reply)["REQUIRETLS"] == ""


@pytest.mark.requirement("C2")
def test_clientid_is_not_advertised_where_it_is_not_enabled() -> None:
    owner = Owner(Protocol.ESMTP, Offer(tls=True, mechanisms=("PLAIN",)))
    assert "CLIENTID" not in keywords(run(owner, [[EHLO]]).sent)


@pytest.mark.requirement("C3", "R1")
def test_clientid_and_requiretls_are_advertised_once_under_tls() -> None:
    owner = owner_of(Listener.CLEAR)
    before = run(owner, [[EHLO]]).sent
    assert not {"CLIENTID", "REQUIRETLS"} & set(keywords(before))
    run(owner, [[b"STARTTLS\r\n"]])
    owner.sent = b""
    after = run(owner, [[EHLO]]).sent
    assert {"CLIENTID", "REQUIRETLS"} <= set(keywords(after))
    assert "STARTTLS" not in keywords(after)


@pytest.mark.requirement("C4")
def test_every_ehlo_reply_under_tls_advertises_clientid() -> None:
    owner = owner_of(Listener.TLS)
    for lines in (
        b"",
        b"CLIENTID UUID x\r\n",
        b"RSET\r\n",
        b"AUTH PLAIN " + GOOD + b"\r\n",
        b"MAIL FROM:<>\r\n",
    ):
        run(owner, [[lines]])
        owner.sent = b""
        assert "CLIENTID" in keywords(run(owner, [[EHLO]]).sent)


def test_every_extension_says_where_it_comes_from() -> None:
    assert all(extension.section.startswith(("RFC ", "draft-")) for extension in EXTENSIONS)
    assert len({extension.keyword for extension in EXTENSIONS}) == len(EXTENSIONS)


# Parameters of MAIL


@pytest.mark.parametrize(
    ("parameters", "options"),
    [
        (b"", MailOptions()),
        (b"SIZE=1000", MailOptions(size=1000)),
        (b"BODY=7BIT", MailOptions(body=BodyType.SEVEN_BIT)),
        (b"body=8bitmime", MailOptions(body=BodyType.EIGHT_BIT_MIME)),
        (b"SMTPUTF8", MailOptions(smtputf8=True)),
        (b"AUTH=<>", MailOptions(auth="")),
        (b"AUTH=e+2Bx@client.example", MailOptions(auth="e+x@client.example")),
        (b"RET=FULL", MailOptions(ret=Ret.FULL)),
        (b"ret=hdrs", MailOptions(ret=Ret.HDRS)),
        (b"ENVID=QQ+3D314159", MailOptions(envid="QQ=314159")),
        (b"REQUIRETLS", MailOptions(requiretls=True)),
        (
            b"REQUIRETLS SIZE=9 RET=HDRS BODY=8BITMIME ENVID=x AUTH=<> SMTPUTF8",
            MailOptions(9, BodyType.EIGHT_BIT_MIME, True, "", Ret.HDRS, "x", True),
        ),
    ],
)
def test_parameters_of_mail(parameters: bytes, options: MailOptions) -> None:
    assert parse_mail(b"FROM:<a@b> " + parameters, TLS) == MailCommand(Mailbox("a", "b"), options)


@pytest.mark.parametrize(
    "parameters",
    [
        b"SIZE", b"SIZE=x", b"SIZE=-1", b"BODY", b"BODY=", b"BODY=BINARYMIME", b"BODY=\xff", b"SMTPUTF8=1", b"AUTH", b"AUTH=a", b"AUTH=a+0A@b",
        b"RET", b"RET=NO", b"ENVID", b"ENVID=+", b"ENVID=" + b"x" * 101, b"REQUIRETLS=1", b"REQUIRETLS REQUIRETLS", b"SIZE=1 size=1",
        b"SMTPUTF8 ENVID=\xc3\xa9", b"ENVID=\xc3\xa9", b"AUTH=\xc3\xa9@b", b"_", b"A==B",
    ],
)  # fmt: skip
def test_a_bad_parameter_of_mail_is_501(parameters: bytes) -> None:
    assert mail_refusal(b"FROM:<a@b> " + parameters) == "501 5.5.4"


@pytest.mark.parametrize(
    "parameters",
    [b"FOO", b"FOO=1", b"NOTIFY=NEVER", b"ORCPT=rfc822;a", b"SIZE=1 FOO", b"XSIZE=1", b"MT-PRIORITY=3"],
)
def test_an_unknown_parameter_of_mail_is_555(parameters: bytes) -> None:
    assert mail_refusal(b"FROM:<a@b> " + parameters) == "555 5.5.4"


def test_addresses_of_mail() -> None:
    assert mail_refusal(b"FROM:<a@>") == "501 5.1.7"
    assert mail_refusal("FROM:<é@b>".encode()) == "553 5.6.7"
    command = parse_mail("FROM:<é@b> SMTPUTF8 AUTH=é@b".encode(), TLS)
    assert command.reverse_path == Mailbox("é", "b")
    assert command.options.auth == "é@b"


def test_a_declared_size_beyond_the_limit_is_552() -> None:
    offer = Offer(tls=True, limits=LIMITS)
    assert parse_mail(b"FROM:<> SIZE=4096", offer).options.size == LIMITS.message_size
    assert mail_refusal(b"FROM:<> SIZE=4097", offer) == "552 5.3.4"


@pytest.mark.requirement("R3")
@pytest.mark.parametrize(
    ("parameters", "in_clear", "under_tls"),
    [
        (b"REQUIRETLS", "523 5.7.10", None),
        (b"requiretls", "523 5.7.10", None),
        (b"REQUIRETLS=", "501 5.5.4", "501 5.5.4"),
        (b"REQUIRETLS=YES", "523 5.7.10", "501 5.5.4"),
        (b"REQUIRETLS REQUIRETLS", "523 5.7.10", "501 5.5.4"),
        (b"REQUIRETLS RequireTLS=1", "523 5.7.10", "501 5.5.4"),
        (b"SIZE=1 REQUIRETLS BODY=7BIT", "523 5.7.10", None),
        # Syntax comes first.
        (b"REQUIRETLS FOO", "555 5.5.4", "555 5.5.4"),
        (b"REQUIRETLS SIZE=x", "501 5.5.4", "501 5.5.4"),
        (b"REQUIRETLS SIZE=1 SIZE=1", "501 5.5.4", "501 5.5.4"),
    ],
)
def test_requiretls_outside_of_tls_is_523(parameters: bytes, in_clear: str, under_tls: str | None) -> None:
    argument = b"FROM:<a@b> " + parameters
    assert mail_refusal(argument, CLEAR) == in_clear
    if under_tls is None:
        assert parse_mail(argument, TLS).options.requiretls
    else:
        assert mail_refusal(argument, TLS) == under_tls


@pytest.mark.requirement("R3")
def test_requiretls_outside_of_tls_comes_behind_what_is_wrong_with_the_address() -> None:
    assert mail_refusal(b"FROM:<a@> REQUIRETLS", CLEAR) == "501 5.1.7"
    assert mail_refusal(b"FROM:<> REQUIRETLS SIZE=99999999999", CLEAR) == "523 5.7.10"


@pytest.mark.requirement("R2")
def test_a_mail_line_of_just_the_greatest_length() -> None:
    assert sum(e.mail_growth for e in EXTENSIONS if e.keyword == "REQUIRETLS") == 11
    # All that the extensions add; what they do not use goes to the path.
    parameters = (
        b" SIZE=" + b"1".zfill(20)
        + b" BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=" + b"e" * 100
        + b" AUTH=" + b"a" * (494 - len(b"@client.example")) + b"@client.example"
        + b" REQUIRETLS"
    )  # fmt: skip
    ending = b"@client.example>" + parameters + b"\r\n"
    line = b"MAIL FROM:<".ljust(line_limit(Command.MAIL) - len(ending), b"x") + ending
    for segments in ([line], octets(line), cut(line, [512])):
        owner = owner_of(Listener.TLS)
        transcript = run(owner, [[EHLO], segments])
        assert transcript.replies[-1].startswith("250")
        (_, command) = transcript.events
        assert isinstance(command, MailCommand)
        assert command.options.requiretls
    longer = line.replace(b"<x", b"<xx")
    assert run(owner_of(Listener.TLS), [[EHLO, longer]]).replies[-1].startswith("500 5.5.2")


def test_other_lines_do_not_grow() -> None:
    assert line_limit(Command.NOOP) == line_limit(Command.EHLO) == line_limit(None) == COMMAND_LINE


# Parameters of RCPT


@pytest.mark.parametrize(
    ("parameters", "options"),
    [
        (b"", RcptOptions()),
        (b"NOTIFY=NEVER", RcptOptions(frozenset({Notify.NEVER}))),
        (
            b"notify=success,Failure,DELAY",
            RcptOptions(frozenset({Notify.SUCCESS, Notify.FAILURE, Notify.DELAY})),
        ),
        (b"ORCPT=rfc822;a+2Bb@c", RcptOptions(orcpt="rfc822;a+b@c")),
        (rb"ORCPT=utf-8;\x{E9}@b", RcptOptions(orcpt=r"utf-8;\x{E9}@b")),
        (b"ORCPT=x-a;+20", RcptOptions(orcpt="x-a; ")),
        (b"ORCPT=rfc822;" + b"a" * 493, RcptOptions(orcpt="rfc822;" + "a" * 493)),
        (b"ORCPT=rfc822;a NOTIFY=DELAY", RcptOptions(frozenset({Notify.DELAY}), "rfc822;a")),
    ],
)
def test_parameters_of_rcpt(parameters: bytes, options: RcptOptions) -> None:
    command = parse_rcpt(b"TO:<a@b> " + parameters, smtputf8=False)
    assert (command.forward_path, command.options) == (Mailbox("a", "b"), options)


@pytest.mark.parametrize(
    "parameters",
    [
        b"NOTIFY", b"NOTIFY=", b"NOTIFY=X", b"NOTIFY=NEVER,DELAY", b"NOTIFY=DELAY,DELAY", b"NOTIFY=,", b"NOTIFY=\xff", b"NOTIFY=NEVER NOTIFY=NEVER",
        b"ORCPT", b"ORCPT=a", b"ORCPT=;a", b"ORCPT=rfc822;", b"ORCPT=rfc822;+0A", b"ORCPT=a_b;c", b"ORCPT=rfc822;" + b"a" * 494,
        b"ORCPT=utf-8;\xc3\xa9", b"ORCPT=utf-8;\xff",
        b"ORCPT=utf-8;" + b"\\" * 90, b"ORCPT=utf-8;" + b"+2B" * 90,
        rb"ORCPT=utf-8;\x{A}", rb"ORCPT=UTF-8;a\x{9F}", rb"ORCPT=utf-8;\x{D800}", rb"ORCPT=utf-8;\x{110000}",
    ],
)  # fmt: skip
def test_a_bad_parameter_of_rcpt_is_501(parameters: bytes) -> None:
    assert rcpt_refusal(b"TO:<a@b> " + parameters) == "501 5.5.4"


@pytest.mark.parametrize("parameters", [b"FOO", b"SIZE=1", b"REQUIRETLS", b"RET=FULL", b"RRVS=x"])
def test_an_unknown_parameter_of_rcpt_is_555(parameters: bytes) -> None:
    assert rcpt_refusal(b"TO:<a@b> " + parameters) == "555 5.5.4"


def test_addresses_of_rcpt() -> None:
    assert rcpt_refusal(b"TO:<>") == "501 5.1.3"
    assert rcpt_refusal(b"FROM:<a@b>") == "501 5.1.3"
    assert rcpt_refusal("TO:<é@b>".encode()) == "553 5.6.7"
    command = parse_rcpt("TO:<é@b> ORCPT=utf-8;é".encode(), smtputf8=True)
    assert (command.forward_path, command.options.orcpt) == (Mailbox("é", "b"), "utf-8;é")


def test_smtputf8_holds_for_one_transaction() -> None:
    session = ServerSession(Protocol.ESMTP, TLS)
    session.receive(EHLO + b"MAIL FROM:<> SMTPUTF8\r\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<\xc3\xa9@b>\r\n")
    for _ in range(2):
        session.next_event()
        session.reply(OK)
    session.next_event()
    session.next_event()
    session.reply(OK)
    session.data_to_send()
    session.next_event()
    assert session.data_to_send().startswith(b"553 5.6.7")
