"""
What the grammar of the file cannot say: whether values mean something here.

Each check looks at one matter and names every place that is wrong. None of
them listens, opens the store, or changes anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TypeVar

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IReactorCore

from mailext.accounts.canonical import canonical_domain
from mailext.accounts.strings import CheckerStringError
from mailext.accounts.strings import make_checker as make_credentials_checker
from mailext.clientid.dispositions import Dispositions
from mailext.config.delivery_checks import check_delivery
from mailext.config.model import Configuration, Listen, Listener
from mailext.config.reader import Finding, KeyPath
from mailext.config.relay_checks import check_mta_sts, check_relay, check_tls_reports
from mailext.config.trying import in_words
from mailext.geography import open_geography
from mailext.interfaces import IPluginServices
from mailext.net.tls import ServerContextFactory
from mailext.plugins import PluginError, make_checker, make_policy
from mailext.private_files import refuse_public
from mailext.wire.grammar import GrammarError, parse_mailbox

__all__ = ["check_configuration"]

_T = TypeVar("_T")

_ACCOUNTS_NOT_OPEN_YET = InMemoryUsernamePasswordDatabaseDontUse()

_SUBADDRESS_DELIMITER = re.compile(r"[!#$%&'*+/=?^_`{|}~-]?")


def check_configuration(
    configuration: Configuration, reactor: IReactorCore, services: IPluginServices
) -> list[Finding]:
    """
    :param reactor: what endpoints are made for; nothing is bound.
    :param services: what plugins are made with.
    :return: what makes the configuration unusable.
    """
    return list(
        chain(
            _names(configuration),
            _addresses(configuration),
            check_delivery(configuration),
            _not_supported(configuration),
            _shared_directory(configuration),
            _endpoints(configuration.listen, reactor),
            _certificates(configuration),
            _credentials_checkers(configuration),
            _plugins(configuration, services),
            _dispositions(configuration),
            _identities(configuration),
            check_relay(configuration),
            check_tls_reports(configuration),
            check_mta_sts(configuration),
        )
    )


def _names(configuration: Configuration) -> Iterator[Finding]:
    if not configuration.hostname.isascii():
        # It stands in Received fields of messages that are all ASCII.
        yield ("hostname",), "write it in A-labels, as in xn--bcher-kva.example"
    names: list[tuple[KeyPath, str]] = [(("hostname",), configuration.hostname)]
    names += [(("domains", index), domain) for index, domain in enumerate(configuration.domains)]
    for path, name in names:
        try:
            canonical_domain(name)
        except ValueError as error:
            yield path, str(error)


def _addresses(configuration: Configuration) -> Iterator[Finding]:
    if not _SUBADDRESS_DELIMITER.fullmatch(configuration.addresses.subaddress_delimiter):
        yield ("addresses", "subaddress-delimiter"), "must be one of !#$%&'*+/=?^_`{|}~- or empty"
    for name, targets in configuration.aliases.items():
        # A catch-all has no local part, a user name no domain.
        complete = f"x{name}" if name.startswith("@") else name if "@" in name else f"{name}@domain"
        if not _is_mailbox(complete):
            yield ("aliases", name), "not an address, a user name, or @domain"
        if not targets:
            yield ("aliases", name), "no target"
        for index, target in enumerate(targets):
            if not _is_mailbox(target if "@" in target else f"{target}@domain"):
                yield ("aliases", name, index), f"not an address or a user name: {target!r}"


def _is_mailbox(text: str) -> bool:
    try:
        parse_mailbox(text)
    except GrammarError:
        return False
    return True


def _not_supported(configuration: Configuration) -> Iterator[Finding]:
    if configuration.database.startswith("postgresql://"):
        yield ("database",), "not supported yet: PostgreSQL"
    elif configuration.database != "sqlite":
        yield ("database",), 'must be "sqlite"'


def _shared_directory(configuration: Configuration) -> Iterator[Finding]:
    folder = configuration.shared_dir
    if folder is None:
        return
    if folder.resolve() == configuration.state_dir.resolve():
        yield ("shared-dir",), "must be another directory than state-dir, which each process has for itself"
    elif folder.exists() and not folder.is_dir():
        yield ("shared-dir",), f"not a directory: {folder}"
    elif folder.exists():
        try:
            refuse_public(folder)
        except ValueError as error:
            yield ("shared-dir",), str(error)


def _endpoints(listen: Listen, reactor: IReactorCore) -> Iterator[Finding]:
    strings = listen.endpoints()
    if not any(strings.values()):
        yield ("listen",), "nothing to listen on"
    for name, endpoints in strings.items():
        for index, endpoint in enumerate(endpoints):
            if endpoint.startswith("ssl:"):
                yield (
                    ("listen", name, index),
                    "write tcp: here; [tls] is applied to the listeners ending in s",
                )
                continue
            try:
                serverFromString(reactor, endpoint)
            except Exception as error:  # noqa: BLE001 - an endpoint plugin raises what it likes
                yield ("listen", name, index), f"not an endpoint: {in_words(error)}"


def _certificates(configuration: Configuration) -> Iterator[Finding]:
    tls = configuration.tls
    if len(tls.certificate) != len(tls.key):
        yield ("tls", "key"), f"{len(tls.key)} keys for {len(tls.certificate)} certificates"
        return
    for name in ("submissions", "imaps", "pop3s", "https"):
        if not tls.certificate and configuration.listen.endpoints()[name]:
            yield ("listen", name), "needs a certificate: set certificate and key in [tls]"
    unreadable = [*_unreadable("certificate", tls.certificate), *_unreadable("key", tls.key)]
    yield from unreadable
    if tls.certificate and not unreadable:
        for index, pair in enumerate(zip(tls.certificate, tls.key, strict=True)):
            try:
                ServerContextFactory([pair])
            except ValueError as error:
                yield ("tls", "certificate", index), str(error)


def _unreadable(key: str, files: Iterable[Path]) -> Iterator[Finding]:
    for index, file in enumerate(files):
        try:
            file.read_bytes()
        except OSError as error:
            yield ("tls", key, index), f"{file}: {error.strerror}"


def _credentials_checkers(configuration: Configuration) -> Iterator[Finding]:
    lists = _wherever(configuration, ("auth",), configuration.auth, lambda listener: listener.keys.auth)
    for path, string in _each(lists):
        try:
            make_credentials_checker(string, _ACCOUNTS_NOT_OPEN_YET)
        except CheckerStringError as error:
            yield path, str(error)


def _plugins(configuration: Configuration, services: IPluginServices) -> Iterator[Finding]:
    policies = _wherever(
        configuration, ("policies",), configuration.policies, lambda listener: listener.keys.policies
    )
    checkers = _wherever(
        configuration,
        ("clientid", "checkers"),
        configuration.clientid.checkers,
        lambda listener: listener.clientid.checkers,
    )
    for lists, make in ((policies, make_policy), (checkers, make_checker)):
        for path, string in _each(lists):
            try:
                make(string, services)
            except PluginError as error:
                yield path, str(error)


def _dispositions(configuration: Configuration) -> Iterator[Finding]:
    tables = _wherever(
        configuration,
        ("clientid", "types"),
        configuration.clientid.types,
        lambda listener: listener.clientid.types,
    )
    for path, types in tables:
        try:
            Dispositions.from_names(types)
        except ValueError as error:
            yield path, str(error)


def _identities(configuration: Configuration) -> Iterator[Finding]:
    try:
        open_geography(configuration.identities.places)
    except ValueError as error:
        yield ("identities", "places"), str(error)


def _wherever(
    configuration: Configuration, path: KeyPath, whole: _T, own: Callable[[Listener], _T]
) -> Iterator[tuple[KeyPath, _T]]:
    """A value of the whole server, then those of the listeners that have another."""
    yield path, whole
    for name, listener in configuration.listeners.items():
        if own(listener) != whole:
            yield ("listener", name, path[-1]), own(listener)


def _each(lists: Iterable[tuple[KeyPath, tuple[str, ...]]]) -> Iterator[tuple[KeyPath, str]]:
    for path, strings in lists:
        yield from (((*path, index), string) for index, string in enumerate(strings))
