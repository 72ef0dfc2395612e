"""aiosmtplib: many connections at one time."""

from __future__ import annotations

import asyncio

import aiosmtplib

from tests.black_box import ADDRESS, RunningServer
from tests.samples import is_delivered, numbered


def test_messages_over_connections_at_one_time(server: RunningServer) -> None:
    messages = [numbered(n, size=n * 1000) for n in range(20)]

    async def send(message: bytes) -> None:
        await aiosmtplib.send(
            message,
            sender=ADDRESS,
            recipients=[ADDRESS],
            hostname="127.0.0.1",
            port=server.submission,
            start_tls=True,
            tls_context=server.trusting(),
            username=ADDRESS,
            password=server.password,
            local_hostname="client.example",
        )

    async def send_all() -> None:
        await asyncio.gather(*map(send, messages))

    asyncio.run(send_all())
    arrived = server.wait_for_messages(len(messages))
    assert len(arrived) == len(messages)
    assert all(any(is_delivered(sent, stored) for stored in arrived) for sent in messages)
