"""``hostile-vectors`` and ``fuzz-targets``: the tables of hostile input, as the tests have them."""

from __future__ import annotations

import sys
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

sys.path.append(str(Path(__file__).parents[2]))

from tests.fuzz.corpora import read_corpus
from tests.fuzz.table import TARGETS
from tests.vectors.tables import TABLES, classes


def _table(widths: str, *rows: tuple[str, ...]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for first, *others in rows:
        lines += [f"   * - {first}", *(f"     - {other}" for other in others)]
    return "\n".join(lines)


class HostileVectors(SphinxDirective):
    """``.. hostile-vectors::``"""

    def run(self) -> list[nodes.Node]:
        rows = [
            (table.peer, name or "\\", str(count), table.reached)
            for table in TABLES
            for name, count in classes(table)
        ]
        total = sum(len(table.vectors) for table in TABLES)
        head = ("who is hostile", "class", "vectors", "what is attacked")
        return self.parse_text_to_nodes(_table("22 38 8 32", head, *rows, ("all", "\\", str(total), "\\")))


class FuzzTargets(SphinxDirective):
    """``.. fuzz-targets::``"""

    def run(self) -> list[nodes.Node]:
        rows = [
            (f"``{target.name}``", target.takes, target.holds, str(len(read_corpus(target.name))))
            for target in TARGETS.values()
        ]
        head = ("target", "whose octets", "what holds", "inputs kept")
        return self.parse_text_to_nodes(_table("14 34 42 10", head, *rows))


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("hostile-vectors", HostileVectors)
    app.add_directive("fuzz-targets", FuzzTargets)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
