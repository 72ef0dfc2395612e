"""Asks whoever has the state: a running server, or the state directory itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from attrs import asdict
from twisted.internet.interfaces import IReactorTime

from mailext.config.model import Configuration
from mailext.control.client import ServerDownError, ask_server
from mailext.control.requests import Request, RequestRefusedError

if TYPE_CHECKING:
    from mailext.control.dispatch import Reply

__all__ = ["ask"]


def ask(configuration: Configuration, request: Request) -> object:
    """
    :param configuration: says where the state is.
    :return: the answer, as JSON gives it.
    :raise RequestRefusedError: if the answer is no.
    :raise mailext.storage.errors.StoreError: if no server answers, and the
        state directory cannot be used.
    :raise OSError: if the connection breaks, or a file cannot be used.
    """
    try:
        return ask_server(configuration.state_dir, request)
    except ServerDownError:
        return _ask_offline(configuration, request)


def _ask_offline(configuration: Configuration, request: Request) -> object:
    # A running server's commands need none of it.
    from twisted.internet import reactor  # noqa: PLC0415

    from mailext.control.offline import open_offline  # noqa: PLC0415

    replies: list[Reply] = []
    with open_offline(configuration, cast("IReactorTime", reactor)) as dispatcher:
        # Fired already, like all Deferreds of an offline store.
        dispatcher.answer({"operation": request.operation, "arguments": asdict(request)}).addCallback(
            replies.append
        )
    [reply] = replies
    if "error" in reply:
        raise RequestRefusedError(reply["error"])
    return reply["result"]
