"""The login procedure, from outside: portal, credentials and checkers in, result out."""

from __future__ import annotations

import hmac

import pytest
from twisted.cred.checkers import ANONYMOUS, FilePasswordDB, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import CramMD5Credentials, IUsernamePassword, UsernamePassword
from twisted.cred.error import LoginDenied, UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import capturedLogs, eventAsText
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailext.accounts.portal import ChainedPortal
from mailext.clientid.login import Login, LoginRefusedError, LoginUnavailableError, RejectAt
from mailext.interfaces import IClientIdentified
from mailext.testing import ScriptedChecker, login_attempt, session_view
from mailext.values import ACCEPTED, ClientIdentity, LoginOutcome, Verdict
from tests.clientid.logins import PHONE, CountingPasswords, IMailbox, Realm, Site, outcomes
from tests.support import assert_no_result, failure_result_of, success_result_of

REFUSED = Verdict.refuse("not on the list")


def refused(deferred) -> LoginRefusedError:
    error = failure_result_of(deferred).value
    assert type(error) is LoginRefusedError
    return error


def unavailable(deferred) -> LoginUnavailableError:
    error = failure_result_of(deferred).value
    assert type(error) is LoginUnavailableError
    return error


class TestASuccess:
    def test_everything_in_order_and_at_once(self) -> None:
        first, second = ScriptedChecker(), ScriptedChecker()
        site = Site(first, second)
        login = success_result_of(site.login())
        assert login == Login(IMailbox, ("mailbox", b"ann"), login.logout, "ann")
        assert [call[0] for call in first.calls] == ["checkAttempt", "checkLogin", "settled"]
        assert first.calls[1][2] == "ann"
        assert outcomes(first.calls) == outcomes(second.calls) == [LoginOutcome.SUCCESS]
        assert site.clock.getDelayedCalls() == []
        login.logout()
        assert site.realm.logged_out == [b"ann"]

    def test_what_is_settled_says_who_logged_in(self) -> None:
        checker = ScriptedChecker()
        success_result_of(Site(checker).login())
        asked, told = checker.calls[0][1], checker.calls[-1][1]
        assert asked.session.avatar_id is None
        assert told.session.avatar_id == "ann"

    def test_the_shared_portal_is_not_changed(self) -> None:
        site = Site(ScriptedChecker())
        before = dict(vars(site.portal))
        success_result_of(site.login())
        assert vars(site.portal) == before

    @pytest.mark.parametrize(
        ("avatar_id", "told"),
        [(b"ann", "ann"), ("ann", "ann"), (b"\xc3\xa4nn", "änn"), (b"\xff", "\\xff"), (ANONYMOUS, "")],
    )
    def test_checkers_are_told_the_avatar_id_as_text(self, avatar_id, told) -> None:
        checker = ScriptedChecker()
        site = Site(checker, passwords=CountingPasswords(lambda: avatar_id))
        assert success_result_of(site.login()).avatar_id == told
        assert checker.calls[1][2] == told
        assert site.realm.asked == [avatar_id]

    def test_a_name_that_no_account_can_have_is_cut_for_whoever_counts_it(self) -> None:
        checker = ScriptedChecker()
        site = Site(checker)
        for name in ("a" * 320, "a" * 9000, "a" * 9000 + "b"):
            credentials = UsernamePassword(name.encode(), b"secret")
            refused(site.judge.login(site.portal, credentials, login_attempt(PHONE, name), PHONE, IMailbox))
        names = [call[1].account for call in checker.calls if call[0] == "settled"]
        assert names[0] == "a" * 320
        assert {len(name) for name in names} == {320}
        assert len(set(names)) == 3
        assert [credentials.username for credentials in site.passwords.seen][1:] == [
            b"a" * 9000,
            b"a" * 9000 + b"b",
        ]

    def test_deferreds_are_waited_for(self) -> None:
        attempt, login, password, avatar = Deferred(), Deferred(), Deferred(), Deferred()
        realm = Realm(lambda: avatar)
        site = Site(
            ScriptedChecker(attempt, login), realm=realm, passwords=CountingPasswords(lambda: password)
        )
        result = site.login()
        for answer, value in (
            (attempt, ACCEPTED),
            (password, b"ann"),
            (login, ACCEPTED),
            (avatar, (IMailbox, "avatar", lambda: None)),
        ):
            assert_no_result(result)
            answer.callback(value)
        assert success_result_of(result).avatar == "avatar"
        assert site.clock.getDelayedCalls() == []


