"""
Checkers and policies by name: plugin strings, and finding who makes them.

A plugin string is ``name[:key=value[:key=value]...]``. A value is a list,
parted by commas. A backslash takes the next character as it is, so that
``\\:`` is a colon within a value. What follows the first colon belongs to the
named factory, which may read it in its own way; :func:`parse_arguments` is
for those that want the common one.

Factories are found as Twisted finds its plugins: a third-party package ships
``twisted/plugins/acme_mailext.py`` with instances that provide
:class:`twisted.plugin.IPlugin` and one of the factory interfaces.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

import twisted.plugins
from twisted.plugin import getPlugins
from zope.interface import Invalid
from zope.interface.verify import verifyObject

from mailext.interfaces import (
    IClientIdentityChecker,
    IClientIdentityCheckerFactory,
    IDeliveryPolicy,
    IDeliveryPolicyFactory,
    IPluginServices,
)

__all__ = [
    "PluginError",
    "describe",
    "explain",
    "make_checker",
    "make_policy",
    "parse_arguments",
    "single",
]

_Factory = TypeVar("_Factory", IClientIdentityCheckerFactory, IDeliveryPolicyFactory)
_Product = TypeVar("_Product", IClientIdentityChecker, IDeliveryPolicy)

_TOKEN = re.compile(r"\\(?P<quoted>.)|(?P<mark>[:,=])|(?P<plain>[^\\:,=]+)|(?P<trailing>\\)", re.DOTALL)


class PluginError(ValueError):
    """A plugin string cannot be used; ``str()`` says why, for the operator."""


# The grammar


def parse_arguments(argstring: str, known: Collection[str]) -> dict[str, tuple[str, ...]]:
    """
    Read ``key=value[:key=value]...``.

    :param argstring: what follows the first colon of a plugin string; empty
        for no arguments.
    :param known: the keys that may be given.
    :return: for each given key its list of values, never an empty one.
    :raise ValueError: saying what is wrong.
    """
    arguments: dict[str, tuple[str, ...]] = {}
    if not argstring:
        return arguments
    for key, values in _split(argstring):
        if values is None:
            raise ValueError(f"expected key=value, got {key!r}")
        if key not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise ValueError(f"unknown argument {key!r}; known: {listed}")
        if key in arguments:
            raise ValueError(f"argument {key!r} is given twice")
        arguments[key] = values
    return arguments


def _split(argstring: str) -> Iterable[tuple[str, tuple[str, ...] | None]]:
    """Each part between unquoted colons as key and list of values, None without a ``=``."""
    key: str | None = None
    words = [""]
    for token in _TOKEN.finditer(argstring):
        if token["trailing"]:
            raise ValueError("a backslash at the end quotes nothing")
        mark = token["mark"]
        if mark == ":":
            yield (words[0], None) if key is None else (key, tuple(words))
            key, words = None, [""]
        elif mark == "=" and key is None:
            key, words = words[0], [""]
        elif mark == "," and key is not None:
            words.append("")
        else:
            words[-1] += token["quoted"] or token["plain"] or mark
    yield (words[0], None) if key is None else (key, tuple(words))


def single(arguments: Mapping[str, tuple[str, ...]], key: str, default: str) -> str:
    """
    The value of an argument that takes no list.

    :param default: what holds if it was not given.
    :raise ValueError: if several values were given.
    """
    values = arguments.get(key, (default,))
    if len(values) != 1:
        raise ValueError(f"argument {key!r} takes one value, not {len(values)}")
    return values[0]


# Finding and making


def make_checker(string: str, services: IPluginServices) -> IClientIdentityChecker:
    """
    Make the identity checker that a plugin string names.

    :param services: what it may use of the server.
    :raise PluginError: if nobody of that name is found, or it refuses the
        argument.
    """
    return _make(
        string,
        IClientIdentityCheckerFactory,
        IClientIdentityChecker,
        lambda factory, argstring: factory.generateChecker(argstring, services),
    )


def make_policy(string: str, services: IPluginServices) -> IDeliveryPolicy:
    """
    Make the delivery policy that a plugin string names.

    :param services: what it may use of the server.
    :raise PluginError: if nobody of that name is found, or it refuses the
        argument.
    """
    return _make(
        string,
        IDeliveryPolicyFactory,
        IDeliveryPolicy,
        lambda factory, argstring: factory.generatePolicy(argstring, services),
    )


def _make(
    string: str,
    interface: type[_Factory],
    product: type[_Product],
    generate: Callable[[_Factory, str], _Product],
) -> _Product:
    name, _, argstring = string.partition(":")
    factory = _find(interface, name)
    try:
        made = generate(factory, argstring)
        verifyObject(product, made)
    except Exception as error:
        raise _refused(name, error) from error
    return made


def _refused(name: str, error: Exception) -> PluginError:
    if isinstance(error, ValueError):
        return PluginError(f"{name}: {error}")
    if isinstance(error, Invalid):
        return PluginError(f"{name}: the plugin made something unfit: {error}")
    return PluginError(f"{name}: the plugin broke: {type(error).__name__}: {error}")


def _find(interface: type[_Factory], name: str) -> _Factory:
    factories = _factories(interface)
    if name in factories:
        return factories[name]
    reason = f"there is no {name!r}; known: {', '.join(factories) or 'none'}"
    if broken := _broken_modules():
        reason += "; could not be loaded: " + "; ".join(broken)
    raise PluginError(reason)


def _factories(interface: type[_Factory]) -> dict[str, _Factory]:
    """
    Every factory that can be loaded, by name, in the order of names.

    :raise PluginError: if two claim one name.
    """
    found: dict[str, _Factory] = {}
    for factory in getPlugins(interface):
        if found.setdefault(factory.name, factory) is not factory:
            raise PluginError(f"two plugins are called {factory.name!r}")
    return dict(sorted(found.items()))


def _broken_modules() -> list[str]:
    """
    Why modules of :mod:`twisted.plugins` cannot be imported.

    ``getPlugins`` passes over them with no more than a line in a log that
    may not be open yet.
    """
    reasons = []
    for module in pkgutil.iter_modules(twisted.plugins.__path__, "twisted.plugins."):
        try:
            importlib.import_module(module.name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever an import raises
            reasons.append(f"{module.name} ({type(error).__name__}: {error})")
    return reasons


# For people


def describe(interface: type[_Factory]) -> str:
    """
    A table of the factories of one kind: the name and the form of the argument.

    :param interface: the interface of the factories.
    """
    factories = _factories(interface)
    width = max((len(name) for name in factories), default=0)
    return "".join(
        f"  {name:{width}}  {factory.argStringFormat}".rstrip() + "\n" for name, factory in factories.items()
    )


def explain(interface: type[_Factory], name: str) -> str:
    """
    The form of one factory's argument, and what it is for.

    :param interface: the interface of the factories.
    :raise PluginError: if nobody of that name is found.
    """
    factory = _find(interface, name)
    usage = f"{name}:{factory.argStringFormat}" if factory.argStringFormat else name
    return f"{usage}\n\n{textwrap.indent(inspect.cleandoc(factory.help), '  ')}\n"
