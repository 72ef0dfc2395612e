"""
From the tables that TOML gives to the classes of :mod:`mailext.config.model`.

Nothing is coerced: a number is no string and ``1`` is not true. All that is
wrong is found in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from enum import Enum
from ipaddress import ip_network
from pathlib import Path
from types import GenericAlias
from typing import Any, TypeVar, get_args, get_origin

from attrs import evolve, fields, has
from cattrs import (
    BaseConverter,
    BaseValidationError,
    ClassValidationError,
    Converter,
    ForbiddenExtraKeysError,
)
from cattrs.errors import IterableValidationError
from cattrs.gen import make_dict_structure_fn, override

from mailext.clientid.result import RejectAt
from mailext.config.model import (
    SYSTEM_ROOTS,
    ClientIdentification,
    Configuration,
    Delay,
    Limits,
    Listen,
    Listener,
    ListenerKeys,
    LogFormat,
    LogThreshold,
    Network,
    PortNumber,
    Rate,
    Reserve,
    RootsFile,
    SmarthostTls,
    WorkerCount,
    key_name,
)
from mailext.trust.mta_sts.policy import StsMode
from mailext.units import Octets, Seconds, parse_duration, parse_size
from mailext.values import RequireTlsMode, Security

__all__ = ["Finding", "InvalidTablesError", "KeyPath", "Table", "read_tables"]

#: A table of TOML.
Table = Mapping[str, object]

#: Where something stands: keys, and indices of lists.
KeyPath = tuple[str | int, ...]

#: Where something is wrong, and why.
Finding = tuple[KeyPath, str]

_T = TypeVar("_T")
_Hook = Callable[[Any, Any], Any]

_SUBMISSION = frozenset({"submission", "submissions"})

# Mail comes to these from servers, which neither log in nor name a device.
_SERVER_TO_SERVER = frozenset({"mx", "lmtp"})

# Nothing that can be said of a session of mail holds for these.
_NOT_OF_MAIL = frozenset({"https", "metrics"})

_LISTENER_PARTS: tuple[type, ...] = (ListenerKeys, Limits, ClientIdentification)


class InvalidTablesError(Exception):
    """
    :param findings: all that is wrong, at least one.
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(self.findings)


def read_tables(tables: Table, folder: Path) -> Configuration:
    """
    :param tables: the file as TOML gives it.
    :param folder: what relative file names are relative to.
    :raise InvalidTablesError: if something is unknown, or has a wrong value.
    """
    converter = _converter(folder)
    server = {key: value for key, value in tables.items() if key != "listener"}
    own = tables.get("listener", {})
    findings = [
        *_findings(converter, server, Configuration, ()),
        *_listener_findings(converter, own),
    ]
    if findings:
        raise InvalidTablesError(findings)
    configuration = converter.structure(server, Configuration)
    assert isinstance(own, Mapping)
    listeners = {
        name: _listener(converter, configuration, server, name, own.get(name, {}))
        for name in _mail_listeners()
    }
    return evolve(
        configuration,
        state_dir=folder / configuration.state_dir,
        listeners={name: each for name, each in listeners.items() if each.endpoints},
    )


def _listener(
    converter: Converter, configuration: Configuration, server: Table, name: str, own: Table
) -> Listener:
    inherited_keys = {
        "auth": [] if name in _SERVER_TO_SERVER else list(configuration.auth),
        "policies": list(configuration.policies),
        "require-auth": name in _SUBMISSION,
    }
    inherited_clientid = dict(_table(server, "clientid"))
    if name in _SERVER_TO_SERVER:
        inherited_clientid["enabled"] = False
    return Listener(
        name=name,
        endpoints=configuration.listen.endpoints()[name],
        keys=converter.structure({**inherited_keys, **_part(own, ListenerKeys)}, ListenerKeys),
        limits=converter.structure({**_table(server, "limits"), **_part(own, Limits)}, Limits),
        clientid=converter.structure(
            {**inherited_clientid, **_part(own, ClientIdentification)}, ClientIdentification
        ),
    )


def _table(tables: Table, key: str) -> Table:
    table = tables.get(key, {})
    assert isinstance(table, Mapping)
    return table


def _mail_listeners() -> list[str]:
    return [name for name in _keys(Listen) if name not in _NOT_OF_MAIL]


def _keys(section: type) -> list[str]:
    return [each.metadata.get("derived_from", key_name(each.name)) for each in fields(section)]


def _part(table: Table, section: type) -> Table:
    keys = _keys(section)
    return {key: value for key, value in table.items() if key in keys}


# What is wrong


def _listener_findings(converter: Converter, own: object) -> Iterator[Finding]:
    if not isinstance(own, Mapping):
        yield ("listener",), "must be a table"
        return
    for name, table in own.items():
        path = ("listener", name)
        if name not in _mail_listeners():
            yield path, _unknown(name, _mail_listeners())
        elif not isinstance(table, Mapping):
            yield path, "must be a table"
        else:
            known = [key for part in _LISTENER_PARTS for key in _keys(part)]
            yield from (((*path, key), _unknown(key, known)) for key in table if key not in known)
            for part in _LISTENER_PARTS:
                yield from _findings(converter, _part(table, part), part, path)


def _findings(converter: Converter, tables: Table, section: type[_T], path: KeyPath) -> Iterator[Finding]:
    try:
        converter.structure(tables, section)
    except BaseValidationError as error:
        yield from _walk(error, path)


