"""``mailext identity``."""

from __future__ import annotations

from argparse import Namespace
from typing import cast

from mailext.cli.asking import ask
from mailext.cli.output import Output, Sheet
from mailext.config.model import Configuration
from mailext.control.identities import IdentityJson
from mailext.control.requests import ListIdentities

__all__ = ["list_all"]


def list_all(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``identity list [ADDRESS]``."""
    identities = cast("list[IdentityJson]", ask(configuration, ListIdentities(arguments.address)))
    rows = [
        [
            each["id"],
            each["account"],
            each["type"],
            each["label"],
            each["status"],
            each["firstSeen"],
            each["lastSeen"],
            str(each["count"]),
        ]
        for each in identities
    ]
    columns = ["id", "account", "type", "label", "status", "first seen", "last seen", "count"]
    output.show(identities, Sheet(columns, rows, "no identities"))
    return 0
