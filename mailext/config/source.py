"""Where a configuration comes from: a file, and the flags of a command line."""

from __future__ import annotations

import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, frozen

from mailext.config.model import Configuration
from mailext.config.problems import COMMAND_LINE, ConfigurationError, Problem, dotted
from mailext.config.reader import InvalidTablesError, KeyPath, Table, read_tables

__all__ = ["Source", "read"]


@frozen
class Source:
    """
    Where a configuration comes from.

    :param file: the configuration file, None for the flags alone.
    :param flags: values that replace those of the file, by the path of their
        key; as TOML would give them.
    """

    file: Path | None
    flags: Mapping[tuple[str, ...], object] = {}

    def keeping(self, configuration: Configuration) -> Source:
        """
        The same source, but for what holds as long as the process: ``listen``,
        ``workers``, ``state-dir``, ``database`` and ``shared-dir``.
        """
        listen = {name: list(endpoints) for name, endpoints in configuration.listen.endpoints().items()}
        kept: dict[tuple[str, ...], object] = {
            ("listen",): listen,
            ("workers",): configuration.workers,
            ("state-dir",): str(configuration.state_dir),
            ("database",): configuration.database,
            ("shared-dir",): str(configuration.shared_dir or ""),
        }
        return evolve(self, flags={**self.flags, **kept})

    def waiting(self, configuration: Configuration) -> tuple[str, ...]:
        """
        The keys that say something else now, and wait for a restart.

        :param configuration: what the process began with.
        :raise ConfigurationError: with everything that is wrong in the file itself.
        """
        said = read(self)
        is_as_before = {
            "listen": said.listen == configuration.listen,
            "workers": said.workers == configuration.workers,
            "state-dir": said.state_dir == configuration.state_dir,
            "database": said.database == configuration.database,
            "shared-dir": said.shared_dir == configuration.shared_dir,
        }
        return tuple(key for key, same in is_as_before.items() if not same)

    def problem(self, path: KeyPath, reason: str) -> Problem:
        """What is wrong at a place, with the name of whoever said it."""
        keys = [part for part in path if isinstance(part, str)]
        by_flag = any(path[: len(flag)] == flag for flag in self.flags)
        file = COMMAND_LINE if by_flag or self.file is None else str(self.file)
        return Problem(file, dotted(*keys), reason)


def read(source: Source) -> Configuration:
    """
    Read a configuration without looking at what it names: for commands that
    want to know where the state is.

    :raise ConfigurationError: with everything that is wrong in the file itself.
    """
    tables = _overlaid(_toml(source.file) if source.file else {}, source.flags)
    folder = (source.file.parent if source.file else Path()).absolute()
    try:
        configuration = read_tables(tables, folder)
    except InvalidTablesError as error:
        raise ConfigurationError(source.problem(*finding) for finding in error.findings) from error
    hostname = configuration.hostname or socket.getfqdn()
    return evolve(configuration, hostname=hostname, domains=configuration.domains or (hostname,))


def _toml(file: Path) -> Table:
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise ConfigurationError([Problem(str(file), "", error.strerror or str(error))]) from error
    except RecursionError as error:
        raise ConfigurationError([Problem(str(file), "", "not TOML: brackets within brackets")]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError([Problem(str(file), "", f"not TOML: {error}")]) from error


def _overlaid(tables: Table, flags: Mapping[tuple[str, ...], object]) -> Table:
    for path, value in flags.items():
        tables = _with(tables, path, value)
    return tables


def _with(tables: Table, path: tuple[str, ...], value: object) -> Table:
    key, *rest = path
    if not rest:
        return {**tables, key: value}
    inner = tables.get(key, {})
    # Where the file has something else than a table, the reader says so.
    return {**tables, key: _with(inner, tuple(rest), value)} if isinstance(inner, Mapping) else tables
