"""
The contract of identity checkers, as tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import UsernamePassword
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import maybeDeferred
from twisted.logger import capturedLogs, eventAsText
from twisted.python.failure import Failure
from zope.interface import Interface, implementer
from zope.interface.verify import verifyObject

from mailext.clientid.login import Login, LoginJudge, LoginRefusedError
from mailext.interfaces import IClientIdentityChecker
from mailext.testing.fakes import FakeServices
from mailext.testing.samples import login_attempt, session_view, verdict_of
from mailext.values import ClientIdentity, LoginAttempt, LoginOutcome, Verdict

__all__ = ["CheckerContract"]

_TYPE = re.compile(r"[A-Z0-9-]{1,16}")
_ACCOUNT = "ann@example.org"


class CheckerContract:
    """
    What every identity checker must pass. Mix it into a test class of
    pytest's or :mod:`unittest`'s, and say how the checker is made::

        class TestAcme(CheckerContract):
            def make_checker(self, services):
                return AcmeFactory().generateChecker("serials.txt", services)
    """

    def make_checker(self, services: FakeServices) -> IClientIdentityChecker:
        """
        Make the checker under test, anew for each test.

        :param services: what a factory is given.
        """
        raise NotImplementedError(type(self).__name__)

    def make_identities(self) -> list[ClientIdentity | None]:
        """
        The identities to ask about. By default one for each of the checker's
        types, or for any type, and none.
        """
        types = sorted(self.make_checker(FakeServices()).identityTypes)
        identities: list[ClientIdentity | None] = [
            ClientIdentity(each, f"TheToken-{each}-0123456789") for each in types or ["UUID", "X-UNHEARD-OF"]
        ]
        return identities if types else [*identities, None]

    def test_provides_the_interface(self) -> None:
        """It has every method of the interface, with the right arguments."""
        verifyObject(IClientIdentityChecker, self.make_checker(FakeServices()))

    def test_names_its_types(self) -> None:
        """``identityTypes`` is a frozenset of types as they are compared."""
        types = self.make_checker(FakeServices()).identityTypes
        assert isinstance(types, frozenset), f"identityTypes is a {type(types).__name__}"
        for each in types:
            assert _TYPE.fullmatch(each), f"not an upper-case identity type: {each!r}"

    def test_gives_verdicts_in_time(self) -> None:
        """Both questions are answered by usable verdicts, within ten seconds."""
        for attempt, services, checker in self._attempts():
            _both_verdicts(checker, attempt, services)

    def test_judging_changes_nothing(self) -> None:
        """Asked twice it says the same, and records nothing."""
        for attempt, services, checker in self._attempts():
            first = _both_verdicts(checker, attempt, services)
            second = _both_verdicts(checker, attempt, services)
            assert [verdict.accepted for verdict in first] == [verdict.accepted for verdict in second], (
                f"asked twice about {attempt.session.identity}, it changed its mind"
            )
            assert not services.identities.records, "it recorded something before all was settled"

    def test_hears_of_every_outcome(self) -> None:
        """``settled`` copes with every outcome, whether or not it was asked before."""
        for attempt, services, checker in self._attempts():
            failures: list[Failure] = []
            for outcome in LoginOutcome:
                maybeDeferred(checker.settled, attempt, outcome).addErrback(failures.append)
            services.clock.advance(10.0)
            assert not failures, f"settled failed: {failures[0].value!r}"

    def test_hears_of_the_end_of_any_session(self) -> None:
        """``sessionEnded`` copes with sessions that never tried to log in."""
        for identity in self.make_identities():
            checker = self.make_checker(FakeServices())
            checker.sessionEnded(session_view(identity))
            checker.sessionEnded(session_view(identity, avatar_id=_ACCOUNT))

    def test_never_shows_a_token(self) -> None:
        """
        No token is in a verdict, in the checker's ``repr()`` or in the log
        (C24, draft-storey-smtp-client-id-13 section 9).
        """
        for attempt, services, checker in self._attempts():
            identity = attempt.session.identity
            if identity is None:
                continue
            with capturedLogs() as events:
                verdicts = _both_verdicts(checker, attempt, services)
                checker.settled(attempt, LoginOutcome.SUCCESS)
                checker.settled(attempt, LoginOutcome.REFUSED)
                checker.sessionEnded(attempt.session)
            shown = [repr(verdict) for verdict in verdicts] + [repr(checker), str(checker)]
            shown += [eventAsText(event) + repr(event) for event in events]
            for text in shown:
                assert identity.token not in text, f"the token is shown in {text!r}"

    def test_takes_part_in_a_login(self) -> None:
        """Logins that it judges end well, or as refused."""
        for attempt, services, checker in self._attempts():
            judge = LoginJudge([checker], services.clock, 10.0)
            passwords = InMemoryUsernamePasswordDatabaseDontUse()
            passwords.addUser(_ACCOUNT.encode(), b"secret")
            portal = Portal(_Realm(), [passwords])
            credentials = UsernamePassword(_ACCOUNT.encode(), b"secret")
            ends: list[Login | Failure] = []
            judge.login(portal, credentials, attempt, attempt.session.identity, _IAvatar).addBoth(ends.append)
            services.clock.advance(10.0)
            end = ends[0]
            assert isinstance(end, Login) or isinstance(end.value, LoginRefusedError), (
                f"the login ended in {end!r}"
            )

    def _attempts(self) -> Iterator[tuple[LoginAttempt, FakeServices, IClientIdentityChecker]]:
        for identity in self.make_identities():
            services = FakeServices()
            yield login_attempt(identity, _ACCOUNT), services, self.make_checker(services)


class _IAvatar(Interface):
    """What the contract's logins ask for."""


@implementer(IRealm)
class _Realm:
    def requestAvatar(
        self,
        avatarId: bytes | tuple[()],  # noqa: ARG002 - everybody gets the same
        mind: object,  # noqa: ARG002
        *interfaces: type[Interface],
    ) -> tuple[type[Interface], object, Callable[[], None]]:
        return interfaces[0], object(), lambda: None


def _both_verdicts(
    checker: IClientIdentityChecker, attempt: LoginAttempt, services: FakeServices
) -> tuple[Verdict, Verdict]:
    return (
        verdict_of(checker.checkAttempt(attempt), services.clock),
        verdict_of(checker.checkLogin(attempt, _ACCOUNT), services.clock),
    )
