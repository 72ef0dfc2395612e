"""Debian's Postfix as an instance of its own: its own configuration, queue and processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.black_box import eventually
from tests.programs import find

#: The services of master.cf that a sending instance needs, and no listener.
_SERVICES = """\
pickup    unix  n - n 60    1 pickup
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
tlsmgr    unix  - - n 1000? 1 tlsmgr
smtp      unix  - - n -     - smtp
error     unix  - - n -     - error
retry     unix  - - n -     - error
discard   unix  - - n -     - discard
scache    unix  - - n -     1 scache
anvil     unix  - - n -     1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """
    A Postfix with a folder of its own, run as root.

    :param settings: lines of main.cf.
    :param services: lines of master.cf beside those that sending needs.
    :param resolver: the IP address of the name server that it asks; empty: that
        of the machine.
    """

    def __init__(self, settings: str, services: str = "", resolver: str = "") -> None:
        # Its processes give up root: no folder above theirs may be private.
        self.folder = Path(tempfile.mkdtemp(prefix="mailext-postfix-"))
        self.folder.chmod(0o755)
        self.configuration = self.folder / "etc"
        self.log = self.folder / "postfix.log"
        for name in ("etc", "queue", "data"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix", "postfix")
        (self.configuration / "master.cf").write_text(_SERVICES + services, "utf-8")
        (self.configuration / "main.cf").write_text(
            f"""\
compatibility_level = 3.6
queue_directory = {self.folder}/queue
data_directory = {self.folder}/data
maillog_file = {self.log}
maillog_file_prefixes = {self.folder}
myhostname = peer.example.net
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
inet_interfaces = loopback-only
inet_protocols = ipv4
{settings}
""",
            "utf-8",
        )
        self._resolver = resolver
        self._master: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Lay the queue's folders and start the instance."""
        subprocess.run(
            [str(find("postfix")), "-c", str(self.configuration), "check"], check=True, capture_output=True
        )
        daemons = self._setting("daemon_directory")
        self._master = subprocess.Popen(
            [*self._apart(), f"{daemons}/master", "-c", str(self.configuration), "-s"],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        eventually((self.folder / "queue/pid/master.pid").exists, "Postfix to start")

    def _apart(self) -> list[str]:
        """What starts a program so that it asks our name server: the file that names it has one place."""
        if not self._resolver:
            return []
        (self.folder / "resolv.conf").write_text(f"nameserver {self._resolver}\n", "utf-8")
        mount = f"mount --bind {self.folder}/resolv.conf /etc/resolv.conf"
        return ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$0" "$@"']

    @property
    def pid(self) -> int:
        """The process of its master."""
        assert self._master is not None
        return self._master.pid

    def _setting(self, name: str) -> str:
        command = [str(find("postconf")), "-c", str(self.configuration), "-h", name]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def stop(self) -> None:
        """End its processes and remove its folder."""
        if self._master is not None:
            os.killpg(self._master.pid, signal.SIGTERM)
            self._master.wait(10)
        shutil.rmtree(self.folder)

    def send(self, message: bytes, sender: str, *recipients: str) -> None:
        """
        Hand over a message as a local user of this Postfix.

        :param message: with LF line ends, as Unix programs give it.
        """
        subprocess.run(
            [str(find("sendmail")), "-C", str(self.configuration), "-i", "-f", sender, *recipients],
            input=message,
            check=True,
            capture_output=True,
        )

    def wait_until_sent(self, count: int = 1) -> str:
        """:return: the log, once as many recipients as that were answered with success."""
        eventually(lambda: self._log_text().count("status=sent") >= count, "Postfix to send")
        return self._log_text()

    def wait_until_logged(self, what: str) -> str:
        """:return: the log, once that stands in it."""
        eventually(lambda: what in self._log_text(), f"Postfix to log {what!r}")
        return self._log_text()

    def _log_text(self) -> str:
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""