class TestBeforeThePassword:
    @pytest.mark.requirement("C15")
    def test_a_refusal_costs_no_look_at_the_password(self) -> None:
        first, second = ScriptedChecker(attempt=REFUSED), ScriptedChecker()
        site = Site(first, second)
        assert refused(site.login()).outcome is LoginOutcome.REFUSED
        assert site.passwords.seen == []
        assert [call[0] for call in second.calls] == ["settled"]

    @pytest.mark.requirement("C19")
    def test_it_is_told_as_a_wrong_password_is(self) -> None:
        wrong = refused(Site().login(b"wrong"))
        for checker in (
            ScriptedChecker(attempt=REFUSED),
            ScriptedChecker(login=REFUSED),
            ScriptedChecker(attempt=Verdict.defer("too many")),
            ScriptedChecker(login=Verdict(421, "4.7.0", "Your device is on list 7", "list 7")),
        ):
            assert type(refused(Site(checker).login())) is type(wrong)

    def test_the_first_refusal_wins(self) -> None:
        site = Site(ScriptedChecker(), ScriptedChecker(attempt=REFUSED), late := ScriptedChecker(REFUSED))
        assert refused(site.login()).reason == "ScriptedChecker: not on the list"
        assert outcomes(late.calls) == [LoginOutcome.REFUSED]

    def test_an_error_is_not_an_acceptance(self) -> None:
        checker = ScriptedChecker(attempt=ZeroDivisionError("broken"))
        site = Site(checker)
        with capturedLogs() as events:
            unavailable(site.login())
        assert site.passwords.seen == []
        assert outcomes(checker.calls) == [LoginOutcome.ERROR]
        assert any("ZeroDivisionError: broken" in eventAsText(event) for event in events)

    @pytest.mark.parametrize("answer", [None, True, Verdict(code=354), succeed(None)])
    def test_what_is_no_verdict_is_an_error(self, answer) -> None:
        unavailable(Site(ScriptedChecker(attempt=answer)).login())

    def test_silence_is_an_error_when_the_time_is_up(self) -> None:
        checker = ScriptedChecker(attempt=Deferred())
        site = Site(checker)
        result = site.login()
        site.clock.advance(9.9)
        assert_no_result(result)
        site.clock.advance(0.1)
        unavailable(result)
        assert site.passwords.seen == []
        assert outcomes(checker.calls) == [LoginOutcome.ERROR]


class TestAfterThePassword:
    def test_a_refusal_keeps_the_realm_unasked(self) -> None:
        checker = ScriptedChecker(login=REFUSED)
        site = Site(checker)
        assert refused(site.login()).outcome is LoginOutcome.REFUSED
        assert site.realm.asked == []
        assert outcomes(checker.calls) == [LoginOutcome.REFUSED]

    @pytest.mark.requirement("C19")
    @pytest.mark.parametrize(
        "answer", [ZeroDivisionError(), None, fail(ValueError("later")), Verdict.defer("later"), succeed(3)]
    )
    def test_whatever_goes_wrong_looks_like_a_wrong_password(self, answer) -> None:
        checker = ScriptedChecker(login=answer)
        refused(Site(checker).login())
        assert len(outcomes(checker.calls)) == 1

    def test_so_does_silence(self) -> None:
        site = Site(checker := ScriptedChecker(login=Deferred()))
        result = site.login()
        site.clock.advance(10.0)
        refused(result)
        assert site.realm.asked == []
        assert outcomes(checker.calls) == [LoginOutcome.ERROR]

    @pytest.mark.parametrize(
        "error", [NotImplementedError(), UnauthorizedLogin(), LoginDenied(), KeyError("x")]
    )
    @pytest.mark.parametrize("late", [True, False])
    def test_so_does_an_error_of_the_realm(self, error, late) -> None:
        def broken():
            if late:
                return fail(error)
            raise error

        refused(Site(ScriptedChecker(), realm=Realm(broken)).login())

    def test_so_does_an_avatar_that_is_none(self) -> None:
        refused(Site(realm=Realm(lambda: None)).login())


