"""Files that hold secrets."""

from __future__ import annotations

from pathlib import Path

__all__ = ["refuse_public", "secret_from"]

# The owner's group may: that is how a service is given a key of another's.
_OTHERS = 0o007


def refuse_public(path: Path) -> None:
    """
    Make sure that a file or folder is not for everybody.

    :raise ValueError: if others than its owner and group have any right to it,
        with the remedy.
    :raise OSError: if there is none.
    """
    if path.stat().st_mode & _OTHERS:
        raise ValueError(f"{path}: everybody may read it; chmod o-rwx")


def secret_from(file: Path) -> str:
    """
    A secret that stands in a file, up to the end of its first line: a password,
    or the token of a client identity.

    :raise ValueError: if it cannot be read, is empty, or others than its owner
        and group may read it.
    """
    try:
        refuse_public(file)
        secret = file.read_text("utf-8").partition("\n")[0].rstrip("\r")
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: not UTF-8") from error
    if not secret:
        raise ValueError(f"{file}: there is nothing in its first line")
    return secret
