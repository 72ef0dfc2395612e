"""What is built and installed is whole, and harms nobody else's Twisted."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.black_box import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_shadows_nothing_of_twisted(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if name.startswith("twisted/")] == ["twisted/plugins/mailext_plugins.py"]
    assert not (ROOT / "twisted/__init__.py").exists()
    assert not (ROOT / "twisted/plugins/__init__.py").exists()


def test_the_wheel_holds_the_package_and_nothing_beside_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mailext", "twisted"}
    assert "mailext/py.typed" in names


@pytest.mark.interop("package-index")
def test_twistd_of_a_fresh_environment_knows_mailext(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    scripts = tmp_path / "venv/bin"
    subprocess.run(
        [scripts / "pip", "install", "--quiet", wheel], check=True, capture_output=True, cwd=tmp_path
    )
    shown = subprocess.run(
        [scripts / "twistd", "--help"], check=True, capture_output=True, text=True, cwd=tmp_path
    ).stdout
    assert "\n    mailext " in shown
    subprocess.run([scripts / "mailext", "init", "demo"], check=True, capture_output=True, cwd=tmp_path)
    subprocess.run(
        [scripts / "mailext", "--config", "demo/mailext.toml", "check"],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )
