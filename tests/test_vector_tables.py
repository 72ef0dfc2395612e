"""The tables of vectors as a whole."""

from __future__ import annotations

from collections import Counter

from tests.vectors.model import Threat
from tests.vectors.tables import TABLES, classes


def test_each_vector_has_its_own_name_and_says_why() -> None:
    everything = [vector for table in TABLES for vector in table.vectors]
    assert [name for name, count in Counter(each.id for each in everything).items() if count > 1] == []
    assert all(each.source for each in everything)


def test_every_class_of_clients_has_its_vectors() -> None:
    assert {threat.value for threat in Threat} == {
        name for table in TABLES for name, _ in classes(table) if table.peer.startswith("clients")
    }