class TestTheBackEnd:
    def test_a_wrong_password(self) -> None:
        checker = ScriptedChecker()
        site = Site(checker)
        assert refused(site.login(b"wrong")).outcome is LoginOutcome.BAD_CREDENTIALS
        assert [call[0] for call in checker.calls] == ["checkAttempt", "settled"]
        assert outcomes(checker.calls) == [LoginOutcome.BAD_CREDENTIALS]

    def test_credentials_that_nobody_takes(self) -> None:
        site = Site()
        refused(site.login(credentials=CramMD5Credentials(b"mx.example.org")))

    @pytest.mark.parametrize("late", [True, False])
    def test_trouble_before_the_password_was_found_right(self, late) -> None:
        def broken():
            if late:
                return fail(ConnectionError("the directory is down"))
            raise ConnectionError("the directory is down")

        checker = ScriptedChecker()
        site = Site(checker, passwords=CountingPasswords(broken))
        unavailable(site.login())
        assert outcomes(checker.calls) == [LoginOutcome.ERROR]


class TestRejectAtMail:
    @pytest.mark.parametrize("refusing", [{"attempt": REFUSED}, {"login": REFUSED}])
    @pytest.mark.requirement("C18", "C19")
    def test_the_login_succeeds_and_mail_is_refused(self, refusing) -> None:
        checker = ScriptedChecker(**refusing)
        login = success_result_of(Site(checker, reject_at=RejectAt.MAIL).login())
        assert login.avatar_id == "ann"
        assert (login.refusal.code, login.refusal.enhanced) == (550, "5.7.1")
        assert login.refusal.text == Verdict.refuse("").text
        assert outcomes(checker.calls) == [LoginOutcome.REFUSED]

    def test_a_wrong_password_is_still_wrong(self) -> None:
        site = Site(ScriptedChecker(attempt=REFUSED), reject_at=RejectAt.MAIL)
        assert refused(site.login(b"wrong")).outcome is LoginOutcome.BAD_CREDENTIALS

    def test_after_a_refusal_nobody_else_is_asked(self) -> None:
        site = Site(ScriptedChecker(attempt=REFUSED), second := ScriptedChecker(), reject_at=RejectAt.MAIL)
        success_result_of(site.login())
        assert [call[0] for call in second.calls] == ["settled"]

    def test_errors_are_no_refusals(self) -> None:
        unavailable(Site(ScriptedChecker(attempt=KeyError()), reject_at=RejectAt.MAIL).login())
        refused(Site(ScriptedChecker(login=KeyError()), reject_at=RejectAt.MAIL).login())


