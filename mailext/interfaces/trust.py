"""How a host proves that it may take the mail of a domain, and who counts that."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from zope.interface import Interface

from mailext.values import NextHop, PolicyResult, Proof, PublishedDemand, TlsEvidence, TlsResult

__all__ = [
    "IBindingAuthenticator",
    "IMXAuthenticator",
    "IReportedAuthenticator",
    "IRevisableAuthenticator",
    "ITlsResultSink",
]


class IMXAuthenticator(Interface):
    """
    One way in which a host proves that it may take the mail of a domain.

    What is asked of others is asked before there is a connection; the
    judgement of the connection is pure.
    """

    def policyFor(domain: str, hop: NextHop) -> object | Deferred[object]:
        """
        Find out what the domain, or the host, publishes.

        :param domain: the recipient domain, in A-labels.
        :param hop: the :class:`~mailext.values.NextHop` to connect to.
        :return: a policy of the authenticator's own kind, for
            :meth:`judgeConnection`; None if nothing is published; or a
            Deferred of either. If it fails, nobody knows what is published:
            the host is not connected to.
        """

    def judgeConnection(policy: object, hop: NextHop, evidence: TlsEvidence | None) -> Proof:
        """
        Judge a connection. No side effects.

        :param policy: what :meth:`policyFor` gave.
        :param hop: the :class:`~mailext.values.NextHop` at its other end.
        :param evidence: the :class:`~mailext.values.TlsEvidence` of its
            handshake; None in clear.
        :return: a :class:`~mailext.values.Proof` of what this authenticator
            knows; what others can prove is left as nothing.
        """


class IBindingAuthenticator(IMXAuthenticator):
    """
    An add-on for an authenticator whose policies bind whoever sends mail, and
    not only messages that ask for proof.
    """

    def demandOf(policy: object, hop: NextHop) -> PublishedDemand:
        """
        Say what a connection must have proved, whatever the message. It is
        asked before there is a connection; what the connection then proves is
        still for :meth:`judgeConnection` to say, and is compared with this.
        No side effects.

        :param policy: what :meth:`policyFor` gave.
        :param hop: the :class:`~mailext.values.NextHop` to connect to.
        :return: a :class:`~mailext.values.PublishedDemand`; an empty one where
            the policy binds nobody, for example in MTA-STS's mode ``testing``.
        """


class IRevisableAuthenticator(IMXAuthenticator):
    """An add-on for an authenticator that goes by what it remembers."""

    def revised(domain: str, hop: NextHop) -> bool | Deferred[bool]:
        """
        Find out whether what is remembered is still what is published. It is
        asked before mail is returned because a host fell short of it.

        :param domain: the recipient domain, in A-labels.
        :param hop: the :class:`~mailext.values.NextHop` that fell short.
        :return: whether :meth:`policyFor` would give something else from now
            on; or a Deferred of that.
        """


class IReportedAuthenticator(IMXAuthenticator):
    """
    An add-on for an authenticator that goes by what others publish: what TLS
    reports tell of it (RFC 8460).
    """

    def policyResults(policy: object, hop: NextHop, evidence: TlsEvidence | None) -> Sequence[PolicyResult]:
        """
        What became of the policy in one session. No side effects.

        :param policy: what :meth:`policyFor` gave.
        :param hop: the :class:`~mailext.values.NextHop` at the other end.
        :param evidence: the :class:`~mailext.values.TlsEvidence` of the
            handshake. None where TLS could not be had: why is known to the
            caller, who wants to know what is wrong with the policy itself.
        :return: a :class:`~mailext.values.PolicyResult` for each policy that
            is, or should be, published.
        """


class ITlsResultSink(Interface):
    """Counts what became of TLS, for reports (RFC 8460)."""

    def record(result: TlsResult) -> None:
        """
        Take what is to be counted of a session: for each policy once, when it
        was opened or could not be, however many messages it carries.

        :param result: a :class:`~mailext.values.TlsResult`.
        """
