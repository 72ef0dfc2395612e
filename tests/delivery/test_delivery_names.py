"""Names on disk, whatever stands in an address."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from mailext.accounts.addresses import AddressBook
from mailext.accounts.canonical import canonical_mailbox
from mailext.delivery.names import MessageNames, account_folder, folder_name
from mailext.values import Mailbox

ROOT = Path("/srv/mail")

local_parts = st.text(
    st.one_of(st.sampled_from("./\\%~+-_@\" 'aA\0\n"), st.characters(codec="utf-8")), min_size=1, max_size=20
)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("ann", "ann"),
        ("ann.smith+x=y-z_~", "ann.smith+x=y-z_~"),
        (".", "%2E"),
        ("..", "%2E."),
        (".hidden", "%2Ehidden"),
        ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
        ("/etc/passwd", "%2Fetc%2Fpasswd"),
        ("a\0b", "a%00b"),
        ("100%2f", "100%252f"),
        ("|sh -c 'x'", "%7Csh%20-c%20%27x%27"),
        ("bücher", "b%C3%BCcher"),
        ("\\", "%5C"),
    ],
)
def test_folder_name(part, name):
    assert folder_name(part) == name


@given(local_parts)
def test_a_folder_is_always_right_below_its_domain(local_part):
    account = canonical_mailbox(Mailbox(local_part, "example.org"))
    folder = account_folder(ROOT, account)
    assert Path(os.path.normpath(folder)) == folder
    assert folder.parent == ROOT / "example.org"
    assert folder.name not in ("", ".", "..")
    assert not folder.name.startswith(".")
    assert folder.name.isascii()
    assert folder.name.isprintable()


@given(local_parts)
def test_it_can_be_read_back(local_part):
    assert unquote(folder_name(local_part)) == local_part


@given(local_parts, local_parts)
def test_different_addresses_have_different_folders_on_any_file_system(one, other):
    one, other = canonical_mailbox(Mailbox(one, "a")), canonical_mailbox(Mailbox(other, "a"))
    same = account_folder(ROOT, one).name.lower() == account_folder(ROOT, other).name.lower()
    assert same == (one == other)


@given(st.text(st.characters(codec="utf-8"), max_size=70))
def test_every_account_has_a_name_that_file_systems_allow(name):
    try:
        account = AddressBook(["example.org"]).account_named(name)
    except ValueError:
        return
    folder = account_folder(ROOT, account)
    assert all(0 < len(part) <= 255 for part in (folder.name, folder.parent.name))


class TestMessageNames:
    def test_all_different_at_one_moment(self):
        clock = Clock()
        clock.advance(1_700_000_000.25)
        names = MessageNames(clock, "mx.example.org", Random(1))
        made = {names() for _ in range(100)}
        assert len(made) == 100
        assert all(name.startswith(f"1700000000.M250000P{os.getpid()}Q") for name in made)
        assert all(name.endswith(".mx.example.org") for name in made)

    def test_two_processes_with_one_number(self):
        one, other = (MessageNames(Clock(), "mx", Random(seed)) for seed in (1, 2))
        assert one() != other()

    def test_a_host_name_cannot_end_the_name(self):
        name = MessageNames(Clock(), "../a:2,S", Random(1))()
        assert name.endswith(r"..\057a\0722,S")
        assert "/" not in name
        assert ":" not in name
