"""
Finding plugins: ours, a third party's, and broken ones.

Twisted looks for them along ``sys.path`` when it is first imported, so each
test is a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

OURS = "allowlist, attack-mode, bruteforce, choose, history, licence, mac, rate, shared, types, velocity"

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

PRELUDE = """
from mailext.interfaces import IClientIdentityCheckerFactory, IDeliveryPolicyFactory
from mailext.plugins import PluginError, describe, explain, make_checker, make_policy
from mailext.testing import FakeServices
"""


def run(script: str, *packages: Path | str) -> str:
    path = os.pathsep.join(str(HERE / package) for package in (*packages, ROOT))
    finished = subprocess.run(
        [sys.executable, "-c", PRELUDE + script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def reason_for(call: str, *packages: Path | str) -> str:
    return run(f"try:\n    {call}\nexcept PluginError as error:\n    print(error)", *packages).rstrip("\n")


def test_our_own_are_found() -> None:
    script = """
print(type(make_checker("mac", FakeServices())).__name__)
print(type(make_policy("requiretls:domain=bank.example", FakeServices())).__name__)
"""
    assert run(script).split() == ["ObservingChecker", "RequireTlsRule"]


def test_twistd_knows_the_server() -> None:
    script = """
from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
print(*(maker.module for maker in getPlugins(IServiceMaker) if maker.tapname == "mailext"))
"""
    assert run(script) == "mailext.tap\n"


def test_a_third_partys_is_found() -> None:
    script = 'print(type(make_checker("acme:rule=refuse:types=MAC", FakeServices())).__name__)'
    assert run(script, "acme") == "TypesRefused\n"


def test_an_unknown_name_lists_the_known_ones() -> None:
    assert reason_for('make_checker("akme", None)', "acme") == f"there is no 'akme'; known: acme, {OURS}"
    assert reason_for('make_policy("history", None)') == "there is no 'history'; known: requiretls"


def test_argument_errors_are_readable() -> None:
    for argument, reason in (
        ("", "there is no rule ''; there are: require, refuse, revoked, listed"),
        (":rule=refuse", "rule=refuse needs types=TYPE,..."),
        (":rules=refuse", "unknown argument 'rules'; known: ids, mode, rule, tokens, types"),
    ):
        assert reason_for(f'make_checker("acme{argument}", FakeServices())', "acme") == f"acme: {reason}"


def test_a_plugin_that_cannot_be_imported_is_named_and_stops_no_other() -> None:
    reason = reason_for('make_checker("broken", None)', "acme", "broken")
    assert reason == (
        f"there is no 'broken'; known: acme, {OURS}; could not be loaded: twisted.plugins.broken_mailext"
        " (ModuleNotFoundError: No module named 'acme_package_that_nobody_installed')"
    )
    run('make_checker("acme:rule=require", FakeServices())', "acme", "broken")


def test_a_plugin_that_breaks_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "twisted" / "plugins"
    folder.mkdir(parents=True)
    (folder / "faulty_mailext.py").write_text(
        """
from zope.interface import implementer
from mailext.interfaces import IClientIdentityCheckerFactory

@implementer(IClientIdentityCheckerFactory)
class Factory:
    help = argStringFormat = ""
    def __init__(self, name, make):
        self.name, self.make = name, make
    def generateChecker(self, argstring, services):
        return self.make()

raises = Factory("raises", lambda: {}["missing"])
gives_nothing = Factory("gives-nothing", lambda: None)
history = Factory("twin", lambda: None)
twin = Factory("twin", lambda: None)
""",
        "utf-8",
    )
    assert reason_for('make_checker("raises", None)', tmp_path) == "two plugins are called 'twin'"
    source = (folder / "faulty_mailext.py").read_text("utf-8")
    (folder / "faulty_mailext.py").write_text(
        source.replace('twin = Factory("twin"', 'other = Factory("other"')
    )
    (folder / "dropin.cache").unlink()
    assert (
        reason_for('make_checker("raises:x", None)', tmp_path)
        == "raises: the plugin broke: KeyError: 'missing'"
    )
    assert reason_for('make_checker("gives-nothing", None)', tmp_path).startswith(
        "gives-nothing: the plugin made something unfit: "
    )


def test_help() -> None:
    listed, explained = run(
        """
print(describe(IClientIdentityCheckerFactory), end="---\\n")
print(explain(IClientIdentityCheckerFactory, "acme"), end="")
""",
        "acme",
    ).split("---\n")
    form = "rule=require|refuse|revoked|listed[:types=TYPE,...][:ids=ID,...][:mode=observe|enforce]"
    first, second, *_ = listed.splitlines()
    assert first == f"  acme         {form}"
    assert second == "  allowlist    [mode=observe|enforce][:accounts=GLOB,...][:unlisted=accept|refuse]"
    assert explained == (
        f"acme:{form}\n\n"
        "  Judges client identities by what Acme knows of them: types that are\n"
        "  required or refused, tokens that are revoked, and each account's own list.\n"
    )
    assert reason_for('explain(IDeliveryPolicyFactory, "acme")') == "there is no 'acme'; known: requiretls"


def test_looking_for_plugins_takes_no_reactor() -> None:
    script = "import sys, twisted.plugins.mailext_plugins; print('twisted.internet.reactor' in sys.modules)"
    assert run(script) == "False\n"


def test_nothing_shadows_twisted() -> None:
    for folder in (ROOT, HERE / "acme"):
        assert not list((folder / "twisted").rglob("__init__.py"))
