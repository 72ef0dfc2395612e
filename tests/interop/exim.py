"""Debian's Exim, installed or only unpacked, handing one message to one host."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.programs import find

#: The account that Debian's Exim gives up root for.
_USER = "Debian-exim"


def send_by_exim(port: int, message: bytes, sender: str, *recipients: str) -> str:
    """
    Deliver a message at once.

    :param port: where the next hop listens, on the loopback interface.
    :param message: with LF line ends, as Unix programs give it.
    :return: Exim's log.
    """
    program = str(find("exim4"))
    with tempfile.TemporaryDirectory(prefix="mailext-exim-") as name:
        folder = Path(name)
        shutil.chown(folder, _USER, _USER)
        configuration = folder / "exim.conf"
        configuration.write_text(
            f"""\
exim_path = {program}
primary_hostname = peer.example.net
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
keep_environment =
begin routers
next_hop:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = next_hop
begin transports
next_hop:
  driver = smtp
  port = {port}
  hosts_require_tls = *
  hosts_try_chunking = *
  tls_verify_hosts =
  tls_try_verify_hosts =
""",
            "utf-8",
        )
        configuration.chmod(0o644)
        command = [program, "-C", str(configuration), "-odf", "-i", "-f", sender, "--", *recipients]
        subprocess.run(command, input=message, check=True, capture_output=True, timeout=60)
        return (folder / "mainlog").read_text("utf-8", "replace")
