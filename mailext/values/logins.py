"""An attempt to log in, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from mailext.values.sessions import Protocol, SessionView

__all__ = ["AttackMode", "Circumstances", "LoginAttempt", "LoginOutcome", "Place", "Tally"]


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a client is, as far as its address tells.

    :param address: its IP address; ``local`` for a socket of this machine.
    :param network: the network around it that tends to belong to one customer
        or one site: /24 of IPv4, /56 of IPv6. The address itself where it is
        none.
    :param country: two letters (ISO 3166-1), upper case; empty where no
        database knows it.
    :param latitude: degrees, north is positive; None where it is not known. So
        is ``longitude``, east positive.
    """

    address: str
    network: str
    country: str = ""
    latitude: float | None = None
    longitude: float | None = None

    @classmethod
    def of(cls, address: str) -> Place:
        """What can be said of an address without a database."""
        return cls(address, _network_of(address))


# It is asked several times of each connection.
@lru_cache(maxsize=1024)
def _network_of(address: str) -> str:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    prefix = 56 if parsed.version == 6 else 24
    return str(ip_network((parsed, prefix), strict=False))


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """
    One attempt to log in.

    :param username: the user name as the client gave it, not yet proved.
    :param mechanism: the SASL mechanism, upper case.
    :param account: the account that the user name means, as an avatar id
        spells it; the user name itself where nobody knows better. Not proved
        either: once the password was found right the session's ``avatar_id``
        says who it is.
    :param place: where the client is; by default what its address tells.
    :param repeated: whether it has failed with the same user name and password
        before in this session: clients try a second mechanism, which counts as
        one failure.
    """

    username: str
    mechanism: str
    session: SessionView
    account: str = ""
    place: Place = Place("", "")
    repeated: bool = False

    def __post_init__(self) -> None:
        if not self.account:
            object.__setattr__(self, "account", self.username)
        if not self.place.address:
            object.__setattr__(self, "place", Place.of(self.session.peer))


class LoginOutcome(Enum):
    """What became of a login attempt."""

    SUCCESS = "success"
    #: The credentials were wrong.
    BAD_CREDENTIALS = "bad-credentials"
    #: A client identity checker refused it.
    REFUSED = "refused"
    #: The back end or a checker could not answer.
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """
    How an account was used, or was tried to be.

    :param place: where from; None where that is not known.
    :param proved: whether the password was found right, even if the login was
        refused then.
    """

    outcome: LoginOutcome = LoginOutcome.SUCCESS
    protocol: Protocol = Protocol.ESMTP
    place: Place | None = None
    proved: bool = True


class AttackMode(StrEnum):
    """Whether logins are restricted because of an attack."""

    ON = "on"
    OFF = "off"
    #: By the rate of failed logins.
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Tally:
    """
    A count over a sliding window.

    :param name: what is counted and of whom. No token, nor a password.
    :param window: seconds; the same each time for the same name.
    """

    name: str
    window: float
