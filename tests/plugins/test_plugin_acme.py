"""
The rules C13 to C17 by the interface alone: a third party's checkers
(``acme/acme_identity.py``) at work in logins.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from mailext.clientid.login import LoginRefusedError, RejectAt
from mailext.testing import CheckerContract, FakeServices
from mailext.values import ClientIdentity
from tests.clientid.logins import PHONE, Site
from tests.support import failure_result_of, success_result_of

# Not by sys.path: the tests of other rooms would find the plugin too.
_SPEC = importlib.util.spec_from_file_location(
    "acme_identity", Path(__file__).parent / "acme" / "acme_identity.py"
)
acme = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(acme)

LICENSE = ClientIdentity("LICENSE", "ACME-1234-5678")
MAC = ClientIdentity("MAC", "08:9e:01:70:f6:46")
REVOKED_ID = FakeServices().identities.fingerprint(LICENSE)


def checker(argstring, services=None):
    return acme.AcmeFactory().generateChecker(argstring, services or FakeServices())


def is_admitted(argstring, identity, services=None) -> bool:
    """Whether a login with the right password succeeds."""
    try:
        success_result_of(Site(checker(argstring, services)).login(identity=identity))
    except LoginRefusedError:
        return False
    return True


@pytest.mark.requirement("C13")
def test_an_identity_can_be_required() -> None:
    assert is_admitted("rule=require", PHONE)
    assert is_admitted("rule=require", MAC)
    assert not is_admitted("rule=require", None)


@pytest.mark.requirement("C13")
def test_an_identity_of_certain_types_can_be_required() -> None:
    assert is_admitted("rule=require:types=uuid,LICENSE", PHONE)
    assert is_admitted("rule=require:types=uuid,LICENSE", LICENSE)
    assert not is_admitted("rule=require:types=uuid,LICENSE", MAC)
    assert not is_admitted("rule=require:types=uuid,LICENSE", None)


@pytest.mark.requirement("C14")
def test_types_can_be_refused_by_a_list() -> None:
    assert not is_admitted("rule=refuse:types=MAC,COOKIE", MAC)
    assert is_admitted("rule=refuse:types=MAC,COOKIE", PHONE)
    assert is_admitted("rule=refuse:types=MAC,COOKIE", None)


@pytest.mark.requirement("C15")
def test_a_token_can_be_refused_by_any_policy() -> None:
    assert not is_admitted(r"rule=revoked:tokens=08\:9e\:*", MAC)
    assert is_admitted(r"rule=revoked:tokens=08\:9e\:*", PHONE)


@pytest.mark.requirement("C16")
def test_a_token_can_be_revoked_and_given_back() -> None:
    assert not is_admitted(f"rule=revoked:ids={REVOKED_ID}", LICENSE)
    assert is_admitted(f"rule=revoked:ids={REVOKED_ID}", PHONE)
    assert is_admitted("rule=revoked", LICENSE)


@pytest.mark.requirement("C17")
def test_an_identity_that_is_not_on_the_accounts_list_can_be_refused() -> None:
    services = FakeServices()
    success_result_of(services.identities.record("ann", PHONE, 1.0))
    success_result_of(services.identities.record("bob", MAC, 1.0))
    assert is_admitted("rule=listed", PHONE, services)
    assert not is_admitted("rule=listed", MAC, services)
    assert not is_admitted("rule=listed", None, services)


@pytest.mark.requirement("C13", "C14")
def test_a_refusal_before_the_password_looks_at_no_password() -> None:
    for argstring, identity in (("rule=require", None), ("rule=refuse:types=MAC", MAC)):
        site = Site(checker(argstring))
        failure_result_of(site.login(identity=identity))
        assert site.passwords.seen == []


def test_the_refusal_can_wait_for_mail() -> None:
    site = Site(checker("rule=require"), reject_at=RejectAt.MAIL)
    assert success_result_of(site.login(identity=None)).refusal.code == 550


def test_any_of_them_can_just_observe() -> None:
    for argstring in ("rule=require", "rule=listed"):
        assert is_admitted(f"{argstring}:mode=observe", None)


class TestRequire(CheckerContract):
    def make_checker(self, services):
        return checker("rule=require:types=UUID", services)


class TestRefuse(CheckerContract):
    def make_checker(self, services):
        return checker("rule=refuse:types=MAC,COOKIE", services)


class TestRevoked(CheckerContract):
    def make_checker(self, services):
        return checker(f"rule=revoked:ids={REVOKED_ID}", services)

    def make_identities(self):
        return [PHONE, LICENSE, None]


class TestListed(CheckerContract):
    def make_checker(self, services):
        return checker("rule=listed", services)
