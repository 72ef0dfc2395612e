"""The table of targets."""

from __future__ import annotations

from tests.fuzz.target import Target
from tests.fuzz.targets import logins, mailboxes, names, operators, reports, servers, sessions

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        *sessions.TARGETS,
        *logins.TARGETS,
        *mailboxes.TARGETS,
        *servers.TARGETS,
        *names.TARGETS,
        *reports.TARGETS,
        *operators.TARGETS,
    )
}
