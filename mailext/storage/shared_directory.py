"""
What several server processes on one machine know together: a directory.

It holds the registry of identities, a database with the tables of a state
directory of which those of the queue and the accounts stay empty; the keys of
the identities' hashes; and what is counted (:mod:`mailext.storage.counters`).
SQLite lets the processes write in turn. While one opens it, the others wait.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from mailext.private_files import refuse_public
from mailext.storage.engine import DATABASE_NAME, Database, open_database
from mailext.storage.errors import StoreError
from mailext.storage.identity_keys import (
    KEY_FILE_NAME,
    IdentityKeys,
    KeyFileError,
    add_key_file,
    load_identity_keys,
    read_identity_keys,
)
from mailext.storage.lock import alone
from mailext.storage.taking_over import holds_hashes, take_over

__all__ = ["REGISTRY_NAME", "counters_of", "make_private", "open_shared_directory", "share_no_longer"]

#: The file name of the registry's database.
REGISTRY_NAME = "registry.sqlite"

# In the state directory of a process that shares.
_MARK_NAME = "shares"


def counters_of(directory: Path) -> Path:
    """The file of what is counted together."""
    return directory / "counters.sqlite"


def make_private(directory: Path) -> None:
    """
    Make a directory for its owner alone, unless it is there.

    :raise StoreError: if it is something else, or everybody may read it.
    :raise OSError: if it cannot be made.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        refuse_public(directory)
    except FileExistsError as error:
        raise StoreError(f"{directory}: not a directory") from error
    except ValueError as error:
        raise StoreError(str(error)) from error


def open_shared_directory(directory: Path, state: Path, own: Database) -> tuple[Database, IdentityKeys]:
    """
    Open what processes share, made and migrated as needed. What a process has
    known by itself so far goes over into it when it begins to share; the first
    one to come brings its keys. From then on it is not to be without it: in an
    empty one nobody would be revoked.

    :param directory: what they share; where it is missing it is made.
    :param state: the state directory of this process, whose lock it holds.
    :param own: its database.
    :return: the registry's database, and the keys.
    :raise StoreError: if it cannot be used, or is a state directory; if it is
        empty, and this process has shared one before; or if what this process
        knows is under keys that are not among those that are shared.
    :raise OSError: if a file cannot be made or opened.
    """
    if (directory / DATABASE_NAME).exists():
        raise StoreError(f"{directory}: a state directory, which is one process's own")
    begins = not (state / _MARK_NAME).exists()
    if not begins:
        _refuse_loss(directory, state)
    make_private(directory)
    with alone(directory / "opening.lock"):
        if begins:
            _bring_keys(directory / KEY_FILE_NAME, state / KEY_FILE_NAME, own)
        keys = load_identity_keys(directory / KEY_FILE_NAME, secrets.token_bytes)
        database = open_database(directory, REGISTRY_NAME)
        try:
            if begins:
                take_over(database, state / DATABASE_NAME)
                (state / _MARK_NAME).touch(0o600)
        except BaseException:
            database.dispose()
            raise
    return database, keys


def share_no_longer(state: Path) -> None:
    """A process goes on by itself: should it share again, it begins anew."""
    (state / _MARK_NAME).unlink(missing_ok=True)


def _refuse_loss(directory: Path, state: Path) -> None:
    for name in (REGISTRY_NAME, KEY_FILE_NAME):
        if not (directory / name).exists():
            raise StoreError(
                f"{directory}: {name} is missing, which this process has shared: bring it back, "
                f"or remove {state / _MARK_NAME} to begin anew"
            )


def _bring_keys(shared: Path, own: Path, database: Database) -> None:
    if not own.exists():
        return
    keys = read_identity_keys(own)
    if not shared.exists():
        add_key_file(shared, own.read_text("ascii"))
    elif holds_hashes(database) and not set(keys.names) <= set(read_identity_keys(shared).names):
        raise KeyFileError(
            f"{own}: not all of its keys are in {shared}, and what is known under them would be lost: "
            "append them to that file"
        )
