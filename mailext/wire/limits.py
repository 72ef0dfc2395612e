"""What a session may ask of the server; the defaults are those of Postfix."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SessionLimits"]

#: RFC 5321 section 4.5.3.1.4: a command line with its CRLF.
COMMAND_LINE = 512
#: RFC 4954 section 4: a line of a SASL exchange with its CRLF.
SASL_LINE = 12288


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """
    The limits of one session.

    :param message_size: octets of a message's content.
    :param recipients: accepted recipients of one message.
    :param commands: commands since the last accepted message. Accepted
        recipients and chunks are not counted: they have limits of their own.
    :param errors: replies of 4xx and 5xx since the last accepted message.
    :param junk_commands: commands that carry no mail (NOOP, RSET, VRFY, HELP,
        a repeated EHLO) since the last accepted message.
    :param auth_failures: failed logins, counted by whoever judges them.
    """

    message_size: int = 50 * 1024 * 1024
    recipients: int = 1000
    commands: int = 1000
    errors: int = 20
    junk_commands: int = 100
    auth_failures: int = 3
