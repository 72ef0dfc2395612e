"""
The built-in checker ``mac``: can this be the MAC address of one device?

Draft-storey-smtp-client-id-13 section 7 discourages the type MAC unless the
address is a vendor's by the registers of the IEEE, and of a unique device
(C21). An address that is locally administered, as those that phones make up
anew for each network, or one of a group, is neither.
"""

from __future__ import annotations

import re
from pathlib import Path

from mailext.bases import ClientIdentityChecker
from mailext.clientid.checkers.arguments import Arguments
from mailext.clientid.checkers.factory import CheckerFactory
from mailext.interfaces import IClientIdentityChecker, IPluginServices
from mailext.values import ACCEPTED, LoginAttempt, Verdict

__all__ = ["MacChecker", "MacCheckerFactory", "read_vendors"]

_MAC = re.compile(
    r"[0-9A-Fa-f]{12}|[0-9A-Fa-f]{2}([:-])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){4}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}"
)
_SEPARATORS = re.compile("[:.-]")
# As a line of the IEEE's oui.txt or oui.csv begins, or of a list by hand.
_VENDOR = re.compile(r"(?:MA-L,)?([0-9A-Fa-f]{2})[:-]?([0-9A-Fa-f]{2})[:-]?([0-9A-Fa-f]{2})\b")

# IEEE 802, in the first octet: the address of a group; one that no vendor gave.
_GROUP = 0x01
_LOCAL = 0x02
_VENDOR_DIGITS = 6


class MacChecker(ClientIdentityChecker):
    """
    Refuses identities of type MAC that cannot be a unique device's.

    :param vendors: the vendors' prefixes that are known, of six upper-case
        hexadecimal digits; None: any.
    """

    identityTypes = frozenset({"MAC"})

    def __init__(self, vendors: frozenset[str] | None = None) -> None:
        self._vendors = vendors

    def checkAttempt(self, attempt: LoginAttempt) -> Verdict:
        """See :meth:`IClientIdentityChecker.checkAttempt`."""
        identity = attempt.session.identity
        reason = None if identity is None else self._implausible(identity.token)
        return ACCEPTED if reason is None else Verdict.refuse(reason)

    def _implausible(self, token: str) -> str | None:
        if not _MAC.fullmatch(token):
            return "not a MAC address"
        digits = _SEPARATORS.sub("", token).upper()
        first = int(digits[:2], 16)
        if first & _GROUP:
            return "the MAC address of a group"
        if first & _LOCAL:
            return "a MAC address that is locally administered"
        if not int(digits, 16):
            return "the MAC address of nobody"
        if self._vendors is not None and digits[:_VENDOR_DIGITS] not in self._vendors:
            return "a MAC address of no known vendor"
        return None


def read_vendors(path: Path) -> frozenset[str]:
    """
    Read the prefixes of vendors: the IEEE's ``oui.txt`` or ``oui.csv``, or a
    list of such prefixes, one a line. Lines without one are passed over.

    :raise ValueError: if the file cannot be read, or there is none in it.
    """
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    matches = map(_VENDOR.match, lines)
    vendors = frozenset("".join(match.groups()).upper() for match in matches if match)
    if not vendors:
        raise ValueError(f"{path}: there is no vendor's prefix in it")
    return vendors


class MacCheckerFactory(CheckerFactory):
    """Makes the checker ``mac``."""

    name = "mac"
    help = """
    Refuses an identity of type MAC that is no MAC address, or not one of a
    unique device: multicast, locally administered, or all zeros. With vendors
    the address must also begin with a prefix of that file: the IEEE's oui.txt
    or oui.csv, or a list, one a line. Other types pass.
    """
    argStringFormat = "[mode=observe|enforce][:vendors=PATH]"
    keys = frozenset({"vendors"})

    def make(self, arguments: Arguments, services: IPluginServices) -> IClientIdentityChecker:  # noqa: ARG002
        """See :meth:`CheckerFactory.make`."""
        path = arguments.text("vendors", "")
        return MacChecker(read_vendors(Path(path)) if path else None)
