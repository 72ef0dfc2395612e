"""
The client's commands: made from what is meant, and from what the server offers.

Nothing is said that the grammar would not understand as what was meant, so
that no address and no parameter can be more than one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from mailext.values import (
    BodyType,
    ClientIdentity,
    Envelope,
    Mailbox,
    MailOptions,
    Notify,
    Outcome,
    RcptOptions,
    Recipient,
)
from mailext.wire import grammar
from mailext.wire.commands import line_limit
from mailext.wire.grammar import GrammarError
from mailext.wire.limits import COMMAND_LINE
from mailext.wire.states import Command

__all__ = [
    "CannotCarryError",
    "Offered",
    "clientid_command",
    "hello_command",
    "mail_command",
    "parse_offer",
    "rcpt_command",
]

#: The keywords of an EHLO reply in upper case, with their arguments.
Offered = Mapping[str, tuple[str, ...]]

_KEYWORD = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:[ \t]+(.*))?")
_MAXIMUM_ENVID = 100
# What no grammar takes for anything else.
_USUAL_ADDRESS = 254
_ATEXT = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN_ADDRESS = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*@{_LABEL}(?:\.{_LABEL})*")


class CannotCarryError(Exception):
    """
    The server does not offer what the message needs, or the message cannot be
    said in SMTP at all. Nothing was sent.

    :ivar outcome: what that means for the message's recipients.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


_NO_SMTPUTF8 = Outcome(550, "5.6.7", "The next hop does not offer SMTPUTF8, which this message needs")
_NO_8BITMIME = Outcome(554, "5.6.3", "The next hop does not offer 8BITMIME, which this message needs")
# R15, RFC 8689 section 4.2.1.
_NO_REQUIRETLS = Outcome(550, "5.7.30", "The next hop does not offer REQUIRETLS, which this message demands")
_TOO_BIG = Outcome(552, "5.3.4", "The message is larger than the next hop accepts")
_BAD_SENDER = Outcome(553, "5.1.7", "The reverse-path is not a mail address")
_BAD_RECIPIENT = Outcome(553, "5.1.3", "The recipient is not a mail address")
_BAD_PARAMETER = Outcome(555, "5.5.4", "A parameter of the message cannot be said in SMTP")