def _walk(error: Exception, path: KeyPath) -> Iterator[Finding]:
    if isinstance(error, ClassValidationError):
        inner, outer = error.group_exceptions()
        for each, note in inner:
            yield from _walk(each, (*path, key_name(note.name)))
    elif isinstance(error, IterableValidationError):
        elements, outer = error.group_exceptions()
        for each, element in elements:
            yield from _walk(each, (*path, element.index))
    elif isinstance(error, ForbiddenExtraKeysError):
        known = _keys(error.cl)
        yield from (((*path, key), _unknown(key, known)) for key in sorted(error.extra_fields))
        return
    else:
        yield path, str(error)
        return
    for each in outer:
        yield from _walk(each, path)


def _unknown(key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"unknown key; did you mean {near[0]}?" if near else f"unknown key; known: {', '.join(known)}"


# How values are read


def _converter(folder: Path) -> Converter:
    converter = Converter(detailed_validation=True)
    converter.register_structure_hook(str, _parsed(str))
    converter.register_structure_hook(bool, _true_or_false)
    converter.register_structure_hook(int, _within(1, None))
    converter.register_structure_hook(WorkerCount, _within(0, 64))
    converter.register_structure_hook(PortNumber, _within(1, 65535))
    converter.register_structure_hook(Seconds, _parsed(_positive(parse_duration, "0s")))
    converter.register_structure_hook(Delay, _parsed(parse_duration))
    converter.register_structure_hook(Octets, _parsed(_positive(parse_size, "0B")))
    converter.register_structure_hook(Rate, _parsed(parse_size))
    converter.register_structure_hook(Reserve, _parsed(parse_size))
    converter.register_structure_hook(Path, _parsed(folder.joinpath))
    converter.register_structure_hook(RootsFile, _parsed(lambda text: _roots_file(folder, text)))
    converter.register_structure_hook_func(
        lambda kind: kind == Path | None, _parsed(lambda text: folder / text if text else None)
    )
    converter.register_structure_hook_func(
        lambda kind: kind == Seconds | None, _parsed(_positive(parse_duration, "0s"))
    )
    converter.register_structure_hook_func(lambda kind: kind == Network, _parsed(ip_network))
    for choice in (LogFormat, LogThreshold, RejectAt, RequireTlsMode, Security, SmarthostTls, StsMode):
        # Each by itself: some are strings too, and the hook of strings would take them.
        converter.register_structure_hook(choice, _member)
    for predicate, factory in ((_is_tuple, _tuple_hook), (_is_mapping, _mapping_hook), (has, _section_hook)):
        converter.register_structure_hook_factory(predicate, factory)
    return converter


def _true_or_false(value: object, _: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004 - cattrs collects it like any other
    return value


def _within(least: int, most: int | None) -> _Hook:
    bounds = f"a number from {least} on" if most is None else f"a number from {least} to {most}"

    def structure(value: object, _: object) -> int:
        if type(value) is not int or value < least or (most is not None and value > most):
            raise ValueError(f"must be {bounds}")
        return value

    return structure


def _parsed(parse: Callable[[str], object]) -> _Hook:
    def structure(value: object, _: object) -> object:
        if not isinstance(value, str):
            raise ValueError("must be a string")  # noqa: TRY004 - cattrs collects it like any other
        if "\0" in value:
            raise ValueError("must not contain NUL")
        return parse(value)

    return structure


def _roots_file(folder: Path, text: str) -> Path:
    return SYSTEM_ROOTS if Path(text) == SYSTEM_ROOTS else folder / text


def _positive(parse: Callable[[str], float], zero: str) -> Callable[[str], float]:
    def positive(value: str) -> float:
        quantity = parse(value)
        if quantity == 0:
            raise ValueError(f"must be more than {zero}")
        return quantity

    return positive


def _member(value: object, kind: type[Enum]) -> Enum:
    members = [member for member in kind if member.value == value]
    if not members:
        raise ValueError("must be one of " + ", ".join(f'"{member.value}"' for member in kind))
    return members[0]


def _is_tuple(kind: object) -> bool:
    return get_origin(kind) is tuple


def _is_mapping(kind: object) -> bool:
    origin: object = get_origin(kind)
    return origin is Mapping


def _tuple_hook(kind: object, converter: BaseConverter) -> _Hook:
    elements = GenericAlias(list, get_args(kind)[:1])
    structure_list = converter.get_structure_hook(elements)

    def structure(value: object, _: object) -> tuple[object, ...]:
        if not isinstance(value, list):
            raise ValueError("must be a list")  # noqa: TRY004 - cattrs collects it like any other
        return tuple(structure_list(value, elements))

    return structure


def _mapping_hook(kind: object, converter: BaseConverter) -> _Hook:
    return _of_tables(converter.get_structure_hook(GenericAlias(dict, get_args(kind))))


def _section_hook(kind: type, converter: BaseConverter) -> _Hook:
    names: dict[str, Any] = {
        each.name: override(rename=key_name(each.name), omit="derived_from" in each.metadata)
        for each in fields(kind)
    }
    return _of_tables(make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True, **names))


def _of_tables(structure_table: _Hook) -> _Hook:
    def structure(value: object, kind: object) -> object:
        if not isinstance(value, Mapping):
            raise ValueError("must be a table")  # noqa: TRY004 - cattrs collects it like any other
        return structure_table(value, kind)

    return structure
