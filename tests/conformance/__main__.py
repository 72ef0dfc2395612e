"""The command."""

from __future__ import annotations

import json
import ssl
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.rules import Finding, examinations
from tests.conformance.session import Server

_UNREACHABLE = 2


def main(arguments: Sequence[str]) -> int:
    """
    :return: 0 if no rule is broken, 1 if one is, 2 if the server cannot be
        examined.
    """
    server, as_json = _read(arguments)
    try:
        found = [(each, *each.run(server)) for each in examinations()]
    except OSError as error:
        sys.stderr.write(f"{server.host}:{server.port} cannot be examined: {error}\n")
        return _UNREACHABLE
    if as_json:
        rows = [
            {
                "rule": each.requirement,
                "title": each.title,
                "finding": finding.value.lower(),
                "reason": reason,
            }
            for each, finding, reason in found
        ]
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        for each, finding, reason in found:
            why = f": {reason}" if reason else ""
            sys.stdout.write(f"{each.requirement:4} {finding.value:9} {each.title}{why}\n")
    return int(any(finding is Finding.BROKEN for _, finding, _ in found))


def _read(arguments: Sequence[str]) -> tuple[Server, bool]:
    parser = ArgumentParser(
        "python -m tests.conformance",
        description="Examine whether a server keeps the rules of CLIENTID and REQUIRETLS. No mail is sent.",
    )
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--starttls", action="store_true", help="TLS begins by STARTTLS (the default)")
    begin.add_argument("--implicit", action="store_true", help="TLS begins with the connection")
    parser.add_argument("--ca", metavar="FILE", help="verify the certificate by these authorities")
    parser.add_argument("--sender", default="conformance@example.org", help="the reverse-path")
    parser.add_argument("--user", help="log in where a rule of REQUIRETLS wants MAIL under TLS")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="its first line is the password")
    parser.add_argument("--json", action="store_true", help="print JSON")
    said = parser.parse_args(arguments)
    if bool(said.user) != bool(said.password_file):
        parser.error("--user and --password-file belong together")
    context = ssl.create_default_context(cafile=said.ca)
    if said.ca is None:
        # It is the server's manners that are examined.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    login = None
    if said.user:
        login = said.user, said.password_file.read_text("utf-8").partition("\n")[0]
    return Server(said.host, said.port, said.implicit, context, said.sender, login), said.json


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