class TestWhoIsAsked:
    @pytest.mark.parametrize(
        ("types", "identity", "asked"),
        [
            (frozenset(), None, True),
            (frozenset(), PHONE, True),
            (frozenset({"UUID", "MAC"}), PHONE, True),
            (frozenset({"MAC"}), PHONE, False),
            (frozenset({"MAC"}), None, False),
        ],
    )
    def test_by_identity_type(self, types, identity, asked) -> None:
        checker = ScriptedChecker(types=types)
        success_result_of(Site(checker).login(identity=identity))
        assert [call[0] for call in checker.calls] == (
            ["checkAttempt", "checkLogin", "settled"] if asked else []
        )

    def test_every_checker_hears_of_the_end_of_the_session(self) -> None:
        class Broken(ScriptedChecker):
            def sessionEnded(self, session):
                raise KeyError(session.id)

        checker = ScriptedChecker(types=frozenset({"MAC"}))
        site = Site(Broken(), checker)
        with capturedLogs() as events:
            site.judge.session_ended(session_view(PHONE))
        assert checker.calls == [("sessionEnded", session_view(PHONE))]
        assert any("Broken failed" in eventAsText(event) for event in events)

    @pytest.mark.requirement("U6")
    def test_a_session_that_ends_during_its_login_ends_behind_the_outcome(self) -> None:
        answer: Deferred[Verdict] = Deferred()
        site = Site(checker := ScriptedChecker(login=answer))
        login = site.login()
        ended = session_view(PHONE)
        site.judge.session_ended(ended)
        assert [call[0] for call in checker.calls] == ["checkAttempt", "checkLogin"]
        answer.callback(ACCEPTED)
        success_result_of(login)
        assert [call[0] for call in checker.calls][2:] == ["settled", "sessionEnded"]
        site.judge.session_ended(ended)
        assert checker.calls[-2:] == [("sessionEnded", ended)] * 2

    @pytest.mark.parametrize("late", [True, False])
    def test_trouble_in_settled_is_a_matter_for_the_log(self, late) -> None:
        class Broken(ScriptedChecker):
            def settled(self, attempt, outcome):
                if late:
                    return fail(KeyError("no disk"))
                raise KeyError("no disk")

        site = Site(Broken(), after := ScriptedChecker())
        with capturedLogs() as events:
            success_result_of(site.login())
        assert outcomes(after.calls) == [LoginOutcome.SUCCESS]
        assert any("could not record" in eventAsText(event) for event in events)


