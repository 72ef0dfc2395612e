"""The table of keys as people read it: what the reference page is made of."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from enum import Enum
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from attrs import Attribute, fields, frozen, has

from mailext.config.model import (
    Configuration,
    Delay,
    Destination,
    DomainDelivery,
    ListenerKeys,
    PortNumber,
    Program,
    Rate,
    Reserve,
    RootsFile,
    WorkerCount,
    key_name,
)
from mailext.units import Octets, Seconds, format_duration, format_size

__all__ = ["Key", "Section", "reference", "reference_page"]

_TYPE_NAMES: Mapping[object, str] = {
    bool: "true or false",
    int: "number",
    WorkerCount: "number",
    PortNumber: "port",
    str: "string",
    Path: "file name",
    RootsFile: "file name",
    IPv4Network: "network",
    Seconds: "duration",
    Delay: "duration",
    Octets: "size",
    Rate: "size per second",
    Reserve: "size",
}

# Tables whose keys are names that the operator gives.
_NAMED_TABLES = {
    ("listener", "NAME"): ListenerKeys,
    ("delivery", "domains", "DOMAIN"): DomainDelivery,
    ("programs", "ADDRESS"): Program,
    ("relay", "destinations", "DOMAIN"): Destination,
}


@frozen
class Key:
    """
    One key.

    :param name: the key within its section.
    :param type: what it takes, in words.
    :param default: the value that holds without it, as TOML writes it.
    :param default_in_words: what holds without it where that is no fixed
        value, else empty.
    """

    name: str
    type: str
    default: str
    default_in_words: str
    meaning: str


@frozen
class Section:
    """
    One table of the file.

    :param name: its dotted name, empty for the top of the file.
    :param meaning: what it is for.
    """

    name: str
    meaning: str
    keys: tuple[Key, ...]


def reference() -> list[Section]:
    """Every section with every key, in the order of the file."""
    sections = [*_sections((), Configuration)]
    sections += [_section(path, kind) for path, kind in _NAMED_TABLES.items()]
    return sections


def reference_page() -> str:
    """The tables of the reference page, as reStructuredText."""
    return "\n".join(line for section in reference() for line in _table(section))


def _sections(path: tuple[str, ...], kind: type) -> Iterator[Section]:
    yield _section(path, kind)
    for name, hint in get_type_hints(kind).items():
        if has(hint):
            yield from _sections((*path, key_name(name)), hint)


def _section(path: tuple[str, ...], kind: type) -> Section:
    hints = get_type_hints(kind)
    keys = tuple(_key(each, hints[each.name]) for each in fields(kind) if "meaning" in each.metadata)
    meaning = inspect.cleandoc(kind.__doc__ or "").partition("\n\n:param")[0]
    return Section(".".join(path), meaning, keys)


# attrs.Attribute is generic over the type of the value, which is known here at run time only.
def _key(attribute: Attribute[Any], kind: object) -> Key:
    return Key(
        key_name(attribute.name),
        _type_name(kind),
        _toml_value(attribute.default, kind),
        attribute.metadata["in words"],
        attribute.metadata["meaning"],
    )


def _type_name(kind: object) -> str:
    arguments = get_args(kind)
    if get_origin(kind) is tuple:
        return f"list of {_type_name(arguments[0])}s"
    if get_origin(kind) is Mapping:
        return f"table of {_type_name(arguments[1])}".replace("list", "lists")
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f'"{member.value}"' for member in kind)
    if arguments:
        return _type_name(arguments[0])
    return _TYPE_NAMES[kind]


def _toml_value(value: Any, kind: object) -> str:  # noqa: ANN401 - of the kind that the other parameter says
    if get_origin(kind) is tuple:
        assert isinstance(value, tuple)
        return "[" + ", ".join(_toml_value(each, get_args(kind)[0]) for each in value) + "]"
    if get_origin(kind) is Mapping:
        assert isinstance(value, Mapping)
        entries = (f'"{key}" = {_toml_value(each, get_args(kind)[1])}' for key, each in value.items())
        return "{" + ", ".join(entries) + "}"
    if kind in {Seconds, Delay}:
        value = format_duration(value)
    elif kind in {Octets, Rate, Reserve}:
        value = format_size(value)
    elif isinstance(value, Enum):
        value = value.value
    elif isinstance(value, Path):
        value = str(value)
    return json.dumps(value)


def _table(section: Section) -> Iterator[str]:
    title = f"[{section.name}]" if section.name else "The top of the file"
    yield from (title, "-" * len(title), "", section.meaning, "")
    yield from (".. list-table::", "   :header-rows: 1", "   :widths: 20 15 20 45", "")
    for row in (("Key", "Takes", "Default", "Meaning"), *map(_row, section.keys)):
        yield f"   * - {row[0]}"
        yield from (f"     - {cell}" for cell in row[1:])
    yield ""


def _row(key: Key) -> tuple[str, ...]:
    return f"``{key.name}``", key.type, key.default_in_words or f"``{key.default}``", key.meaning
