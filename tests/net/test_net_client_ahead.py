"""Messages one behind the other on one connection: nothing that comes of one is the other's."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred

from mailext import MailSender, MailServer
from mailext.net.client.pool import PoolSettings
from mailext.values import Envelope, Mailbox, Recipient, TlsUse
from tests.net.world import EHLO, Script, World
from tests.support import assert_no_result

ANN = Mailbox("ann", "example.org")
BOB = Mailbox("bob", "example.org")
EVE = Mailbox("eve", "example.org")
DAN = Mailbox("dan", "example.org")
MESSAGE = b"Subject: x\r\n\r\nbody\r\n"
LARGE = b"Subject: x\r\n\r\n" + b"0123456789\r\n" * 50_000


class SlowScript(Script):
    """Takes its time for the end of its first message, and all that comes behind it."""

    _held: list[str] | None = None

    def say(self, verb: str) -> None:
        if verb == "." and self._held is None:
            self._held = []
        if self._held is None:
            super().say(verb)
        else:
            self._held.append(verb)

    def speak(self) -> None:
        """Say all that is due by now."""
        held, self._held = self._held, None
        self.say = super().say
        for verb in held:
            self.say(verb)


class Site:
    """One connection to a scripted server, and messages that wait for it."""

    def __init__(
        self, offer: bytes = EHLO + b"250 HELP\r\n", kind: type[Script] = Script, **answers: object
    ) -> None:
        self.world = World()
        self.scripts: list[Script] = []

        def build() -> Script:
            self.scripts.append(kind({"EHLO": offer, **answers}))
            return self.scripts[-1]

        self.world.servers["mx.example.org"] = build
        self.sender = MailSender(
            MailServer("mx.example.org", use=TlsUse.NEVER),
            self.world.clock,
            "client.example.org",
            dial=self.world.dial,
            pool=PoolSettings(concurrency=1),
        )

    def send(self, *recipients: Mailbox, message: object = MESSAGE) -> Deferred:
        return self.sender.send(Envelope(ANN, tuple(map(Recipient, recipients))), message)

    @property
    def script(self) -> Script:
        """The server that was connected to last."""
        return self.scripts[-1]


def codes(outcomes: dict) -> list[int]:
    return [outcome.code for outcome in outcomes.values()]


def test_many_messages_over_one_connection() -> None:
    site = Site()
    sent = [site.send(BOB, EVE) for _ in range(50)]
    for each in sent:
        assert codes(site.world.result(each)) == [250, 250]
    assert len(site.world.links) == 1
    assert site.script.messages == [MESSAGE] * 50


def test_large_ones_too() -> None:
    site = Site()
    sent = [site.send(BOB, message=LARGE) for _ in range(3)]
    for each in sent:
        assert codes(site.world.result(each)) == [250]
    assert site.script.messages == [LARGE] * 3


def test_the_next_envelope_is_said_before_the_end_is_answered() -> None:
    site = Site(kind=SlowScript)
    first, second = site.send(BOB), site.send(EVE)
    site.world.pump()
    assert [line.split()[0] for line in site.script.heard][-3:] == [b"MAIL", b"RCPT", b"DATA"]
    assert site.script.heard[-2] == b"RCPT TO:<eve@example.org>"
    assert len(site.script.messages) == 1
    assert_no_result(first)
    assert_no_result(second)
    site.script.speak()
    assert codes(site.world.result(first)) == codes(site.world.result(second)) == [250]
    assert site.script.messages == [MESSAGE] * 2


def test_a_cut_leaves_the_first_in_doubt_alone() -> None:
    site = Site(kind=SlowScript)
    first, second = site.send(BOB), site.send(EVE)
    site.world.pump()
    site.world.links[0].cut()
    assert site.world.result(first)[BOB].in_doubt
    outcome = site.world.result(second)[EVE]
    assert (outcome.code, outcome.in_doubt) == (451, False)


def test_who_gives_up_behind_another_waits_for_it() -> None:
    site = Site(kind=SlowScript)
    first, second = site.send(BOB), site.send(EVE)
    third = site.send(DAN)
    site.world.pump()
    second.cancel()
    assert isinstance(site.world.raised(second), CancelledError)
    assert not site.world.links[0].client.gone
    site.script.speak()
    assert codes(site.world.result(first)) == [250]
    # The one that was given up is cut off; the third has a connection of its own.
    site.world.pump()
    assert site.world.links[0].client.gone
    site.script.speak()
    assert codes(site.world.result(third)) == [250]
    assert [len(script.messages) for script in site.scripts] == [1, 1]


def test_the_first_is_given_up() -> None:
    site = Site(kind=SlowScript)
    first, second = site.send(BOB), site.send(EVE)
    site.world.pump()
    first.cancel()
    assert isinstance(site.world.raised(first), CancelledError)
    assert site.world.result(second)[EVE].code == 451
    assert site.world.links[0].client.gone


def test_the_end_is_never_answered() -> None:
    site = Site(kind=SlowScript)
    first, second = site.send(BOB), site.send(EVE)
    site.world.pump()
    site.world.advance(599)
    assert_no_result(first)
    site.world.advance(1)
    assert site.world.result(first)[BOB].in_doubt
    assert site.world.result(second)[EVE].code == 451


def test_a_server_without_room_on_this_connection() -> None:
    site = Site(EHLO + b"250 LIMITS MAILMAX=2\r\n")
    sent = [site.send(BOB) for _ in range(5)]
    for each in sent:
        assert codes(site.world.result(each)) == [250]
    assert [len(script.messages) for script in site.scripts] == [2, 2, 1]


# Recipients in several transactions


@pytest.mark.parametrize("pieces", [MESSAGE, [MESSAGE[:5], MESSAGE[5:]]])
def test_more_recipients_than_the_server_takes(pieces: object) -> None:
    site = Site(EHLO + b"250 LIMITS RCPTMAX=2\r\n")
    everybody = [Mailbox(f"u{number}", "example.org") for number in range(5)]
    outcomes = site.world.result(site.send(*everybody, message=pieces))
    assert list(outcomes) == everybody
    assert codes(outcomes) == [250] * 5
    assert site.script.messages == [MESSAGE] * 3


def test_a_server_that_says_so_when_it_is_asked() -> None:
    many = b"452 4.5.3 Too many recipients\r\n"
    site = Site(RCPT=[b"250 2.1.5 OK\r\n", many, b"250 2.1.5 OK\r\n"])
    assert codes(site.world.result(site.send(BOB, EVE))) == [250, 250]
    assert len(site.script.messages) == 2


def test_a_server_that_takes_nobody_is_not_asked_again() -> None:
    site = Site(RCPT=b"452 4.5.3 Too many recipients\r\n", DATA=b"554 5.5.1 Nobody\r\n")
    assert codes(site.world.result(site.send(BOB, EVE))) == [452, 452]
    assert site.script.heard.count(b"DATA") == 1


def test_what_can_be_read_once_is_sent_once() -> None:
    site = Site(EHLO + b"250 LIMITS RCPTMAX=1\r\n")
    outcomes = site.world.result(site.send(BOB, EVE, message=iter([MESSAGE])))
    assert codes(outcomes) == [250, 452]
    assert outcomes[EVE].enhanced == "4.5.3"


def test_the_server_is_gone_when_it_is_asked_again() -> None:
    site = Site(EHLO + b"250 LIMITS RCPTDOMAINMAX=1\r\n")
    elsewhere = Mailbox("bob", "example.net")
    sending = site.send(BOB, elsewhere)
    del site.world.servers["mx.example.org"]
    outcomes = site.world.result(sending)
    assert (outcomes[BOB].code, outcomes[elsewhere].enhanced) == (250, "4.4.1")