def parse_offer(lines: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """
    The lines of an EHLO reply (RFC 5321 section 4.1.1.1); keywords match in
    any case. A line that is not one of a keyword is passed over: some servers
    have such.
    """
    offered: dict[str, tuple[str, ...]] = {}
    for line in lines[1:]:
        match = _KEYWORD.fullmatch(line.rstrip())
        if match is not None:
            keyword = match[1].upper()
            offered[keyword] = offered.get(keyword, ()) + tuple((match[2] or "").split())
    return offered


def hello_command(command: Command, name: str) -> bytes:
    """
    EHLO, HELO or LHLO.

    :raise ValueError: if the name is no word of ASCII.
    """
    octets = name.encode("ascii")
    grammar.parse_client_name(octets)
    return _line(command, octets)


def clientid_command(identity: ClientIdentity) -> bytes:
    """
    CLIENTID (C5, C6, draft-storey-smtp-client-id-13 section 5).

    :raise ValueError: if the identity breaks the grammar. Its text does not
        hold the identity (C24).
    """
    argument = f"{identity.type} {identity.token}".encode("ascii", "replace")
    if grammar.parse_client_identity(argument) != identity:
        raise GrammarError("not a client identity")
    return _line(Command.CLIENTID, argument)


def mail_command(envelope: Envelope, offered: Offered) -> bytes:
    """
    MAIL. Whether REQUIRETLS is said, and what is demanded of the server, is
    told by the envelope's options alone; what only helps (SIZE, AUTH, RET,
    ENVID) is left out where it is not offered.

    :raise CannotCarryError: if the server lacks what the message needs.
    """
    options = envelope.options
    path = b""
    if envelope.reverse_path is not None:
        path = _path(envelope.reverse_path, options, grammar.parse_reverse_path, _BAD_SENDER)
    words = [b"FROM:<" + path + b">", *_mail_parameters(options, offered)]
    return _line(Command.MAIL, b" ".join(words))


def rcpt_command(recipient: Recipient, mail: MailOptions, offered: Offered) -> bytes:
    """
    RCPT.

    :param mail: the options of MAIL: SMTPUTF8 there allows non-ASCII addresses.
    :raise CannotCarryError: if the address cannot be said.
    """
    path = _path(recipient.address, mail, grammar.parse_forward_path, _BAD_RECIPIENT)
    words = [b"TO:<" + path + b">"]
    if "DSN" in offered:
        words += _rcpt_parameters(recipient.options, mail)
    return _line(Command.RCPT, b" ".join(words))


def _line(command: Command, argument: bytes) -> bytes:
    line = b"%s %s\r\n" % (command.value.encode("ascii"), argument)
    if len(line) > COMMAND_LINE and len(line) > line_limit(command):
        raise CannotCarryError(_BAD_PARAMETER)
    return line


def _path(
    mailbox: Mailbox, options: MailOptions, parse: Callable[..., Mailbox | None], refusal: Outcome
) -> bytes:
    text = f"{mailbox.local_part}@{mailbox.domain}"
    if len(text) <= _USUAL_ADDRESS and _PLAIN_ADDRESS.fullmatch(text):
        return text.encode("ascii")
    if not mailbox.is_ascii and not options.smtputf8:
        raise CannotCarryError(_NO_SMTPUTF8)
    try:
        octets = str(mailbox).encode("utf-8")
        parsed = parse(octets, smtputf8=options.smtputf8)
    except ValueError:
        raise CannotCarryError(refusal) from None
    # What an address is made of must not be able to end it.
    if parsed != mailbox:
        raise CannotCarryError(refusal)
    return octets


def _mail_parameters(options: MailOptions, offered: Offered) -> list[bytes]:
    words = _size(options, offered)
    if options.body is BodyType.EIGHT_BIT_MIME:
        # RFC 6152 section 3: converted, or refused; never sent as it is.
        words += _offered("8BITMIME", offered, _NO_8BITMIME, said="BODY=8BITMIME")
    if options.smtputf8:
        words += _offered("SMTPUTF8", offered, _NO_SMTPUTF8)
    if options.requiretls:
        # R16, RFC 8689 section 4.2.1.
        words += _offered("REQUIRETLS", offered, _NO_REQUIRETLS)
    if options.auth is not None and "AUTH" in offered:
        # RFC 4954 section 5.
        words.append("AUTH=" + (_xtext(options.auth, options) if options.auth else "<>"))
    if "DSN" in offered:
        if options.ret is not None:
            words.append(f"RET={options.ret}")
        if options.envid:
            envid = _xtext(options.envid, MailOptions())
            if len(envid) > _MAXIMUM_ENVID:
                raise CannotCarryError(_BAD_PARAMETER)
            words.append(f"ENVID={envid}")
    return [word.encode("utf-8") for word in words]


def _size(options: MailOptions, offered: Offered) -> list[str]:
    # RFC 1870 section 6: 0, or no number, is no limit that we are told of.
    if options.size is None or "SIZE" not in offered:
        return []
    limit = "".join(offered["SIZE"][:1])
    if re.fullmatch("[0-9]{1,20}", limit) and 0 < int(limit) < options.size:
        raise CannotCarryError(_TOO_BIG)
    return [f"SIZE={options.size}"]


def _offered(keyword: str, offered: Offered, refusal: Outcome, said: str | None = None) -> list[str]:
    if keyword not in offered:
        raise CannotCarryError(refusal)
    return [said or keyword]


def _rcpt_parameters(options: RcptOptions, mail: MailOptions) -> list[bytes]:
    words = []
    if Notify.NEVER in options.notify and len(options.notify) > 1:
        raise CannotCarryError(_BAD_PARAMETER)
    if options.notify:
        words.append("NOTIFY=" + ",".join(sorted(options.notify)))
    if options.orcpt is not None:
        words.append("ORCPT=" + _orcpt(options.orcpt, mail))
    return [word.encode("utf-8") for word in words]


def _orcpt(orcpt: str, mail: MailOptions) -> str:
    kind, semicolon, address = orcpt.partition(";")
    if not semicolon or not re.fullmatch("[A-Za-z0-9-]+", kind):
        raise CannotCarryError(_BAD_PARAMETER)
    if kind.lower() == "utf-8" and not mail.smtputf8:
        return "utf-8;" + grammar.encode_unicode_xtext(address)
    return f"{kind};{_xtext(address, mail)}"


def _xtext(text: str, mail: MailOptions) -> str:
    if not text.isprintable() or not (mail.smtputf8 or text.isascii()):
        raise CannotCarryError(_BAD_PARAMETER)
    return grammar.encode_xtext(text)
