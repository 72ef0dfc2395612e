"""
Replies, and the standing ones of the server.

RFC 2034 wants an enhanced status code on every 2xx, 4xx and 5xx reply but
those to the connection and to EHLO, HELO and LHLO.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from mailext.values import Outcome, Verdict

__all__ = ["Reply"]

_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:[ ]+|$)")
_NOT_TEXT = re.compile(r"[^\x20-\x7e]")
#: RFC 5321 section 4.5.3.1.5: a reply line with its code and CRLF has 512 octets.
_LONGEST_TEXT = 512 - len("250 ") - len("\r\n")


@dataclass(frozen=True, slots=True)
class Reply:
    """
    A reply to a command (RFC 5321 section 4.2).

    :param code: the reply code.
    :param enhanced: the enhanced status code (RFC 3463), or None.
    :param lines: the text, one line or several.
    """

    code: int
    enhanced: str | None
    lines: tuple[str, ...]

    @classmethod
    def of(cls, code: int, enhanced: str | None, *lines: str) -> Reply:
        return cls(code, enhanced, lines)

    @classmethod
    def parse_text(cls, code: int, text: str | bytes, *, default: str) -> Reply:
        """
        A reply whose text may begin with an enhanced status code.

        :param text: octets are taken as UTF-8.
        :param default: the enhanced status code where it does not, or where
            its class contradicts the code.
        """
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        lines = text.splitlines() or [""]
        match = _ENHANCED.match(lines[0])
        if match is None or int(match[1][0]) != code // 100:
            return cls(code, default, tuple(lines))
        return cls(code, match[1], (lines[0][match.end() :], *lines[1:]))

    @classmethod
    def from_judgement(cls, judgement: Verdict | Outcome) -> Reply:
        """
        The wire's face of a verdict or of an outcome. An enhanced status code
        whose class contradicts the code gives way.
        """
        default = f"{judgement.code // 100}.0.0"
        fits = judgement.enhanced[:2] == default[:2]
        text = f"{judgement.enhanced} {judgement.text}" if fits else judgement.text
        return cls.parse_text(judgement.code, text, default=default)

    def as_outcome(self, host: str = "") -> Outcome:
        """
        What the reply means for a recipient, in the words of whoever gave it.
        Where it has no enhanced status code, the one that says no more than
        the code.

        :param host: whose reply it is, empty for our own.
        """
        text = " ".join(line for line in self.lines if line)
        return Outcome(self.code, self.enhanced or f"{self.code // 100}.0.0", text, host)

    @property
    def is_error(self) -> bool:
        return self.code >= 400

    # Most replies are one of a few.
    @lru_cache(maxsize=128)  # noqa: B019 - of replies, which are values
    def __bytes__(self) -> bytes:
        """
        The reply as it is sent. What is not printable ASCII becomes ``?``, and
        a line that exceeds its greatest length is cut.
        """
        prefix = f"{self.enhanced} " if self.enhanced else ""
        lines = [(prefix + _NOT_TEXT.sub("?", line))[:_LONGEST_TEXT] for line in self.lines or ("",)]
        text = "".join(f"{self.code}-{line}\r\n" for line in lines[:-1])
        return (text + f"{self.code} {lines[-1]}\r\n").encode("ascii")


OK = Reply.of(250, "2.0.0", "OK")
START_INPUT = Reply.of(354, None, "End data with <CR><LF>.<CR><LF>")
READY_FOR_TLS = Reply.of(220, "2.0.0", "Ready to start TLS")
BYE = Reply.of(221, "2.0.0", "Bye")
CANNOT_VERIFY = Reply.of(252, "2.5.0", "Cannot VRFY user, but will accept message and attempt delivery")
AUTHENTICATED = Reply.of(235, "2.7.0", "Authentication successful")
SENDER_OK = Reply.of(250, "2.1.0", "Sender OK")
RECIPIENT_OK = Reply.of(250, "2.1.5", "Recipient OK")

UNKNOWN_COMMAND = Reply.of(500, "5.5.1", "Command not recognized")
LINE_TOO_LONG = Reply.of(500, "5.5.2", "Line too long")
SASL_LINE_TOO_LONG = Reply.of(500, "5.5.6", "Authentication exchange line is too long")
BAD_ARGUMENTS = Reply.of(501, "5.5.4", "Syntax error in parameters or arguments")
NOT_BASE64 = Reply.of(501, "5.5.2", "Cannot decode response")
NOTHING_TO_RESPOND_TO = Reply.of(501, "5.7.0", "This mechanism begins with a challenge")
AUTH_CANCELLED = Reply.of(501, "5.7.0", "Authentication aborted")
BAD_SENDER_SYNTAX = Reply.of(501, "5.1.7", "Bad sender address syntax")
BAD_RECIPIENT_SYNTAX = Reply.of(501, "5.1.3", "Bad recipient address syntax")
NOT_AVAILABLE = Reply.of(502, "5.5.1", "Command not available")
BAD_SEQUENCE = Reply.of(503, "5.5.1", "Bad sequence of commands")
UNKNOWN_MECHANISM = Reply.of(504, "5.5.4", "Unrecognized authentication mechanism")
# R3, RFC 8689 section 2.
TLS_NEEDED_FOR_REQUIRETLS = Reply.of(523, "5.7.10", "REQUIRETLS needs TLS")
AUTHENTICATION_REQUIRED = Reply.of(530, "5.7.0", "Authentication required")
AUTHENTICATION_FAILED = Reply.of(535, "5.7.8", "Authentication credentials invalid")
# RFC 4954 section 6.
TLS_NEEDED_FOR_AUTH = Reply.of(538, "5.7.11", "Encryption required for requested authentication mechanism")
SENDER_REFUSED = Reply.of(550, "5.7.1", "Sender not acceptable")
RECIPIENT_REFUSED = Reply.of(550, "5.1.1", "Recipient not acceptable")
BAD_LINE_ENDINGS = Reply.of(550, "5.6.0", "Message contains bare CR or LF")
MESSAGE_TOO_BIG = Reply.of(552, "5.3.4", "Message size exceeds limit")
HEADER_TOO_BIG = Reply.of(552, "5.3.4", "Message header section exceeds limit")
NON_ASCII_ADDRESS = Reply.of(553, "5.6.7", "Non-ASCII addresses are not permitted without SMTPUTF8")
TOO_MANY_HOPS = Reply.of(554, "5.4.6", "Too many hops")
UNKNOWN_PARAMETER = Reply.of(555, "5.5.4", "Unsupported parameter")

TOO_MANY_RECIPIENTS = Reply.of(452, "4.5.3", "Too many recipients")
DISK_FULL = Reply.of(452, "4.3.1", "Insufficient system storage")
QUEUE_FULL = Reply.of(452, "4.3.1", "Too many messages are waiting")
LOCAL_ERROR = Reply.of(451, "4.3.0", "Requested action aborted: local error in processing")
AUTHENTICATION_UNAVAILABLE = Reply.of(454, "4.7.0", "Temporary authentication failure")

TOO_MANY_COMMANDS = Reply.of(421, "4.7.0", "Too many commands")
TOO_MANY_JUNK_COMMANDS = Reply.of(421, "4.7.0", "Too many commands without use")
TOO_MANY_ERRORS = Reply.of(421, "4.7.0", "Too many errors")
TOO_MANY_AUTH_FAILURES = Reply.of(421, "4.7.0", "Too many failed logins")
TOO_MANY_CONNECTIONS = Reply.of(421, "4.7.0", "Too many connections")
TOO_SLOW = Reply.of(421, "4.7.0", "Timeout exceeded")
BELOW_LEAST_RATE = Reply.of(421, "4.7.0", "The message comes too slowly")
BYTES_BEHIND_STARTTLS = Reply.of(421, "4.7.0", "Commands were pipelined behind STARTTLS")
NOT_SMTP = Reply.of(421, "4.7.0", "This is not a web server")
BROKEN_CHUNKS = Reply.of(421, "4.7.0", "Cannot find the end of the chunk")
LOCAL_ERROR_CLOSING = Reply.of(421, "4.3.0", "Local error in processing, closing connection")
LOGIN_REVOKED = Reply.of(421, "4.7.0", "Your login is no longer valid")
SHUTTING_DOWN = Reply.of(421, "4.3.2", "Service shutting down")
