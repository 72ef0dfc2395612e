"""How clients of a listener log in, whatever protocol it speaks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Protocol

from attrs import frozen
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials
from twisted.cred.portal import IRealm
from twisted.internet.interfaces import IReactorTime
from zope.interface import Interface

from mailext.accounts.addresses import AddressBook
from mailext.accounts.portal import ChainedPortal
from mailext.accounts.sasl import mechanisms_for
from mailext.accounts.scram import SCRAM, IScramLogin, ScramExchange, ScramVerifiers
from mailext.accounts.strings import make_checker
from mailext.clientid.configured import make_checkers
from mailext.clientid.dispositions import Dispositions
from mailext.clientid.journal import LoginJournal
from mailext.clientid.login import AnyLoginJudge, LoginJudge, RejectAt
from mailext.config.model import Configuration, Listener
from mailext.interfaces import IPluginServices
from mailext.values import LoginAttempt

__all__ = ["LoggingIn", "LoginsKept", "account_named", "challengers_for"]


class LoginsKept(Protocol):
    """What becomes of every login: see :class:`mailext.service.logins.LoginKeeping`."""

    def journal(self, dispositions: Dispositions) -> LoginJournal: ...

    def completed(self, attempt: LoginAttempt) -> LoginAttempt: ...

    def account_named(self, username: str) -> str: ...


@frozen
class LoggingIn:
    """
    :param portal: of the listener.
    :param dispositions: how identities are handled, by their type.
    :param judge: who judges logins.
    :param challengers: the SASL mechanisms, by name.
    """

    portal: ChainedPortal
    dispositions: Dispositions
    judge: AnyLoginJudge
    challengers: Mapping[bytes, Callable[[], ICredentials]]

    @classmethod
    def at(
        cls,
        listener: Listener,
        configuration: Configuration,
        realm: IRealm,
        accounts: ICredentialsChecker,
        services: IPluginServices,
        *,
        scram: ScramVerifiers,
        clock: IReactorTime,
        logins: LoginsKept,
        reject_at: RejectAt,
    ) -> LoggingIn:
        """
        :param accounts: the checker of the built-in accounts.
        :param scram: the same for SCRAM.
        :param logins: what becomes of every login.
        :param reject_at: which command a refused identity makes fail.
        :raise ValueError: if a checker cannot be made after all.
        """
        portal = ChainedPortal(realm)
        for string in listener.keys.auth:
            portal.registerChecker(make_checker(string, accounts))
        dispositions = Dispositions.from_names(listener.clientid.types)
        judge = LoginJudge(
            make_checkers(listener.clientid.checkers, services),
            clock,
            configuration.policy_timeout,
            reject_at,
            logins.journal(dispositions),
            completed=logins.completed,
        )
        challengers = challengers_for(
            portal.listCredentialsInterfaces(), configuration, scram, logins.account_named
        )
        return cls(portal, dispositions, judge, challengers)


def challengers_for(
    credentials: Collection[type[Interface]],
    configuration: Configuration,
    scram: ScramVerifiers,
    account_named: Callable[[str], str],
) -> Mapping[bytes, Callable[[], ICredentials]]:
    """
    The SASL mechanisms of a listener.

    :param credentials: the kinds that somebody can check.
    :param account_named: the account that a user name means; the name itself
        where it can mean none.
    """
    challengers = mechanisms_for(credentials, configuration.hostname.encode("ascii"))
    if configuration.scram and IScramLogin in credentials:
        challengers[SCRAM.encode("ascii")] = partial(ScramExchange, scram, account_named)
    return challengers


def account_named(book: AddressBook, username: str) -> str:
    """The account that a user name means; the name itself where it can be none of ours."""
    try:
        return str(book.account_named(username))
    except ValueError:
        return username
