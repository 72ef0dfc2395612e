"""Devices: who logs in, from where, with what; the client is Python's smtplib."""

from __future__ import annotations

import json
import re
import smtplib
import ssl
from email.message import EmailMessage

from tests.black_box import RunningServer

_PATIENCE = 30.0


class Site:
    """
    A running server, and who uses it.

    :ivar presented: the tokens that were presented to it.
    """

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.presented: set[str] = set()
        self._context: ssl.SSLContext | None = None

    def play(self, table: str) -> None:
        """
        Play the lines of a table. Its columns, two blanks apart: who, from
        which address of this machine, with which device (``-`` for none,
        ``TYPE:TOKEN`` or a name), with which password, and the reply to AUTH.
        Whoever is let in sends a message to itself.
        """
        played, wanted = [], []
        for line in filter(None, map(str.strip, table.splitlines())):
            who, where, what, password, outcome = re.split(r" {2,}", line)
            wanted.append(line)
            reply = self.attempt(who, where, what, self.server.password if password == "right" else password)
            played.append(line.removesuffix(outcome) + str(reply))
        assert played == wanted, self.server.log.read_text("utf-8")

    def attempt(
        self, who: str, where: str = "127.0.0.1", what: str = "-", password: str | None = None
    ) -> int:
        """Log in and, if that succeeds, send two messages; then go, without QUIT."""
        client = self.connect(where)
        self.present(client, what)
        try:
            self.log_in(client, who, password)
        except smtplib.SMTPAuthenticationError as refusal:
            return refusal.smtp_code
        else:
            for number in (1, 2):
                send(client, f"{who}@example.org", f"message {number}")
            return 235
        finally:
            client.close()

    def connect(self, where: str = "127.0.0.1") -> smtplib.SMTP:
        """A client in a TLS session of the submission listener."""
        if self._context is None:
            self._context = self.server.trusting()
        client = smtplib.SMTP(
            "127.0.0.1", self.server.submission, "client.example", _PATIENCE, source_address=(where, 0)
        )
        client.starttls(context=self._context)
        client.ehlo()
        return client

    def present(self, client: smtplib.SMTP, what: str) -> None:
        """CLIENTID is answered 250, whatever becomes of the login (C18)."""
        if what == "-":
            return
        kind, colon, token = what.partition(":")
        if not colon:
            kind, token = "UUID", token_of(what)
        self.presented.add(token)
        code, text = client.docmd("CLIENTID", f"{kind} {token}")
        assert code == 250, text

    def log_in(self, client: smtplib.SMTP, who: str, password: str | None = None) -> None:
        """smtplib tries one mechanism after the other with the same password."""
        client.login(f"{who}@example.org", self.server.password if password is None else password)

    def identities(self, who: str) -> dict[str, str]:
        """The status of the identities of an account, by their ids."""
        listed = json.loads(self.server.run("--json", "identity", "list", f"{who}@example.org").stdout)
        return {each["id"]: each["status"] for each in listed}

    def decisions(self) -> list[tuple[str, str]]:
        """What checkers have refused, or would have: the checker and the reason."""
        log = self.server.log.read_text("utf-8")
        found = re.findall(r"([a-z-]+): (?:would-)?refuse .* reason=(['\"])(.*)\2", log)
        return [(checker, reason) for checker, _, reason in found]

    def assert_no_token_was_kept(self) -> None:
        """C24, draft-storey-smtp-client-id-13 section 9."""
        files = [self.server.log, *self.server.folder.glob("state/**/*")]
        kept = b"\0".join(path.read_bytes() for path in files if path.is_file())
        for token in self.presented:
            assert token.encode() not in kept, f"{token} was kept"


def token_of(name: str) -> str:
    """The token of a device, as long as real clients make them."""
    return (f"{name}-" + "0123456789abcdef" * 8)[:128]


def send(client: smtplib.SMTP, address: str, subject: str) -> None:
    """Send a message of an account to itself."""
    message = EmailMessage()
    message["From"] = message["To"] = address
    message["Subject"] = subject
    message.set_content("Hello\n")
    client.send_message(message)
