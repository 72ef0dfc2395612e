"""
How identities are handled, by their type (C23).

Draft-storey-smtp-client-id-13 section 7 recommends a set of flags for each
type. The names here are those of the configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase

from mailext.values import ClientIdentity

__all__ = ["Disposition", "Dispositions"]


class Disposition(StrEnum):
    """The flags of draft section 7, in its order; the eighth is unused."""

    #: Handled, but not kept: as if it had not been presented.
    IGNORE = "ignore"
    #: Kept for the debugging log alone: as if it had not been presented.
    DEBUG = "debug"
    #: The login's line in the system log names it.
    SYSTEM_LOG = "system-log"
    #: The holder of the account sees it in the log of the account's logins.
    USER_LOG = "user-log"
    #: Checkers, policies and the password's back end see it.
    AUTHENTICATE = "authenticate"
    #: A failed login with it is logged as a warning.
    ALERT_FAILURE = "alert-failure"
    #: A successful login with it is logged as a warning.
    ALERT_SUCCESS = "alert-success"


#: The flags that exclude all others.
_ALONE = frozenset({Disposition.IGNORE, Disposition.DEBUG})
_AUTHENTICATED = frozenset({Disposition.AUTHENTICATE})
_LOGGED = frozenset({Disposition.SYSTEM_LOG, Disposition.ALERT_FAILURE, Disposition.ALERT_SUCCESS})
_KEPT = frozenset(Disposition) - _ALONE
_DEFAULT = {"*": (Disposition.SYSTEM_LOG, Disposition.AUTHENTICATE)}
_TYPE_GLOB = re.compile(r"[A-Z0-9*?-]+")


class Dispositions:
    """
    The flags of every identity type.

    :param flags: for globs of types (``*`` and ``?``, in any case) their
        flags. For a type the exact name beats a glob, and a longer glob a
        shorter one; of equally long ones the first holds. Where ``*`` is not
        given it stands for ``system-log`` and ``authenticate``.
    :raise ValueError: if a glob can match no type, is given twice, has no
        flags, or has flags that exclude each other.
    """

    def __init__(self, flags: Mapping[str, Iterable[Disposition]] = _DEFAULT) -> None:
        rules: dict[str, frozenset[Disposition]] = {}
        for given, members in flags.items():
            glob = given.upper()
            if glob in rules:
                raise ValueError(f"{given}: this type is given twice")
            rules[glob] = _checked(given, frozenset(members))
        for glob, default in _DEFAULT.items():
            rules.setdefault(glob, frozenset(default))
        self._exact = rules
        self._globs = sorted(
            (rule for rule in rules.items() if "*" in rule[0] or "?" in rule[0]),
            key=lambda rule: -len(rule[0]),
        )

    @classmethod
    def from_names(cls, names: Mapping[str, Iterable[str]]) -> Dispositions:
        """
        Read what the configuration says.

        :param names: for globs of types the names of their flags.
        :raise ValueError: as the constructor, or if a flag is not known.
        """
        known = {member.value for member in Disposition}
        for glob, flags in names.items():
            for flag in flags:
                if flag not in known:
                    raise ValueError(f"{glob}: unknown flag {flag!r}; known: {', '.join(Disposition)}")
        return cls({glob: [Disposition(flag) for flag in flags] for glob, flags in names.items()})

    def of(self, identity_type: str) -> frozenset[Disposition]:
        """
        The flags of one type.

        :param identity_type: in any case.
        """
        name = identity_type.upper()
        if name in self._exact:
            return self._exact[name]
        return next(flags for glob, flags in self._globs if fnmatchcase(name, glob))

    def for_authentication(self, identity: ClientIdentity | None) -> ClientIdentity | None:
        """
        What checkers, policies and password back ends may see: the identity
        if its type is used for authentication. This is the ``identity`` of a
        :class:`~mailext.values.SessionView`.
        """
        return self._for(identity, _AUTHENTICATED)

    def for_registry(self, identity: ClientIdentity | None) -> ClientIdentity | None:
        """
        What is kept of an identity at all, by its keyed hash: everything but
        what is ignored, or for debugging alone.
        """
        return self._for(identity, _KEPT)

    def for_log(self, identity: ClientIdentity | None) -> ClientIdentity | None:
        """
        What the system log may name, by its keyed hash: the identity if its
        type goes there or raises alerts. The holder's log is another. An identity can be logged without being
        used for authentication, and the other way round.
        """
        return self._for(identity, _LOGGED)

    def _for(self, identity: ClientIdentity | None, uses: frozenset[Disposition]) -> ClientIdentity | None:
        return identity if identity is not None and uses & self.of(identity.type) else None


def _checked(glob: str, flags: frozenset[Disposition]) -> frozenset[Disposition]:
    # C5, draft-storey-smtp-client-id-13 section 5: a type is ALPHA / DIGIT / "-".
    if not _TYPE_GLOB.fullmatch(glob.upper()):
        raise ValueError(f"{glob!r} matches no identity type: types have letters, digits and '-'")
    if not flags:
        raise ValueError(f"{glob}: no flags; a type that is to be disregarded has 'ignore'")
    if flags & _ALONE and len(flags) > 1:
        alone = " and ".join(repr(flag.value) for flag in Disposition if flag in flags & _ALONE)
        raise ValueError(f"{glob}: {alone} cannot stand beside other flags")
    return flags
