"""
The log event of an attempt at a host: ``relay``, one line with the queue id of
the message.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from twisted.logger import Logger

from mailext.interfaces import IHopConnection
from mailext.values import Outcome, Proof, QueueEntry

__all__ = ["HostLog"]

_log = Logger()


@dataclass(frozen=True, slots=True)
class HostLog:
    """
    What is known of an attempt at a host before it ends.

    :param entry: the message.
    :param began: steady time.
    """

    entry: QueueEntry
    destination: str
    host: str
    began: float

    def unconnected(self, outcome: Outcome, now: float) -> None:
        """
        There was no connection.

        :param now: steady time.
        """
        self._line(address="", tls="", proof=Proof(), replies=[outcome], now=now)

    def ended(self, connection: IHopConnection, proof: Proof, replies: Iterable[object], now: float) -> None:
        """
        There was a connection.

        :param replies: what became of the recipients, or what the host fell
            short of.
        :param now: steady time.
        """
        evidence = connection.evidence
        tls = evidence.version if evidence is not None else ""
        self._line(address=connection.address, tls=tls, proof=proof, replies=replies, now=now)

    def _line(self, *, address: str, tls: str, proof: Proof, replies: Iterable[object], now: float) -> None:
        _log.info(
            "relay queueId={queueId} destination={destination} host={host} address={address} tls={tls} "
            "tlsLevel={tlsLevel} mxLevel={mxLevel} reason={reason} seconds={seconds:.1f} requiretls={requiretls} "
            "clientid={clientid} reply={reply}",
            event="relay",
            queueId=self.entry.id,
            destination=self.destination,
            host=self.host,
            address=address,
            tls=tls,
            tlsLevel=proof.tls.name.lower(),
            mxLevel=proof.mx.name.lower(),
            reason=proof.reason,
            seconds=now - self.began,
            requiretls=self.entry.envelope.tls_demand.word,
            clientid=self.entry.clientid,
            # Recipients that are told the same are not counted here.
            reply="; ".join(dict.fromkeys(str(reply) for reply in replies)),
        )
