"""``proofs``: every rule of the requirements, and the tests that prove it, by their marks."""

from __future__ import annotations

import sys
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))

from tests import requirement_ids  # noqa: E402 - found by the path above


class Proofs(SphinxDirective):
    """``.. proofs:: C`` (or ``U``, ``R``)."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        series = self.arguments[0]
        page = ROOT / "docs/reference/requirements.rst"
        self.env.note_dependency(str(page))
        rules = requirement_ids.rules(page.read_text("utf-8"))
        proofs = requirement_ids.proofs_in(ROOT / "tests")
        lines = [".. list-table::", "   :header-rows: 1", "   :widths: 8 46 46", ""]
        lines += ["   * - id", "     - rule", "     - tests"]
        for name, rule in rules.items():
            if name.startswith(series):
                lines += [f"   * - {name}", f"     - {rule}", "     - "]
                lines += [
                    f"       | ``{file}``: {', '.join(f'``{test}``' for test in tests)}"
                    for file, tests in proofs[name].items()
                ]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("proofs", Proofs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
