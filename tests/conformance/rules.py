"""The rules that can be seen from outside, each an examination."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from tests.conformance.session import NoReplyError, Reply, Server, Session


class Finding(Enum):
    """What an examination has found."""

    KEPT = "kept"
    BROKEN = "BROKEN"
    NOT_SEEN = "not seen"


class BrokenError(Exception):
    """The rule is broken; says how."""


class NotSeenError(Exception):
    """The server gives no occasion to see it; says why."""


@dataclass(frozen=True)
class Examination:
    """
    :param requirement: the id of the rule.
    :param title: what is examined, in words.
    """

    requirement: str
    title: str
    examine: Callable[[Server], None]

    def run(self, server: Server) -> tuple[Finding, str]:
        """:return: what was found, and why."""
        try:
            self.examine(server)
        except NotSeenError as reason:
            return Finding.NOT_SEEN, str(reason)
        except (BrokenError, NoReplyError) as reason:
            return Finding.BROKEN, str(reason)
        return Finding.KEPT, ""


_EXAMINATIONS: list[Examination] = []


def examinations() -> tuple[Examination, ...]:
    """All of them, in their order."""
    return tuple(_EXAMINATIONS)


def _rule(requirement: str, title: str) -> Callable[[Callable[[Server], None]], Callable[[Server], None]]:
    def add(examine: Callable[[Server], None]) -> Callable[[Server], None]:
        _EXAMINATIONS.append(Examination(requirement, title, examine))
        return examine

    return add


def _expect(reply: Reply, code: int, what: str, enhanced: str = "") -> None:
    said = reply.lines[-1].partition(" ")[0]
    if reply.code != code or (enhanced and said != enhanced):
        wanted = f"{code} {enhanced}".strip()
        raise BrokenError(f"{what}: {reply}, and not {wanted}")


def _expect_taken(reply: Reply) -> None:
    if reply.code == 530:
        raise NotSeenError("the server wants a login")
    _expect(reply, 250, "MAIL")


@contextmanager
def _in_clear(server: Server) -> Iterator[tuple[Session, dict[str, str]]]:
    if server.implicit:
        raise NotSeenError("there is no session in clear")
    with Session(server) as session:
        yield session, session.hello()


@contextmanager
def _with(server: Server, keyword: str) -> Iterator[Session]:
    """Under TLS, EHLO said, at a server that has it."""
    with Session(server).secured() as session:
        if keyword not in session.hello():
            raise NotSeenError(f"{keyword} is not offered")
        yield session


@contextmanager
def _able_to_mail(server: Server) -> Iterator[Session]:
    with _with(server, "REQUIRETLS") as session:
        if server.login is not None:
            octets = "\0".join(("", *server.login)).encode()
            reply = session.ask("AUTH PLAIN " + base64.b64encode(octets).decode())
            if reply.code != 235:
                raise NotSeenError(f"the login is answered {reply}")
        yield session


# REQUIRETLS


@_rule("R1", "REQUIRETLS is not offered in clear")
def _(server: Server) -> None:
    with _in_clear(server) as (_, keywords):
        if "REQUIRETLS" in keywords:
            raise BrokenError("it is")


@_rule("R1", "REQUIRETLS is offered under TLS, without parameters")
def _(server: Server) -> None:
    with Session(server).secured() as session:
        keywords = session.hello()
    if "REQUIRETLS" not in keywords:
        raise NotSeenError("REQUIRETLS is not offered")
    if keywords["REQUIRETLS"]:
        raise BrokenError(f"with {keywords['REQUIRETLS']!r}")


@_rule("R2", "the parameter is taken")
def _(server: Server) -> None:
    with _able_to_mail(server) as session:
        _expect_taken(session.ask(f"MAIL FROM:<{server.sender}> REQUIRETLS"))


@_rule("R2", "in any case")
def _(server: Server) -> None:
    with _able_to_mail(server) as session:
        _expect_taken(session.ask(f"MAIL FROM:<{server.sender}> RequireTLS"))


@_rule("R2", "the MAIL line grows by 11 octets")
def _(server: Server) -> None:
    with _able_to_mail(server) as session:
        # RFC 5321 section 4.5.3.1.4: 512 with CRLF; a refusal may be of
        # the sender, but not of the length.
        path = f"{'l' * 64}@{'.'.join(['d' * 60] * 6)}"
        line = f"MAIL FROM:<{path}"
        line += "x" * (510 - len(line) - 1) + "> REQUIRETLS"
        with_it = session.ask(line)
        session.ask("RSET")
        without = session.ask(line.removesuffix(" REQUIRETLS"))
    if str(with_it) != str(without):
        raise BrokenError(f"with it {with_it}, without {without}")


@_rule("R3", "the parameter in clear")
def _(server: Server) -> None:
    with _with(server, "REQUIRETLS"), _in_clear(server) as (session, _):
        reply = session.ask(f"MAIL FROM:<{server.sender}> REQUIRETLS")
        _expect(reply, 523, "MAIL", "5.7.10")


@_rule("R3", "the parameter in clear, with a value")
def _(server: Server) -> None:
    with _with(server, "REQUIRETLS"), _in_clear(server) as (session, _):
        reply = session.ask(f"MAIL FROM:<{server.sender}> REQUIRETLS=yes")
        _expect(reply, 523, "MAIL", "5.7.10")


@_rule("R3", "the parameter with a value, under TLS")
def _(server: Server) -> None:
    with _able_to_mail(server) as session:
        _expect(session.ask(f"MAIL FROM:<{server.sender}> REQUIRETLS=yes"), 501, "MAIL", "5.5.4")


@_rule("R3", "the parameter twice")
def _(server: Server) -> None:
    with _able_to_mail(server) as session:
        reply = session.ask(f"MAIL FROM:<{server.sender}> REQUIRETLS REQUIRETLS")
        _expect(reply, 501, "MAIL", "5.5.4")


# CLIENTID


@_rule("C1", "CLIENTID is offered without parameters")
def _(server: Server) -> None:
    with Session(server).secured() as session:
        keywords = session.hello()
    if "CLIENTID" not in keywords:
        raise NotSeenError("CLIENTID is not offered")
    if keywords["CLIENTID"]:
        raise BrokenError(f"with {keywords['CLIENTID']!r}")


@_rule("C2", "where it is not offered it is not taken")
def _(server: Server) -> None:
    with Session(server).secured() as session:
        if "CLIENTID" in session.hello():
            raise NotSeenError("it is offered")
        reply = session.ask("CLIENTID UUID x")
    if reply.code < 500:
        raise BrokenError(str(reply))


@_rule("C3", "CLIENTID is not offered in clear")
def _(server: Server) -> None:
    with _in_clear(server) as (_, keywords):
        if "CLIENTID" in keywords:
            raise BrokenError("it is")


@_rule("C4", "every EHLO reply under TLS offers it")
def _(server: Server) -> None:
    with _with(server, "CLIENTID") as session:
        session.ask("CLIENTID UUID x")
        if "CLIENTID" not in session.hello():
            raise BrokenError("not behind CLIENTID")
        session.ask("AUTH X-NONE")
        if "CLIENTID" not in session.hello():
            raise BrokenError("not behind AUTH")


def _told(server: Server, *lines: str | bytes) -> Reply:
    with _with(server, "CLIENTID") as session:
        reply = [session.ask(line) for line in lines][-1]
        if session.ask("NOOP").code != 250:
            raise BrokenError("the session does not go on")
        return reply


@_rule("C5", "a type of 1 to 16 letters, digits and hyphens")
def _(server: Server) -> None:
    for name in ("A", "a-Z-09", "T" * 16):
        _expect(_told(server, f"CLIENTID {name} x"), 250, f"a type of {len(name)}")


@_rule("C5", "no other type")
def _(server: Server) -> None:
    for name in ("T" * 17, "DEVICE_ID", "a.b"):
        _expect(_told(server, f"CLIENTID {name} x"), 501, f"the type {name}")


@_rule("C6", "a token of 1 to 128 printable characters")
def _(server: Server) -> None:
    for token in ("!", "~" * 128):
        _expect(_told(server, f"CLIENTID UUID {token}"), 250, f"a token of {len(token)}")


@_rule("C6", "no other token")
def _(server: Server) -> None:
    for token in (b"x" * 129, b"a b", b"a\x7f", b"\xc3\xa9"):
        _expect(_told(server, b"CLIENTID UUID " + token), 501, f"the token {token[:9]!r}")


@_rule("C7", "CLIENTID in clear")
def _(server: Server) -> None:
    with _with(server, "CLIENTID"), _in_clear(server) as (session, _):
        _expect(session.ask("CLIENTID UUID x"), 500, "CLIENTID")


@_rule("C8", "CLIENTID before it was offered")
def _(server: Server) -> None:
    with _with(server, "CLIENTID"):
        pass
    with Session(server).secured() as session:
        reply = session.ask("CLIENTID UUID x")
    if reply.code < 500:
        raise BrokenError(str(reply))


@_rule("C9", "what is malformed")
def _(server: Server) -> None:
    for line in ("CLIENTID", "CLIENTID UUID", "CLIENTID UUID x y"):
        _expect(_told(server, line), 501, line)


@_rule("C9", "and may be said again, rightly")
def _(server: Server) -> None:
    _expect(_told(server, "CLIENTID UUID", "CLIENTID UUID x"), 250, "the second CLIENTID")


@_rule("C10", "a second one")
def _(server: Server) -> None:
    _expect(_told(server, "CLIENTID UUID x", "CLIENTID UUID y"), 503, "the second CLIENTID")


@_rule("C11", "CLIENTID behind AUTH, whatever became of that")
def _(server: Server) -> None:
    for auth in ("AUTH X-NONE", "AUTH"):
        _expect(_told(server, auth, "CLIENTID UUID x"), 503, f"CLIENTID behind {auth}")


@_rule("C12", "STARTTLS begins anew")
def _(server: Server) -> None:
    with _with(server, "CLIENTID"), _in_clear(server) as (session, _):
        session.ask("CLIENTID UUID x")
        session.secured()
        session.hello()
        _expect(session.ask("CLIENTID UUID x"), 250, "CLIENTID under TLS")
