"""
The command: gives octets to the targets for some time, and keeps those that
take new ways.
"""

from __future__ import annotations

import re
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from tests.fuzz.corpora import read_corpus, write_corpus
from tests.fuzz.engine import TARGETS, run
from tests.fuzz.minimising import minimised
from tests.fuzz.target import Target

#: Seconds that one input may take, and megabytes of memory.
_BOUNDS = ("-timeout=20", "-rss_limit_mb=2048")
#: What libFuzzer calls an input that breaks something.
_ARTIFACTS = ("crash", "timeout", "oom")
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


def main(arguments: Sequence[str]) -> int:
    """:return: 0 if all invariants held, 1 if one did not."""
    said = _read(arguments)
    chosen = [TARGETS[name] for name in said.targets] or list(TARGETS.values())
    if said.list:
        for target in chosen:
            sys.stdout.write(f"{target.name:16} {target.takes}: {target.holds}\n")
        return 0
    seconds = said.seconds or max(said.in_all // len(chosen), 1)
    broken = [target.name for target in chosen if not fuzz(target, seconds, keep=said.keep)]
    if broken:
        sys.stdout.write(f"broken: {', '.join(broken)}\n")
    return int(bool(broken))


def _read(arguments: Sequence[str]) -> Namespace:
    parser = ArgumentParser("python -m tests.fuzz", description="Fuzz what takes octets of strangers.")
    parser.add_argument("targets", nargs="*", metavar="target", help="all, if none is named")
    parser.add_argument("--list", action="store_true", help="list the targets and what holds for them")
    time = parser.add_mutually_exclusive_group()
    time.add_argument("--seconds", type=int, help="for each target")
    time.add_argument("--in-all", type=int, default=60, metavar="SECONDS", help="for all of them (60)")
    parser.add_argument("--keep", action="store_true", help="keep what takes new ways, minimised")
    said = parser.parse_args(arguments)
    unknown = [name for name in said.targets if name not in TARGETS]
    if unknown:
        parser.error(f"no such target: {unknown[0]}; known: {', '.join(TARGETS)}")
    return said


def fuzz(target: Target, seconds: int, *, keep: bool) -> bool:
    """
    :param keep: whether to write the corpus anew.
    :return: whether all invariants held.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs, output = folder / "inputs", folder / "output"
        inputs.mkdir()
        for data in read_corpus(target.name):
            (inputs / sha256(data).hexdigest()).write_bytes(data)
        words = folder / "words"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words), "ascii")
        options = [
            f"-max_total_time={seconds}", f"-max_len={target.longest}", f"-artifact_prefix={folder}/",
            "-print_final_stats=1", "-verbosity=0", *[f"-dict={words}"] * bool(target.words), *_BOUNDS, str(inputs),
        ]  # fmt: skip
        status = run(target.name, options, output)
        said = output.read_text("utf-8", "replace")
        sys.stdout.write(f"{target.name:16} {sum(map(int, _EXECUTED.findall(said))):9} executions\n")
        sys.stdout.flush()
        if status != 0:
            broke = [file.read_bytes() for kind in _ARTIFACTS for file in folder.glob(f"{kind}-*")]
            sys.stdout.write("\n".join([said[-5000:], *map(repr, broke), ""]))
            if keep:
                write_corpus(target.name, [*read_corpus(target.name), *broke])
            return False
        if keep:
            kept = minimised(
                list(inputs.iterdir()), folder / "control", lambda options: run(target.name, options, output)
            )
            write_corpus(target.name, (file.read_bytes() for file in kept))
        return True


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{octet:02X}" for octet in word)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
