"""
mailext: a mail stack for Twisted that speaks CLIENTID and REQUIRETLS in full.

``from mailext import ESMTP, SMTPFactory`` gives the protocol and the factory
that stand in where those of :mod:`twisted.mail.smtp` stood. They are loaded
when they are first asked for, so that the rooms which know no Twisted can be
used without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailext.net.esmtp import ESMTP
    from mailext.net.factory import SMTPFactory

__all__ = ["ESMTP", "SMTPFactory"]


def __getattr__(name: str) -> object:
    if name == "ESMTP":
        from mailext.net.esmtp import ESMTP  # noqa: PLC0415 - see above

        return ESMTP
    if name == "SMTPFactory":
        from mailext.net.factory import SMTPFactory  # noqa: PLC0415 - see above

        return SMTPFactory
    raise AttributeError(f"module 'mailext' has no attribute {name!r}")