class OpaquePortal:
    """Like a portal, with nothing but the method."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def login(self, credentials, mind, *interfaces):
        return self._portal.login(credentials, mind, *interfaces)


class TestPortals:
    def test_a_subclass(self) -> None:
        class Locking(Portal):
            def login(self, credentials, mind, *interfaces):
                self.realm.asked.append("locked")
                return super().login(credentials, mind, *interfaces)

        site = Site(checker := ScriptedChecker())
        success_result_of(site.login(portal=Locking(site.realm, [site.passwords])))
        assert site.realm.asked == ["locked", b"ann"]
        assert [call[0] for call in checker.calls] == ["checkAttempt", "checkLogin", "settled"]

    def test_the_portal_of_chained_checkers(self) -> None:
        site = Site(checker := ScriptedChecker(login=REFUSED))
        other = InMemoryUsernamePasswordDatabaseDontUse(bob=b"secret")
        refused(site.login(portal=ChainedPortal(site.realm, [other, site.passwords])))
        assert [call[0] for call in checker.calls] == ["checkAttempt", "checkLogin", "settled"]

    def test_one_without_a_realm_works_and_skips_check_login(self) -> None:
        site = Site(checker := ScriptedChecker(login=REFUSED))
        with capturedLogs() as events:
            login = success_result_of(site.login(portal=OpaquePortal(site.portal)))
        assert login.avatar == ("mailbox", b"ann")
        assert login.avatar_id == "ann"
        assert [call[0] for call in checker.calls] == ["checkAttempt", "settled"]
        assert any("checkLogin was not asked" in eventAsText(event) for event in events)

    def test_one_without_a_realm_refuses_as_ever(self) -> None:
        site = Site()
        refused(site.login(b"wrong", portal=OpaquePortal(site.portal)))

    def test_one_that_passes_over_a_refusal(self) -> None:
        class Guests(Portal):
            def login(self, credentials, mind, *interfaces):
                guest = interfaces[0], "guest", lambda: left.append("guest")
                return super().login(credentials, mind, *interfaces).addErrback(lambda _: guest)

        left: list[str] = []
        site = Site(ScriptedChecker(login=REFUSED))
        refused(site.login(portal=Guests(site.realm, [site.passwords])))
        assert left == ["guest"]

    def test_one_that_asks_again(self) -> None:
        class Stubborn(Portal):
            def login(self, credentials, mind, *interfaces):
                return (
                    super()
                    .login(credentials, mind, *interfaces)
                    .addErrback(lambda _: self.realm.requestAvatar(b"bob", mind, *interfaces))
                )

        site = Site(ScriptedChecker(login=REFUSED))
        refused(site.login(portal=Stubborn(site.realm, [site.passwords])))
        assert site.realm.asked == []


class TestCredentials:
    """U8: the identity is handed to the authentication back end."""

    @pytest.mark.requirement("U8")
    def test_they_carry_identity_and_session(self) -> None:
        site = Site()
        success_result_of(site.login())
        (seen,) = site.passwords.seen
        assert verifyObject(IClientIdentified, seen)
        assert seen.clientIdentity == PHONE
        assert seen.session == session_view(PHONE)
        assert isinstance(seen, UsernamePassword)

    def test_they_carry_what_the_disposition_leaves(self) -> None:
        site = Site()
        success_result_of(
            site.judge.login(
                site.portal, UsernamePassword(b"ann", b"secret"), login_attempt(None, "ann"), PHONE, IMailbox
            )
        )
        assert site.passwords.seen[0].clientIdentity is None

    def test_those_that_take_no_attributes_are_carried(self) -> None:
        @implementer(IUsernamePassword)
        class Sealed:
            __slots__ = ("password", "username")

            def __init__(self) -> None:
                self.username, self.password = b"ann", b"secret"

            def checkPassword(self, password):
                return self.password == password

        site = Site()
        success_result_of(site.login(credentials=Sealed()))
        (seen,) = site.passwords.seen
        assert verifyObject(IUsernamePassword, seen)
        assert verifyObject(IClientIdentified, seen)
        assert seen.clientIdentity == PHONE

    @pytest.mark.parametrize("stock", ["memory", "file"])
    @pytest.mark.parametrize("password", [b"secret", b"wrong"])
    def test_stock_checkers_take_them(self, stock, password, tmp_path) -> None:
        (tmp_path / "passwd").write_bytes(b"ann:secret\n")
        passwords = (
            FilePasswordDB(str(tmp_path / "passwd"))
            if stock == "file"
            else InMemoryUsernamePasswordDatabaseDontUse(ann=b"secret")
        )
        cram = CramMD5Credentials(b"mx.example.org")
        cram.getChallenge()
        cram.setResponse(b"ann " + hmac.new(password, cram.challenge, "md5").hexdigest().encode())
        site = Site(ScriptedChecker(), passwords=passwords)
        for credentials in (UsernamePassword(b"ann", password), cram):
            result = site.login(credentials=credentials)
            if password == b"secret":
                assert success_result_of(result).avatar_id == "ann"
            else:
                refused(result)


class TestSecrets:
    @pytest.mark.requirement("C24")
    @pytest.mark.parametrize("token", ["T0KEN-0123456789", "it's\\a\"token"])
    def test_no_log_line_shows_the_token(self, token) -> None:
        identity = ClientIdentity("UUID", token)
        with capturedLogs() as events:
            for answer in (KeyError(token), Verdict.refuse(f"bad {token}")):
                failure_result_of(Site(ScriptedChecker(attempt=answer)).login(identity=identity))
                failure_result_of(Site(ScriptedChecker(login=answer)).login(identity=identity))
            failure_result_of(Site().login(b"wrong", identity))
        shown = "".join(eventAsText(event) + repr(event) for event in events)
        assert events
        assert token not in shown
        assert repr(token)[1:-1] not in shown
        assert "secret" not in shown
