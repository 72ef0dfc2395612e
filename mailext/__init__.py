"""
mailext: a mail stack for Twisted that speaks CLIENTID and REQUIRETLS in full.

``from mailext import ESMTP, SMTPFactory`` gives the protocol and the factory
that stand in where those of :mod:`twisted.mail.smtp` stood; ``send_mail``,
``MailSender`` and ``ESMTPSenderFactory`` send mail. They are loaded when they
are first asked for, so that the rooms which know no Twisted can be used
without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailext.net.client.sender_factory import ESMTPSenderFactory
    from mailext.net.client.sending import MailSender, MailServer, send_mail
    from mailext.net.client.settings import Credentials
    from mailext.net.esmtp import ESMTP
    from mailext.net.factory import SMTPFactory
    from mailext.storage.client_identities import FileIdentitySource

__all__ = [
    "ESMTP",
    "Credentials",
    "ESMTPSenderFactory",
    "FileIdentitySource",
    "MailSender",
    "MailServer",
    "SMTPFactory",
    "send_mail",
]

_HOMES = {
    "Credentials": "mailext.net.client.settings",
    "ESMTP": "mailext.net.esmtp",
    "ESMTPSenderFactory": "mailext.net.client.sender_factory",
    "FileIdentitySource": "mailext.storage.client_identities",
    "MailSender": "mailext.net.client.sending",
    "MailServer": "mailext.net.client.sending",
    "SMTPFactory": "mailext.net.factory",
    "send_mail": "mailext.net.client.sending",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'mailext' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
