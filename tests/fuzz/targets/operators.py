"""What comes by the operator's hand, and what visitors of the web server of policies say."""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from mailext.config.model import Configuration
from mailext.config.problems import ConfigurationError
from mailext.config.source import Source, read
from mailext.control.dispatch import Dispatcher
from mailext.control.identity_import import read_export
from mailext.control.offline import open_offline
from mailext.control.requests import RequestRefusedError
from mailext.control.server import ControlFactory
from mailext.publishing.policy_web import policy_site, within_bounds
from mailext.trust.mta_sts.policy import StsMode, StsPolicy
from tests.fuzz.target import Target, expect, pieces
from tests.support import logged

_open = ExitStack()
_MESSAGE_SIZE = 1000
_POLICIES = {"example.org": StsPolicy(StsMode.ENFORCE, 86400, ("mx.example.org",))}
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2}) ")


@cache
def _folder() -> Path:
    return Path(_open.enter_context(tempfile.TemporaryDirectory()))


@cache
def _dispatcher() -> Dispatcher:
    configuration = Configuration(
        hostname="mx.example.org", domains=("example.org",), state_dir=_folder() / "state"
    )
    return _open.enter_context(open_offline(configuration, Clock()))


def check_configuration(data: bytes) -> None:
    """A configuration file."""
    file = _folder() / "mailext.toml"
    file.write_bytes(data)
    try:
        read(Source(file))
    except ConfigurationError as error:
        expect(error.problems, "nothing is wrong with it")
        for problem in error.problems:
            expect(problem.reason, "a problem without a reason")


def check_control(data: bytes) -> None:
    """Requests on the control socket, one a line."""
    transport = StringTransport()
    protocol = ControlFactory(_dispatcher(), lambda: _MESSAGE_SIZE).buildProtocol(None)
    protocol.makeConnection(transport)
    with logged() as events:
        for piece in pieces(data[2:], data[:2]):
            protocol.dataReceived(piece)
    failures = [event["log_failure"] for event in events if "log_failure" in event]
    expect(not failures, f"an exception that nobody expected: {failures}")
    replies = [json.loads(line) for line in transport.value().splitlines()]
    expect(len(replies) == data[2:].count(b"\n"), "a request without a reply")
    for reply in replies:
        expect(set(reply) in ({"result"}, {"error"}), "neither a result nor an error")


def check_export(data: bytes) -> None:
    """What ``identity import`` is given."""
    try:
        imported = read_export(data.decode("utf-8", "surrogateescape"), ["1"])
    except RequestRefusedError:
        return
    for held in imported.identities:
        expect(held.record.account == imported.account, "an identity of another account")
        expect(re.fullmatch("[0-9a-f]{32}", held.hash), "not a hash")


def check_policy_web(data: bytes) -> None:
    """Requests to the web server of our own policies."""
    transport = StringTransport()
    clock = Clock()
    visit = within_bounds(policy_site(_POLICIES, clock), clock).buildProtocol(transport.getPeer())
    assert visit is not None
    with logged() as events:
        visit.makeConnection(transport)
        for piece in pieces(data[2:], data[:2]):
            if not transport.disconnecting:
                visit.dataReceived(piece)
    failures = [event["log_failure"] for event in events if "log_failure" in event]
    expect(not failures, f"an exception that nobody expected: {failures}")
    said = transport.value()
    expect(not said or _STATUS.match(said), "not an answer")
    expect(b"STSv1" not in said or b"mta-sts.example.org" in data.lower(), "a policy for somebody else")


TARGETS = (
    Target(
        "configuration",
        check_configuration,
        "operators: the configuration file",
        "ConfigurationError alone, and with a reason",
        (
            b"[limits]\n",
            b"[clientid.types]\n",
            b'"*" = ["authenticate"]\n',
            b"message-size = ",
            b'"50MiB"',
            b'"5m"',
            b"[listen]\n",
            b'mx = ["tcp:25"]\n',
            b"[relay.smarthost]\n",
            b'[relay.destinations."a"]\n',
            b"retry = [",
            b"= true\n",
            b"[aliases]\n",
            b'"a@b" = ["c@d"]\n',
            b"[[",
            b"hostname = ",
        ),
        600,
    ),
    Target(
        "control",
        check_control,
        "operators: requests on the control socket",
        "each request has one reply, a result or an error; no exception reaches the log",
        (
            b'{"operation": "account list"}\n',
            b'{"operation": "send", "arguments": {"recipients": ["ann@example.net"], "content": "QQ=="}}\n',
            b'{"operation": "queue show", "arguments": {"queue_id": "',
            b'"queue list"',
            b'"identity list"',
            b'"account": "ann@example.org"',
            b'"identity import", "arguments": {"content": "',
            b'"licence add"',
            b'"attack-mode set"',
            b"null",
            b"\\ud800",
            b"\n",
            b"[",
            b"1e9",
        ),
        600,
    ),
    Target(
        "identity-export",
        check_export,
        "operators: a file for identity import",
        "RequestRefusedError alone; one account, and hashes",
        (
            b'{"account":"a@b","keys":["1"],"identities":[{"hash":"',
            b"0" * 32,
            b'"firstSeen":"2024-01-01T00:00:00Z"',
            b'"protocols":["SMTP"]',
            b"null",
        ),
        900,
    ),
    Target(
        "policy-web",
        check_policy_web,
        "everybody: requests to the web server of our policies",
        "answers of HTTP, and a policy for its own domain alone",
        (
            b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n",
            b"Host: mta-sts.example.org\r\n",
            b"\r\n\r\n",
            b"POST ",
            b"Transfer-Encoding: chunked\r\n",
            b"Content-Length: ",
        ),
        500,
    ),
)
