"""TLS at the doors, as the configuration wants it."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.interfaces import IProtocolFactory

from mailext.config.model import Tls
from mailext.net.tls import ServerContextFactory, implicit

__all__ = ["in_tls", "make_tls"]

_IMPLICIT_TLS = frozenset({"submissions", "imaps", "pop3s"})


def make_tls(tls: Tls) -> ServerContextFactory | None:
    """
    What makes TLS contexts; None without a certificate.

    :raise ValueError: if a certificate cannot be used after all.
    """
    if not tls.certificate:
        return None
    return ServerContextFactory(list(zip(tls.certificate, tls.key, strict=True)))


def in_tls(
    mail: Mapping[str, IProtocolFactory], tls: ServerContextFactory | None
) -> dict[str, IProtocolFactory]:
    """The factories of listeners, with TLS around those that begin with it."""
    return {
        name: implicit(factory, tls) if tls is not None and name in _IMPLICIT_TLS else factory
        for name, factory in mail.items()
    }
