"""
``mailext``: the operator's commands.

Theory of the room: :mod:`mailext.cli.main` reads the command line and maps
whatever goes wrong to an exit status: 0, 1 for what was refused or failed, 2
for usage and configuration. A command is a function in a file of its own
subject, whose ``add_to`` says what may be given (:mod:`mailext.cli.grammar`).
Only the file of the command that was given is loaded: a program that sends its
mail by ``mailext send`` waits for it each time. The command asks
(:mod:`mailext.cli.asking`) a running server through its control socket, or the
state directory itself, and hands what it found to an output
(:mod:`mailext.cli.output`): tables for people, JSON for programs.
"""

from mailext.cli.main import main

__all__ = ["main"]
