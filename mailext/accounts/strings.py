"""Credentials checkers from the strings of the configuration."""

from __future__ import annotations

from twisted.cred.checkers import ICredentialsChecker, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IUsernameHashedPassword, IUsernamePassword
from twisted.cred.strcred import InvalidAuthType, findCheckerFactories, makeChecker

__all__ = ["OUR_ACCOUNTS", "CheckerStringError", "make_checker"]

#: The string that means the built-in accounts.
OUR_ACCOUNTS = "accounts"

_PASSWORD_INTERFACES = {IUsernamePassword, IUsernameHashedPassword}


class CheckerStringError(ValueError):
    """
    The string makes no credentials checker.

    What stands behind the first colon is not told: it may hold passwords.
    """


def make_checker(string: str, accounts: ICredentialsChecker) -> ICredentialsChecker:
    """
    :param string: ``accounts``, or a string of :mod:`twisted.cred.strcred`.
    :param accounts: the checker of the built-in accounts.
    :raise CheckerStringError: saying what is wrong.
    """
    kind = string.partition(":")[0]
    if string == OUR_ACCOUNTS:
        return accounts
    if kind == OUR_ACCOUNTS:
        raise CheckerStringError(f"{OUR_ACCOUNTS} takes no argument")
    try:
        checker: ICredentialsChecker = makeChecker(string)
    except InvalidAuthType:
        factories = findCheckerFactories()
        known = sorted({OUR_ACCOUNTS, *(factory.authType for factory in factories)})
        raise CheckerStringError(f"unknown kind {kind!r}; known are {', '.join(known)}") from None
    except Exception as error:
        raise CheckerStringError(f"{kind}: {str(error) or type(error).__name__}") from error
    if isinstance(checker, InMemoryUsernamePasswordDatabaseDontUse):
        # Twisted's plugin "memory" leaves text in it, but credentials are octets.
        checker.users = {_octets(name): _octets(password) for name, password in checker.users.items()}
    if _PASSWORD_INTERFACES.isdisjoint(checker.credentialInterfaces):
        raise CheckerStringError(f"{kind} does not check passwords")
    return checker


def _octets(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
