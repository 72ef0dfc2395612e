"""
A server of stock Twisted that does what is compared: it answers 250 once the
message is in a Maildir, and synced. ``python -m benchmarks.stock PORT MAILDIR``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.cred.checkers import AllowAnonymousAccess
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.mail.interfaces import IMessageDelivery, IMessageSMTP
from twisted.mail.smtp import ESMTP, SMTPFactory
from zope.interface import implementer

from benchmarks.maildir import make_maildir, put


@implementer(IMessageSMTP)
class MaildirMessage:
    def __init__(self, maildir: Path) -> None:
        self._maildir = maildir
        self._lines: list[bytes] = []

    def lineReceived(self, line: bytes) -> None:
        self._lines.append(line)

    def eomReceived(self) -> Deferred[None]:
        put(self._maildir, b"\n".join(self._lines) + b"\n")
        return succeed(None)

    def connectionLost(self) -> None:
        self._lines.clear()


@implementer(IMessageDelivery)
class MaildirDelivery:
    def __init__(self, maildir: Path) -> None:
        self._maildir = maildir

    def receivedHeader(self, helo: tuple[bytes, bytes], origin: object, recipients: list[object]) -> bytes:
        return b"Received: from " + helo[0] + b" by stock.example"

    def validateFrom(self, helo: tuple[bytes, bytes], origin: object) -> object:
        return origin

    def validateTo(self, user: object) -> object:
        return lambda: MaildirMessage(self._maildir)


@implementer(IRealm)
class MaildirRealm:
    def __init__(self, maildir: Path) -> None:
        self._maildir = maildir

    def requestAvatar(self, avatarId: object, mind: object, *interfaces: object) -> object:
        return IMessageDelivery, MaildirDelivery(self._maildir), lambda: None


def main() -> None:
    port, maildir = int(sys.argv[1]), Path(sys.argv[2])
    make_maildir(maildir)
    factory = SMTPFactory(Portal(MaildirRealm(maildir), [AllowAnonymousAccess()]))
    factory.protocol = ESMTP
    reactor.listenTCP(port, factory, backlog=512, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main()
