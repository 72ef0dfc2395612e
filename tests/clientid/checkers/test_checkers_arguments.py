"""What an operator can say wrong, and the contract of every built-in checker."""

from __future__ import annotations

import pytest
from twisted.plugins import mailext_plugins
from zope.interface.verify import verifyObject

from mailext.interfaces import IClientIdentityCheckerFactory
from mailext.plugins import PluginError, make_checker
from mailext.testing import CheckerContract, FakeServices
from mailext.values import ClientIdentity

STRINGS = [
    "allowlist:unlisted=refuse",
    "attack-mode:begins=1/1m:goes-on=1:scope=global,listener,account,network",
    "bruteforce:identity=1/1m",
    "licence",
    "mac",
    "rate:identity=1/1m:account-sessions=1:address-sessions=1",
    "shared:alert=1:refuse=1",
    "types:refuse=UUID:absent=refuse",
    "velocity",
]


@pytest.mark.parametrize("mode", ["observe", "enforce"])
@pytest.mark.parametrize("string", STRINGS)
def test_every_checker_keeps_the_contract(string: str, mode: str) -> None:
    name, _, arguments = string.partition(":")

    class Contract(CheckerContract):
        def make_checker(self, services):
            return make_checker(f"{name}:mode={mode}" + (f":{arguments}" if arguments else ""), services)

        def make_identities(self):
            return [
                ClientIdentity("MAC", "02:00:00:00:00:01"),
                ClientIdentity("UUID", "The-Token-0123"),
                None,
            ]

    contract = Contract()
    for each in dir(Contract):
        if each.startswith("test_"):
            getattr(contract, each)()


@pytest.mark.parametrize(
    ("string", "reason"),
    [
        ("history:mode=strict", "history: there is no mode 'strict'; there are: observe, enforce"),
        ("history:mod=observe", "history: unknown argument 'mod'; known: absent, devices, mode, new"),
        ("history:observe", "history: expected key=value, got 'observe'"),
        ("history:mode=observe,observe", "history: argument 'mode' takes one value, not 2"),
        ("history:devices=2", "history: devices belongs to new=enrol"),
        ("history:new=enrol:devices=0", "history: devices: not a number from 1 on: '0'"),
        ("history:new=enrol:devices=\u0661", "history: devices: not a number from 1 on: "),
        ("types", "types: it needs accept, refuse or absent=refuse"),
        ("types:accept=mac:refuse=MAC", "types: both accepted and refused: MAC"),
        ("choose", "choose: it needs then or otherwise"),
        (r"choose:then=histroy", "choose: then: there is no 'histroy'; known: "),
        (r"choose:otherwise=mac\:x=y", "choose: otherwise: mac: unknown argument 'x'; known: mode, vendors"),
        ("shared:alert=6", "shared: it would refuse before it alerts: alert is greater than refuse"),
        ("shared:exempt-networks=here", "shared: exempt-networks: 'here' does not appear to be an IPv4"),
        (
            "rate:identity=10",
            "rate: identity: a number from 1 on, / and a duration, as in \"10/15m\", not '10'",
        ),
        ("rate:identity=0/1m", "rate: identity: a number from 1 on, / and a duration"),
        ("rate:identity=5/0s", "rate: identity: a duration of nothing"),
        ("rate:identity=5/soon", "rate: identity: not a duration: a number and one of ms, s, m, h, d"),
        ("bruteforce:address=none", "bruteforce: address: a number from 1 on, / and a duration"),
        (
            "attack-mode:begins=5/1m:goes-on=6",
            "attack-mode: it would end before it begins: goes-on is greater",
        ),
        ("attack-mode:scope=planet", "attack-mode: there is no scope 'planet'; there are: global, listener,"),
        ("mac:vendors=/none", "mac: /none: No such file or directory"),
        ("velocity:window=0s", "velocity: window: a duration of nothing"),
    ],
)
def test_argument_errors_are_readable(string: str, reason: str) -> None:
    with pytest.raises(PluginError) as refusal:
        make_checker(string, FakeServices())
    assert str(refusal.value).startswith(reason)


def test_the_factories() -> None:
    factories = [
        each for each in vars(mailext_plugins).values() if IClientIdentityCheckerFactory.providedBy(each)
    ]
    assert len(factories) == 11
    for factory in factories:
        assert verifyObject(IClientIdentityCheckerFactory, factory)
