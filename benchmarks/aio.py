"""
A server of aiosmtpd that does what is compared: it answers 250 once the message
is in a Maildir, and synced. ``python -m benchmarks.aio PORT MAILDIR``.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from benchmarks.maildir import make_maildir, put


class MaildirHandler:
    def __init__(self, maildir: Path) -> None:
        self._maildir = maildir

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        put(self._maildir, envelope.content)
        return "250 OK"


async def serve(port: int, maildir: Path) -> None:
    make_maildir(maildir)
    handler = MaildirHandler(maildir)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, enable_SMTPUTF8=True), "127.0.0.1", port, backlog=512
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
