"""
Any order of commands, against a second account of what a session remembers:
plain facts in place of states.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mailext.values import ClientIdentity
from mailext.wire.limits import SessionLimits
from mailext.wire.states import State
from tests.vectors.auth import GOOD, WRONG
from tests.vectors.model import Listener
from tests.wire.driver import Owner, owner_of, run


@dataclass
class Facts:
    """What the server must know of a client."""

    tls: bool
    greeted: bool = False
    has_said_ehlo: bool = False
    authenticated: bool = False
    auth_seen: bool = False
    identity: ClientIdentity | None = None
    sender: bool = False
    recipients: int = 0
    chunks: bool = False

    def end_transaction(self) -> None:
        self.sender = self.chunks = False
        self.recipients = 0


class AnyOrder(RuleBasedStateMachine):
    owner: Owner
    facts: Facts

    @initialize(listener=st.sampled_from([Listener.CLEAR, Listener.TLS]))
    def connect(self, listener: Listener) -> None:
        self.owner = owner_of(listener)
        plenty = SessionLimits(commands=10**6, errors=10**6, junk_commands=10**6, recipients=3)
        self.owner.session.offer = replace(self.owner.session.offer, limits=plenty)
        self.facts = Facts(tls=listener is Listener.TLS)

    def said(self, line: bytes) -> str:
        self.owner.sent = b""
        (reply,) = run(self.owner, [[line]]).replies
        return reply[:3]

    @rule(verb=st.sampled_from([b"EHLO", b"HELO"]), good=st.booleans())
    def greet(self, verb: bytes, good: bool) -> None:
        code = self.said(verb + (b" client.example\r\n" if good else b"\r\n"))
        assert code == ("250" if good else "501")
        if good:
            self.facts.end_transaction()
            self.facts.greeted = True
            self.facts.has_said_ehlo |= verb == b"EHLO"

    @rule()
    def reset(self) -> None:
        assert self.said(b"RSET\r\n") == "250"
        self.facts.end_transaction()

    @rule(requiretls=st.booleans())
    def mail(self, requiretls: bool) -> None:
        code = self.said(b"MAIL FROM:<a@b> REQUIRETLS\r\n" if requiretls else b"MAIL FROM:<>\r\n")
        if not self.facts.greeted or self.facts.sender:
            assert code == "503"
        elif requiretls and not self.facts.tls:
            assert code == "523"
        else:
            assert code == "250"
            self.facts.sender = True

    @rule(known=st.booleans())
    def rcpt(self, known: bool) -> None:
        code = self.said(b"RCPT TO:<%s@example.org>\r\n" % (b"ann" if known else b"nobody"))
        if not self.facts.sender or self.facts.chunks:
            assert code == "503"
        elif self.facts.recipients == 3:
            assert code == "452"
        elif not known:
            assert code == "550"
        else:
            assert code == "250"
            self.facts.recipients += 1

    @rule(bare=st.booleans())
    def data(self, bare: bool) -> None:
        code = self.said(b"DATA\r\n")
        if not self.facts.recipients or self.facts.chunks:
            assert code == "503"
            return
        assert code == "354"
        assert self.said(b"a\nb\r\n.\r\n" if bare else b"a\r\n.\r\n") == ("550" if bare else "250")
        self.facts.end_transaction()

    @rule(last=st.booleans())
    def chunk(self, last: bool) -> None:
        code = self.said(b"BDAT 6%s\r\nRSET\r\n" % (b" LAST" if last else b""))
        if not self.facts.recipients:
            assert code == "503"
            return
        assert code == "250"
        self.facts.chunks = True
        if last:
            self.facts.end_transaction()

    @rule(malformed=st.booleans())
    def clientid(self, malformed: bool) -> None:
        facts = self.facts
        code = self.said(b"CLIENTID UUID%s\r\n" % (b"" if malformed else b" x"))
        if not facts.tls:
            assert code == "500"
        elif not facts.has_said_ehlo or facts.auth_seen or facts.identity or facts.sender:
            assert code == "503"
        elif malformed:
            assert code == "501"
        else:
            assert code == "250"
            facts.identity = ClientIdentity("UUID", "x")

    @precondition(lambda self: self.owner._failures < 2)
    @rule(argument=st.sampled_from([b"", b" FOO", b" PLAIN !", b" PLAIN " + GOOD, b" PLAIN " + WRONG]))
    def auth(self, argument: bytes) -> None:
        facts = self.facts
        code = self.said(b"AUTH%s\r\n" % argument)
        facts.auth_seen = True
        if not facts.greeted or facts.sender or facts.authenticated:
            assert code == "503"
        elif not facts.tls:
            assert code == "538"
        elif argument.endswith(GOOD):
            assert code == "235"
            facts.authenticated = True
        else:
            assert code == {b"": "501", b" FOO": "504", b" PLAIN !": "501"}.get(argument, "535")

    @rule()
    def starttls(self) -> None:
        code = self.said(b"STARTTLS\r\n")
        if not self.facts.greeted or self.facts.tls or self.facts.chunks:
            assert code == "503"
            return
        assert code == "220"
        self.owner.session.tls_established()
        self.facts = Facts(tls=True)

    @rule(
        line=st.sampled_from(
            [b"NOOP\r\n", b"HELP\r\n", b"VRFY a\r\n", b"FOO\r\n", b"RSET x\r\n", b"QUIT x\r\n", b"\xff\r\n"]
        )
    )
    def anything_else(self, line: bytes) -> None:
        assert self.said(line) in {"250", "214", "252", "500", "501"}

    @invariant()
    def nothing_else_is_remembered(self) -> None:
        session, facts = self.owner.session, self.facts
        assert session.identity == facts.identity
        assert session.authenticated == facts.authenticated
        assert (session.state is State.START) == (not facts.greeted)
        assert (session.state is State.CHUNKS) == facts.chunks
        assert session.offer.tls == facts.tls


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
