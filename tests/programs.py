"""The programs that interop tests need, and where this machine has them."""

from __future__ import annotations

import functools
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

#: Daemons live in folders that a user's PATH need not name.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])

#: Programs that switch between users, and so want to be started by root.
_PRIVILEGED = frozenset({"exim4", "postfix"})

#: Libraries that programs of the tests are made with: a file of each.
_LIBRARIES = {
    "libetpan": Path("/usr/include/libetpan/libetpan.h"),
    "nodemailer": Path("/usr/share/nodejs/nodemailer/package.json"),
}


def find(name: str) -> str | None:
    """
    :param name: the program as a marker names it.
    :return: its path, or None. The variable ``MAILEXT_EXIM`` names an Exim
        that is not installed, for Debian's packages of Exim and Postfix
        exclude each other.
    """
    elsewhere = os.environ.get("MAILEXT_EXIM") if name == "exim4" else None
    return shutil.which(elsewhere or name, path=_PATH)


@functools.cache
def why_missing(name: str) -> str:
    """
    :param name: a program or library; or ``package-index`` for the index that pip uses,
        or ``ipv6`` for a loopback address of IPv6, or ``root`` for its rights.
    :return: why tests that need it cannot run here; empty if they can.
    """
    if name == "package-index":
        return "" if _index_answers() else "pip reaches no package index"
    if name == "ipv6":
        return "" if _has_ipv6() else "this machine has no loopback address of IPv6"
    if name == "root":
        return "" if os.geteuid() == 0 else "only root can mount a disk"
    if name in _LIBRARIES:
        return "" if _LIBRARIES[name].exists() else f"{name} is not installed"
    if find(name) is None:
        return f"{name} is not installed"
    if name in _PRIVILEGED and os.geteuid() != 0:
        return f"{name} runs as root only"
    return ""


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def _index_answers() -> bool:
    question = [sys.executable, "-m", "pip", "--retries=0", "--timeout=10", "index", "versions", "hatchling"]
    return subprocess.run(question, capture_output=True, check=False).returncode == 0
