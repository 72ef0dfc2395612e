"""All that fuzzing has found is given to the targets again."""

from __future__ import annotations

import pytest

from tests.fuzz.corpora import FOLDER, read_corpus
from tests.fuzz.table import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_the_invariants_hold_for_all_that_was_found(name: str) -> None:
    for data in [b"", b"\0", *read_corpus(name)]:
        TARGETS[name].check(data)


def test_each_target_has_a_corpus_and_each_corpus_a_target() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(TARGETS)
