"""
Thousands of devices behind one address, an attacker among them: the case for
which an address is no measure (draft-storey-smtp-client-id-13 section 6.2).
"""

from __future__ import annotations

import smtplib
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from statistics import quantiles
from threading import Event

import pytest

from mailext.storage.store import open_store_offline
from mailext.values import ClientIdentity
from tests.clientid_use.conftest import MakeSite
from tests.clientid_use.devices import Site, send, token_of
from tests.support import success_result_of

_MEMBERS = 40
_DEVICES_EACH = 50
_CLIENTS_AT_A_TIME = 8
_ATTACKERS = 4
_EVERY = 20


def member(number: int) -> str:
    return f"member{number}"


def device(owner: int, number: int) -> str:
    return f"device-{owner}-{number}"


def long_known(state: Path) -> None:
    """Every member has an account, and has logged in with each of its devices."""
    store = open_store_offline(state)
    password_hash = success_result_of(store.accounts.get_hash("ann@example.org"))
    for owner in range(_MEMBERS):
        account = f"{member(owner)}@example.org"
        success_result_of(store.accounts.add(account, password_hash))
        for number in range(_DEVICES_EACH):
            identity = ClientIdentity("UUID", token_of(device(owner, number)))
            success_result_of(store.identities.record(account, identity, time.time()))
    success_result_of(store.close())


def guess(mail: Site, over: Event, numbers: count[int]) -> Counter[int]:
    """Try passwords at the accounts of some, each time with another forged identity, until it is over."""
    replies: Counter[int] = Counter()
    while not over.is_set():
        number = next(numbers)
        client = mail.connect()
        try:
            mail.present(client, f"forged-{number}")
            mail.log_in(client, member(number % 5), f"guess{number}")
            replies[235] += 1
        except smtplib.SMTPAuthenticationError as refusal:
            replies[refusal.smtp_code] += 1
        finally:
            client.close()
    return replies


@pytest.mark.requirement("U6", "U7", "U9", "U10")
def test_an_attack_behind_a_shared_address_disturbs_no_device_that_is_known(
    site: MakeSite, record_property: Callable[[str, object], None]
) -> None:
    """
    Forty members with fifty devices each share an address with somebody who
    guesses passwords, under forged identities, at five of their accounts.
    """
    mail = site(
        "bruteforce:mode=enforce:address=20/1h:account=20/1h",
        "attack-mode:mode=enforce:begins=20/1m:goes-on=5",
        "rate:mode=enforce:identity=10/1h:account=10/1h:identity-sessions=2",
        more="[limits]\nconnections-per-address = 1000",
        prepare=long_known,
    )

    def use(number: int) -> tuple[int, float]:
        # Every member in turn, those under attack among them.
        each, owner = divmod(number, _MEMBERS)
        began = time.monotonic()
        client = mail.connect()
        mail.present(client, device(owner, each))
        try:
            mail.log_in(client, member(owner))
        except smtplib.SMTPAuthenticationError as refusal:
            return refusal.smtp_code, time.monotonic() - began
        else:
            if number % _EVERY == 0:
                send(client, f"{member(owner)}@example.org", "undisturbed")
            return 235, time.monotonic() - began
        finally:
            client.close()

    over, numbers = Event(), count()
    with ThreadPoolExecutor(_CLIENTS_AT_A_TIME + _ATTACKERS) as pool:
        attacks = [pool.submit(guess, mail, over, numbers) for _ in range(_ATTACKERS)]
        began = time.monotonic()
        uses = list(pool.map(use, range(_MEMBERS * _DEVICES_EACH)))
        seconds = time.monotonic() - began
        over.set()
    guesses = sum((attack.result() for attack in attacks), Counter())
    refused = Counter(checker for checker, _ in mail.decisions())

    assert Counter(code for code, _ in uses) == {235: _MEMBERS * _DEVICES_EACH}
    assert guesses[235] == 0
    # Hardly a guess was compared with a password: each costs what a right one does.
    heard = guesses[535] - sum(refused.values()) / 2
    assert guesses[535] > 100
    assert heard <= 20 + 2 * _ATTACKERS
    for name, value in {
        "devices": len(uses),
        "logins a second": round(len(uses) / seconds, 1),
        "slowest login in twenty, in seconds": round(quantiles((each for _, each in uses), n=20)[-1], 3),
        "guesses": guesses[535],
        "guesses that were compared with a password": round(heard),
    }.items():
        record_property(name, value)
