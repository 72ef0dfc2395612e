"""
Coverage-guided fuzzing of every entry point that takes octets of strangers:
``python -m tests.fuzz``.

A *target* is a function of octets that raises where an invariant of the entry
point does not hold. The invariants say more than that nothing crashes: which
exceptions are documented, what comes back when a value is written and read
again, that what is said is bounded and well-formed, and that it makes no
difference where the octets were cut.

Atheris looks for octets that take new ways through the code. What it has found
is kept, minimised, in ``corpora/``, one line an input, in Python's escapes.
Every test run gives all of it to the targets again, without Atheris.
"""
