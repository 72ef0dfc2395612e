"""
Devices that send mail with clients nobody here wrote. Each is a small program
around the client's library.

Its arguments: the port, the file of the trusted certificate, the identity's
type and token (both may be empty), the address that logs in and sends to
itself, how many messages, ``quit`` or ``close``, and for each try to log in
the mechanism and the password. It prints the commands of interest, each with
the code of its reply, a line each.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.black_box import RunningServer

_PROGRAMS = Path(__file__).parent / "programs"
#: Where Debian keeps the libraries of its packages for Node.
_NODE_PATH = "/usr/share/nodejs"


@dataclass(frozen=True)
class Client:
    """
    A client's library.

    :param command: what runs the device.
    """

    command: tuple[str, ...]

    @classmethod
    def of_libetpan(cls, folder: Path) -> Client:
        """:param folder: the program is compiled into it."""
        program = folder / "libetpan-device"
        source = _PROGRAMS / "libetpan_device.c"
        subprocess.run(["gcc", "-o", str(program), str(source), "-letpan"], check=True)
        return cls((str(program),))

    @classmethod
    def of_nodemailer(cls, _: Path) -> Client:
        """Debian's package of it."""
        return cls(("node", str(_PROGRAMS / "nodemailer_device.js")))

    def use(
        self,
        server: RunningServer,
        who: str,
        identity: str,
        *logins: tuple[str, str],
        messages: int = 0,
        ending: str = "quit",
    ) -> list[str]:
        """
        Connect, present an identity, try to log in until the tries are used
        up, and send messages if the last one was successful.

        :param identity: ``TYPE:TOKEN``, or empty for none.
        :param logins: the mechanism and the password of each try.
        :param ending: ``quit``, or ``close`` to go without a word.
        :return: each command with the code of the reply.
        """
        kind, _, token = identity.partition(":")
        what = [str(server.submission), str(server.folder / "cert.pem"), kind, token]
        tries = [word for each in logins for word in each]
        return self._run([*what, f"{who}@example.org", str(messages), ending, *tries])

    def _run(self, arguments: Sequence[str]) -> list[str]:
        run = subprocess.run(
            [*self.command, *arguments],
            env=os.environ | {"NODE_PATH": _NODE_PATH},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout.splitlines()
