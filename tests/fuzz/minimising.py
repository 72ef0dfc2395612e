"""
Which inputs are worth keeping: the shortest that together take every way that
all of them take.

libFuzzer can do it, but starts itself anew for that, which a child of ours is
not made for. So it is asked for what each input does alone, by the control file
that its two halves speak through.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path


def minimised(inputs: Sequence[Path], control: Path, run: Callable[[Sequence[str]], object]) -> list[Path]:
    """
    :param control: the control file, to be made.
    :param run: runs libFuzzer with options.
    """
    ordered = sorted(inputs, key=lambda file: (file.stat().st_size, file.name))
    control.write_text("".join(f"{line}\n" for line in (len(ordered), 0, *ordered)), "ascii")
    run([f"-merge_control_file={control}", "-merge_inner=1"])
    kept, covered = [], set[int]()
    for line in control.read_text("ascii").splitlines()[len(ordered) + 2 :]:
        kind, number, *features = line.split()
        if kind == "FT" and not covered.issuperset(map(int, features)):
            covered.update(map(int, features))
            kept.append(ordered[int(number)])
    return kept
