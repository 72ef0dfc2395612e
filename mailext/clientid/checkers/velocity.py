"""
The built-in checker ``velocity``: was one device in two far places at once?

People travel, and their addresses change; one device is still in one place at
a time. An identity that is used from two far places is forged or stolen (U11,
draft-storey-smtp-client-id-13 section 6.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

from twisted.internet.defer import Deferred

from mailext.bases import ClientIdentityChecker
from mailext.clientid.checkers.arguments import Arguments
from mailext.clientid.checkers.factory import CheckerFactory
from mailext.interfaces import IClientIdentityChecker, IPluginServices
from mailext.values import ACCEPTED, ClientIdentity, LoginAttempt, Place, SeenPlace, Verdict

__all__ = ["TravelLimits", "VelocityChecker", "VelocityCheckerFactory", "kilometres"]

_EARTH_RADIUS = 6371.0
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class TravelLimits:
    """
    How far a device gets.

    :param window: how long a place is remembered, in seconds.
    :param speed: km/h.
    :param distance: km below which speed says nothing: databases of addresses
        are that coarse.
    :param networks: from how many different ones within the window a device
        may come, where it is not known where they are.
    """

    window: float
    speed: int
    distance: int
    networks: int


def kilometres(one: Place, other: Place) -> float | None:
    """The distance on the globe; None where a place has no coordinates."""
    if one.latitude is None or one.longitude is None or other.latitude is None or other.longitude is None:
        return None
    # The haversine formula.
    north, north_too = radians(one.latitude), radians(other.latitude)
    east = radians(other.longitude - one.longitude)
    chord = sin((north_too - north) / 2) ** 2 + cos(north) * cos(north_too) * sin(east / 2) ** 2
    return 2 * _EARTH_RADIUS * asin(min(1.0, sqrt(chord)))


class VelocityChecker(ClientIdentityChecker):
    """Refuses an identity that was somewhere else too short a time ago."""

    def __init__(self, services: IPluginServices, limits: TravelLimits) -> None:
        self._identities = services.identities
        self._clock = services.clock
        self._limits = limits

    def checkAttempt(self, attempt: LoginAttempt) -> Verdict | Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkAttempt`."""
        identity = attempt.session.identity
        if identity is None:
            return ACCEPTED
        return Deferred.fromCoroutine(self._judge(identity, attempt.place))

    async def _judge(self, identity: ClientIdentity, here: Place) -> Verdict:
        now = self._clock.seconds()
        seen = await self._identities.placesOf(identity, now - self._limits.window)
        reasons = [reason for place in seen if (reason := self._impossible(place, here, now))]
        if reasons:
            return Verdict.refuse(reasons[0])
        networks = self._unlocated_networks(seen, here)
        if networks > self._limits.networks:
            return Verdict.refuse(f"this identity came from {networks} networks within a short time")
        return ACCEPTED

    def _impossible(self, seen: SeenPlace, here: Place, now: float) -> str | None:
        distance = kilometres(seen.place, here)
        if distance is None:
            if seen.place.country and here.country and seen.place.country != here.country:
                return (
                    f"this identity came from {seen.place.country} a short time ago, now from {here.country}"
                )
            return None
        hours = max(now - seen.when, 1.0) / _HOUR
        if distance < self._limits.distance or distance / hours < self._limits.speed:
            return None
        return f"this identity came from a place {distance:.0f} km away, {hours * 60:.0f} minutes ago"

    def _unlocated_networks(self, seen: Sequence[SeenPlace], here: Place) -> int:
        places = [here, *(each.place for each in seen)]
        return len({place.network for place in places if not place.country and place.latitude is None})


class VelocityCheckerFactory(CheckerFactory):
    """Makes the checker ``velocity``."""

    name = "velocity"
    help = """
    Compares where an identity comes from with where it logged in from within
    the window (window=6h): with coordinates, by the speed of the journey, in
    km/h (speed=1000), for distances from distance=500 km on; else by country,
    of which there may be one. Both need a database of addresses. Where it does
    not know an address, or there is none, networks are counted, and networks=6
    different ones are allowed.
    """
    argStringFormat = "[mode=observe|enforce][:window=DURATION][:speed=N][:distance=N][:networks=N]"
    keys = frozenset({"window", "speed", "distance", "networks"})

    def make(self, arguments: Arguments, services: IPluginServices) -> IClientIdentityChecker:
        """See :meth:`CheckerFactory.make`."""
        limits = TravelLimits(
            arguments.duration("window", "6h"),
            arguments.number("speed", "1000"),
            arguments.number("distance", "500"),
            arguments.number("networks", "6"),
        )
        return VelocityChecker(services, limits)
