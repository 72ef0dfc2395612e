"""Files that hold secrets."""

from __future__ import annotations

from pathlib import Path

__all__ = ["refuse_public"]

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
