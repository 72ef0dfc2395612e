"""What the arguments of commands may be."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailext.values import ClientIdentity, Mailbox
from mailext.wire import grammar
from mailext.wire.grammar import GrammarError, NonAsciiAddressError

TypeOfText = Callable[[bytes], object]

#: Characters that no argument may bring through.
CONTROLS = [*map(chr, range(0x20)), "\x7f", *map(chr, range(0x80, 0xA0)), "\u2028", "\u2029"]


def refuses(parse: Callable[[], object]) -> bool:
    try:
        parse()
    except GrammarError:
        return True
    return False


# Numbers


@given(st.integers(0, 10**20 - 1))
def test_numbers(number: int) -> None:
    assert grammar.parse_number(b"%d" % number) == number


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b" 1",
        b"1 ",
        b"+1",
        b"-1",
        b"1_0",
        b"0x1",
        b"1e1",
        b"1.0",
        b"1\n",
        "\u0661".encode(),
        "\uff11".encode(),
        b"1" * 21,
    ],
)
def test_what_is_no_number(octets: bytes) -> None:
    with pytest.raises(GrammarError):
        grammar.parse_number(octets)


@given(st.binary(max_size=24))
def test_a_number_is_digits_only(octets: bytes) -> None:
    is_number = 1 <= len(octets) <= 20 and all(0x30 <= octet <= 0x39 for octet in octets)
    assert refuses(lambda: grammar.parse_number(octets)) is not is_number


# Mailboxes

_ATEXT = "abcXYZ019!#$%&'*+/=?^_`{|}~-éß例\U0001f600\xa0"
atoms = st.text(_ATEXT, min_size=1, max_size=10)
dot_strings = st.lists(atoms, min_size=1, max_size=3).map(".".join)
quoted_contents = st.text(_ATEXT + ' ."\\@<>()[],:;', max_size=20)
labels = st.from_regex(r"[a-z0-9é](?:[a-z0-9é-]{0,10}[a-z0-9é])?", fullmatch=True)
names = st.lists(labels, min_size=1, max_size=4).map(".".join)
literals = st.ip_addresses(v=4).map(lambda a: f"[{a}]") | st.ip_addresses(v=6).map(lambda a: f"[IPv6:{a}]")
mailboxes = st.builds(Mailbox, dot_strings | quoted_contents, names | literals)


@given(mailboxes)
@example(Mailbox('a"b', "x.org"))
@example(Mailbox("a\\", "x.org"))
@example(Mailbox("", "x.org"))
@example(Mailbox("a@b", "x.org"))
@example(Mailbox(".", "x.org"))
def test_a_mailbox_is_read_as_it_is_written(mailbox: Mailbox) -> None:
    assert grammar.parse_mailbox(str(mailbox)) == mailbox


@given(st.text(st.characters(codec="utf-8"), max_size=30) | st.text('ab."\\@[]:1 ', max_size=16))
def test_a_text_that_is_a_mailbox_is_written_as_one_again(text: str) -> None:
    try:
        mailbox = grammar.parse_mailbox(text)
    except GrammarError:
        return
    assert grammar.parse_mailbox(str(mailbox)) == mailbox
    assert "@" not in mailbox.domain


@pytest.mark.parametrize(
    ("text", "local_part", "domain"),
    [
        ("a@b", "a", "b"),
        ("a.b.c@d.e", "a.b.c", "d.e"),
        ('"a"@b', "a", "b"),
        ('"a b"@c', "a b", "c"),
        ('"a@b"@c', "a@b", "c"),
        ('"a@b@"@c', "a@b@", "c"),
        ('"\\a\\"\\\\"@c', 'a"\\', "c"),
        ('""@c', "", "c"),
        ("a@[192.0.2.1]", "a", "[192.0.2.1]"),
        ("a@[IPv6:::1]", "a", "[IPv6:::1]"),
        ("a@[ipv6:2001:DB8::1]", "a", "[ipv6:2001:DB8::1]"),
        ("a@[IPv6:::ffff:192.0.2.1]", "a", "[IPv6:::ffff:192.0.2.1]"),
        ("Ann@Example.ORG", "Ann", "Example.ORG"),
        ("a@x_y.example", "a", "x_y.example"),
        ("é@例.jp", "é", "例.jp"),
        ("a\xa0b@c", "a\xa0b", "c"),
    ],
)
def test_mailboxes(text: str, local_part: str, domain: str) -> None:
    assert grammar.parse_mailbox(text) == Mailbox(local_part, domain)


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "a", "a@", "@b", "a@b@c", "a@b.", "a@.b", "a@b..c", ".a@b", "a.@b", "a..b@c", "a b@c", "a@b c", "<a@b>",
        '"a@b', 'a"@b', '"a"b@c', 'a"b"@c', '"a".b@c', '"a"@', '"a"', '"a\\"@b', "a,b@c", "a(b)@c", "a;b@c", "a:b@c",
        "a[b]@c", "a@b[c]", "a@[b", "a@b]", "a@[]", "a@[1.2.3]", "a@[1.2.3.4.5]", "a@[1.2.3.256]", "a@[01.2.3.4]", "a@[1.2.3.4%0]",
        "a@[1]", "a@[::1]", "a@[IPv6:]", "a@[IPv6:1.2.3.4]", "a@[IPv6:::1%lo]", "a@[IPv6:12345::]", "a@[IPv7:::1]", "a@[x:y]",
        "a@-b", "a@b-", "a@b.-c", "a@" + "b" * 64, "a@" + "b." * 127 + "cc", "a@b:25", "a@b/c",
        "a\uff20b", "a@b\nc@d", "a@b\n", "a@b\r\n", "a@b\0",
    ],
)  # fmt: skip
def test_what_is_no_mailbox(text: str) -> None:
    with pytest.raises(GrammarError):
        grammar.parse_mailbox(text)


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
@pytest.mark.parametrize("form", ["a{}b@c", '"a{}b"@c', '"a\\{}b"@c', "a@b{}c", "a@b{}", "{}a@b"])
def test_no_control_character_gets_through_a_mailbox(form: str, control: str) -> None:
    with pytest.raises(GrammarError):
        grammar.parse_mailbox(form.replace("{}", control))


# Paths


@pytest.mark.parametrize(
    ("argument", "path", "parameters"),
    [
        (b"FROM:<>", b"", b""),
        (b"from:<a@b>", b"a@b", b""),
        (b"FROM: <a@b>", b"a@b", b""),
        (b"FROM:<a@b> SIZE=1", b"a@b", b"SIZE=1"),
        (b"FROM:<a@b>\tSIZE=1  X", b"a@b", b"SIZE=1  X"),
        (b'FROM:<"a>b"@c> X', b'"a>b"@c', b"X"),
        (b'FROM:<"a\\"> b"@c> X', b'"a\\"> b"@c', b"X"),
        (b"FROM:<@a,@b:c@d>", b"@a,@b:c@d", b""),
        (b"FROM:<\xc3\xa9@b>", b"\xc3\xa9@b", b""),
    ],
)
def test_paths_are_split_from_their_parameters(argument: bytes, path: bytes, parameters: bytes) -> None:
    assert grammar.split_path(argument, b"FROM") == (path, parameters)


@pytest.mark.parametrize(
    "argument",
    [
        b"", b"FROM", b"FROM:", b":<a@b>", b"FROM <a@b>", b"FROM :<a@b>", b"TO:<a@b>", b"FROM:a@b", b"FROM:<a@b", b"FROM:a@b>",
        b"FROM:<a@b>X", b"FROM:<a b>", b"FROM:<a\tb>", b"FROM:<<a@b>>", b'FROM:<"a>', b'FROM:"a" <a@b>', b"FROM:<a\\>b>", b"FROM:<a@b> X\0",
        b"FROM:<a@b> X\r", b"FROM:<a\nb>", b"FROM:<a@b>\n", b"FROM:<a@b> \x7f",
    ],
)  # fmt: skip
def test_what_is_no_path(argument: bytes) -> None:
    with pytest.raises(GrammarError):
        grammar.split_path(argument, b"FROM")


@pytest.mark.parametrize(
    ("octets", "mailbox"),
    [
        (b"a@b", Mailbox("a", "b")),
        (b"@x:a@b", Mailbox("a", "b")),
        (b"@x,@y.z:a@b", Mailbox("a", "b")),
        (b"postmaster", Mailbox("postmaster", "")),
        (b"PostMaster", Mailbox("PostMaster", "")),
        (b'"@x:y"@b', Mailbox("@x:y", "b")),
    ],
)
def test_forward_paths(octets: bytes, mailbox: Mailbox) -> None:
    assert grammar.parse_forward_path(octets, smtputf8=False) == mailbox


@pytest.mark.parametrize(
    "octets", [b"", b"a", b"@x", b"@x:", b"@x:postmaster", b"@x:@y:a@b", b"@x,y:a@b", b"@x,:a@b", b"@:a@b"]
)
def test_what_is_no_forward_path(octets: bytes) -> None:
    with pytest.raises(GrammarError):
        grammar.parse_forward_path(octets, smtputf8=True)


def test_reverse_paths() -> None:
    assert grammar.parse_reverse_path(b"", smtputf8=False) is None
    assert grammar.parse_reverse_path(b"a@b", smtputf8=False) == Mailbox("a", "b")
    with pytest.raises(GrammarError):
        grammar.parse_reverse_path(b"postmaster", smtputf8=False)


@given(mailboxes)
def test_non_ascii_addresses_want_smtputf8(mailbox: Mailbox) -> None:
    octets = str(mailbox).encode()
    assert grammar.parse_forward_path(octets, smtputf8=True) == mailbox
    if mailbox.is_ascii:
        assert grammar.parse_forward_path(octets, smtputf8=False) == mailbox
    else:
        with pytest.raises(NonAsciiAddressError):
            grammar.parse_forward_path(octets, smtputf8=False)


@pytest.mark.parametrize(
    "octets",
    [
        b"\xc0\xae",
        b"\xe0\x80\xae",
        b"\xed\xa0\x80",
        b"\xe2\x82",
        b"\x80",
        b"\xff",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
    ],
)
@pytest.mark.parametrize("form", [b"a%sb@c", b"a@b%sc", b'"%s"@c'])
def test_what_is_not_utf8_is_malformed_not_merely_unannounced(form: bytes, octets: bytes) -> None:
    for smtputf8 in (False, True):
        with pytest.raises(GrammarError) as refusal:
            grammar.parse_forward_path(form % octets, smtputf8=smtputf8)
        assert refusal.type is GrammarError


# Parameters


def test_parameters_keep_their_order_and_are_not_judged() -> None:
    assert grammar.parse_parameters(b"SIZE=1  body=x\tSMTPUTF8 a-b=<> SIZE=2") == [
        ("SIZE", b"1"),
        ("BODY", b"x"),
        ("SMTPUTF8", None),
        ("A-B", b"<>"),
        ("SIZE", b"2"),
    ]
    assert grammar.parse_parameters(b"") == []


@pytest.mark.parametrize(
    "octets",
    [
        b"=",
        b"=1",
        b"A=",
        b"A==1",
        b"A=1=2",
        b"-A",
        b"A_B",
        b"A:1",
        b"<a>",
        "É=1".encode(),
        b"A=\x00",
        b"A=\x7f",
    ],
)
def test_what_is_no_parameter(octets: bytes) -> None:
    with pytest.raises(GrammarError):
        grammar.parse_parameters(octets)


# Names of clients


@pytest.mark.parametrize(
    "name", ["a", "client.example", "[192.0.2.1]", "[IPv6:::1]", "under_score", "a" * 255, "例.jp", "MY-PC!"]
)
def test_names_of_clients(name: str) -> None:
    assert grammar.parse_client_name(name.encode()) == name


@pytest.mark.parametrize(
    "octets",
    [b"", b"a b", b"a" * 256, b"\xff", b"a\xc0\x8ab", b"a\tb", *(f"a{c}".encode() for c in CONTROLS)],
)
def test_what_is_no_name_of_a_client(octets: bytes) -> None:
    with pytest.raises(GrammarError):
        grammar.parse_client_name(octets)


# BDAT


@pytest.mark.parametrize(
    ("octets", "chunk"),
    [
        (b"0", (0, False)),
        (b"10", (10, False)),
        (b"10 LAST", (10, True)),
        (b"010 last", (10, True)),
        (b"10  LaSt", (10, True)),
        (b"99999999999999999999", (10**20 - 1, False)),
    ],
)
def test_chunks(octets: bytes, chunk: tuple[int, bool]) -> None:
    assert grammar.parse_bdat(octets) == chunk


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"LAST",
        b"10LAST",
        b"10 LAST x",
        b"10 x",
        b"+1",
        b"-1",
        b"1_0",
        b"1 0",
        b"1" * 21,
        "\u0661".encode(),
        b"1\n",
    ],
)
def test_what_is_no_chunk(octets: bytes) -> None:
    with pytest.raises(GrammarError):
        grammar.parse_bdat(octets)


# Client identities

types = st.from_regex(r"[A-Za-z0-9-]{1,16}", fullmatch=True)
tokens = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=128)


@pytest.mark.requirement("C5", "C6")
@given(types, tokens)
def test_identities(type: str, token: str) -> None:  # noqa: A002
    identity = grammar.parse_client_identity(f"{type} {token}".encode())
    assert identity.type == type.upper()
    assert identity.token.lower() == token.lower()


@given(types, tokens.filter(lambda token: len(token) != 36))
def test_a_token_is_exact(type: str, token: str) -> None:  # noqa: A002
    assert grammar.parse_client_identity(f"{type} {token}".encode()).token == token


@given(st.uuids(), st.sampled_from([str.upper, str.lower, str.title]))
def test_a_uuid_compares_in_lower_case(value: uuid.UUID, case: Callable[[str], str]) -> None:
    octets = f"uuid {case(str(value))}".encode()
    assert grammar.parse_client_identity(octets) == ClientIdentity("UUID", str(value))


@pytest.mark.parametrize(
    "token",
    ["6F1C2F0E3A864D3B9D0C3F0E9F5D2A11", "{6F1C2F0E-3A86-4D3B-9D0C-3F0E9F5D2A11}", "6F1C2F0E-3A86-4D3B-9D0C-3F0E9F5D2A1G", "6F1C2F0-E3A86-4D3B-9D0C-3F0E9F5D2A11", "URN:UUID:6F1C2F0E-3A86-4D3B-9D0C-3F0E9F5D2A11"],
)  # fmt: skip
def test_what_only_resembles_a_uuid_is_opaque(token: str) -> None:
    assert grammar.parse_client_identity(b"UUID " + token.encode()).token == token


@pytest.mark.requirement("C5", "C6")
@pytest.mark.parametrize(
    "octets",
    [
        b"", b" ", b"UUID", b"UUID ", b" UUID x", b"UUID  x", b"UUID x y", b"UUID\tx", b"A" * 17 + b" x", b"DEVICE_ID x", b"A.B x", b"A+B x",
        b"UUID " + b"x" * 129, "UUID é".encode(), "É x".encode(), b"UUID \x7f", b"UUID x\n", b"UUID x\0", b"UUID\xa0x", b"UUID \xff",
    ],
)  # fmt: skip
def test_what_is_no_identity(octets: bytes) -> None:
    with pytest.raises(GrammarError):
        grammar.parse_client_identity(octets)


@pytest.mark.requirement("C5", "C6")
@given(st.binary(max_size=40), st.binary(max_size=140))
def test_no_other_octet_gets_into_an_identity(type: bytes, token: bytes) -> None:  # noqa: A002
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"
    good = (
        1 <= len(type) <= 16
        and all(octet in letters for octet in type)
        and 1 <= len(token) <= 128
        and all(0x21 <= octet <= 0x7E for octet in token)
    )
    assert refuses(lambda: grammar.parse_client_identity(type + b" " + token)) is not good


def test_a_token_is_in_no_repr() -> None:
    assert "secret" not in repr(grammar.parse_client_identity(b"UUID secret"))


# Base64


@given(st.binary(max_size=60))
def test_base64(octets: bytes) -> None:
    assert grammar.decode_base64(base64.b64encode(octets)) == octets


@given(st.text("AQZaz09+/=-_ \n", max_size=12).map(str.encode) | st.binary(max_size=8))
@example(b"AB==")
@example(b"AAB=")
@example(b"QQ==QQ==")
@example(b"QQ==\n")
@example(b"=")
@example(b"QQ")
@example(b"QQ=")
def test_base64_has_one_spelling(octets: bytes) -> None:
    try:
        decoded = grammar.decode_base64(octets)
    except GrammarError:
        return
    assert base64.b64encode(decoded) == octets


# xtext

printable = st.text(st.characters(codec="utf-8"), max_size=30).filter(str.isprintable)


@given(printable)
@example("a+b=c d")
@example("+2B")
@example("+1234")
def test_xtext_is_read_as_it_is_written(text: str) -> None:
    assert grammar.decode_xtext(grammar.encode_xtext(text).encode()) == text


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30))
def test_xtext_is_one_word_without_equals_sign(text: str) -> None:
    encoded = grammar.encode_xtext(text)
    assert encoded.isascii()
    assert not set(encoded) & set(" =")


def test_xtext_is_decoded_once() -> None:
    assert grammar.decode_xtext(b"+2B41") == "+41"


@pytest.mark.parametrize(
    "octets",
    [b"+", b"+4", b"+4g", b"+2b", b"a b", b"a=b", b"\x00", b"\n", b"+00", b"+09", b"+0A", b"+0D", b"+1B", b"+7F", b"+80", b"+85", b"+E9", b"+FF", b"\xff", b"\xc0\x8a", "\x85".encode(), "\u2028".encode()],
)  # fmt: skip
def test_what_is_no_xtext(octets: bytes) -> None:
    with pytest.raises(GrammarError):
        grammar.decode_xtext(octets)


@given(st.binary(max_size=30) | st.text("+0127ABDF aé", max_size=12).map(str.encode))
def test_no_control_character_comes_out_of_xtext(octets: bytes) -> None:
    try:
        text = grammar.decode_xtext(octets)
    except GrammarError:
        return
    assert text.isprintable()


# All of them


@pytest.mark.parametrize(
    "parse",
    [
        grammar.parse_number,
        grammar.parse_parameters,
        grammar.parse_client_name,
        grammar.parse_bdat,
        grammar.parse_client_identity,
        grammar.decode_base64,
        grammar.decode_xtext,
        lambda octets: grammar.split_path(octets, b"FROM"),
        lambda octets: grammar.parse_forward_path(octets, smtputf8=True),
        lambda octets: grammar.parse_reverse_path(octets, smtputf8=False),
    ],
)
@given(st.binary(max_size=60) | st.text('FROM:<a@b>"\\ ,[].=+', max_size=30).map(str.encode))
def test_whatever_comes_it_is_read_or_refused(parse: TypeOfText, octets: bytes) -> None:
    refuses(lambda: parse(octets))


@pytest.mark.parametrize(
    ("octets", "has"),
    [
        (b"", False),
        (b"a\tb", False),
        ("é".encode(), False),
        *((bytes((o,)), True) for o in range(32) if o != 9),
        (b"\x7f", True),
    ],
)
def test_control_characters(octets: bytes, has: bool) -> None:
    assert grammar.has_control(octets) is has
