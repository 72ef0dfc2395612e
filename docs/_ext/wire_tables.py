"""
The wire as its own tables tell it: ``session-states`` draws the state machine,
``extension-table`` lists the extensions.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.ext.graphviz import graphviz
from sphinx.util.docutils import SphinxDirective

from mailext.values import Protocol
from mailext.wire import client_states
from mailext.wire.client_states import ClientState
from mailext.wire.extensions import EXTENSIONS, Offer, advertised
from mailext.wire.states import COMMANDS, COMPLETIONS, TRANSACTION, TRANSITIONS, State


def dot(protocol: Protocol) -> str:
    """
    :return: the diagram in graphviz's language. Commands that leave a state
        as it is stand within its box, below its name; a dashed line is an end
        that comes without a command.
    """
    commands = set(COMMANDS[protocol].values())
    lines = [
        "digraph session {",
        'rankdir="TB"; node [shape="box", style="rounded", fontsize="11"]; edge [fontsize="10"];',
    ]
    for state in State:
        stays = [c.value for c, to in TRANSITIONS[state].items() if to is state and c in commands]
        colour = ', style="rounded,filled", fillcolor="#eeeeee"' if state in TRANSACTION else ""
        label = r"\n".join([state.value, " ".join(stays)] if stays else [state.value])
        lines.append(f'{state.name} [label="{label}"{colour}];')
    for state, moves in TRANSITIONS.items():
        labels: dict[State, list[str]] = defaultdict(list)
        for command, to in moves.items():
            if to is not state and command in commands:
                labels[to].append(command.value)
        lines += [f'{state.name} -> {to.name} [label="{", ".join(verbs)}"];' for to, verbs in labels.items()]
    lines += [f'{state.name} -> {to.name} [style="dashed"];' for state, to in COMPLETIONS.items()]
    return "\n".join([*lines, "}"])


def client_dot() -> str:
    """
    :return: the diagram of the client's session. A solid line is a command, a
        dashed one a success, a dotted one a refusal.
    """
    lines = [
        "digraph client {",
        'rankdir="TB"; node [shape="box", style="rounded", fontsize="11"]; edge [fontsize="10"];',
        *(f'{state.name} [label="{state.value}"];' for state in ClientState),
    ]
    for state, moves in client_states.TRANSITIONS.items():
        labels: dict[ClientState, list[str]] = defaultdict(list)
        for command, to in moves.items():
            labels[to].append(command.value)
        lines += [f'{state.name} -> {to.name} [label="{", ".join(verbs)}"];' for to, verbs in labels.items()]
    for state, (success, refusal) in client_states.SETTLEMENTS.items():
        lines.append(f'{state.name} -> {success.name} [style="dashed"];')
        if refusal is not success:
            lines.append(f'{state.name} -> {refusal.name} [style="dotted"];')
    return "\n".join([*lines, "}"])


class ClientStates(SphinxDirective):
    """``.. client-states::``."""

    def run(self) -> list[nodes.Node]:
        diagram = graphviz(code=client_dot(), options={})
        diagram["alt"] = "The states of a client's session"
        self.set_source_info(diagram)
        return [diagram]


class SessionStates(SphinxDirective):
    """``.. session-states:: esmtp`` (or ``lmtp``)."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        protocol = Protocol(self.arguments[0])
        diagram = graphviz(code=dot(protocol), options={})
        diagram["alt"] = f"The states of a session of {protocol.value.upper()}"
        self.set_source_info(diagram)
        return [diagram]


class ExtensionTable(SphinxDirective):
    """``.. extension-table::``."""

    def run(self) -> list[nodes.Node]:
        everything = Offer(starttls=True, mechanisms=("PLAIN", "LOGIN"), clientid=True, dsn=True)
        in_clear, under_tls = advertised(everything), advertised(replace(everything, tls=True))
        lines = [".. list-table::", "   :header-rows: 1", ""]
        header = ("keyword", "in clear", "under TLS", "of MAIL", "of RCPT", "section")
        rows = [
            (
                f"``{each.keyword}``",
                "yes" if each.keyword in in_clear else "no",
                "yes" if each.keyword in under_tls else "no",
                ", ".join(f"``{name}``" for name in each.mail),
                ", ".join(f"``{name}``" for name in each.rcpt),
                each.section,
            )
            for each in EXTENSIONS
        ]
        for first, *others in (header, *rows):
            lines += [f"   * - {first}", *(f"     - {cell}" for cell in others)]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("extension-table", ExtensionTable)
    app.add_directive("session-states", SessionStates)
    app.add_directive("client-states", ClientStates)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
