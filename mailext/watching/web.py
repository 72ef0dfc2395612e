"""The web server of ``/metrics``, ``/healthz`` and ``/readyz``."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IProtocolFactory, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import OK, SERVICE_UNAVAILABLE
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from mailext.queue.figures import QueueFigures
from mailext.watching.moment import Moment

__all__ = ["watching_site"]

_log = Logger()

#: How long the store has to answer, in seconds: whoever asks gives up after ten as a rule.
_PATIENCE = 5.0


class _Asking(Resource):
    """A page that waits for the store."""

    isLeaf = True

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._clock = clock

    def render_GET(self, request: Request) -> int:
        """Ask, and answer later."""
        gone: list[Failure] = []
        request.notifyFinish().addErrback(gone.append)

        def finish(answer: tuple[int, bytes]) -> None:
            if gone:
                return
            code, text = answer
            request.setResponseCode(code)
            request.setHeader(b"Content-Type", self.content_type)
            request.write(text)
            request.finish()

        self.answer().addCallback(finish).addErrback(self._failed)
        return NOT_DONE_YET

    content_type = b"text/plain; charset=utf-8"

    def answer(self) -> Deferred[tuple[int, bytes]]:
        """:return: a Deferred of a status and a text."""
        raise NotImplementedError

    def _failed(self, failure: Failure) -> None:
        _log.failure("A question of the watch could not be answered", failure)


class _Metrics(_Asking):
    content_type = CONTENT_TYPE_LATEST.encode("ascii")

    def __init__(
        self,
        clock: IReactorTime,
        registry: CollectorRegistry,
        moment: Moment,
        queue: Callable[[], Deferred[QueueFigures]],
    ) -> None:
        super().__init__(clock)
        self._registry = registry
        self._moment = moment
        self._queue = queue

    def answer(self) -> Deferred[tuple[int, bytes]]:
        asked = maybeDeferred(self._queue).addTimeout(_PATIENCE, self._clock)
        return asked.addErrback(self._untold).addCallback(self._told)

    def _untold(self, failure: Failure) -> None:
        _log.failure("The store does not tell of the queue", failure)

    def _told(self, queue: QueueFigures | None) -> tuple[int, bytes]:
        self._moment.look(queue, self._clock.seconds())
        return OK, generate_latest(self._registry)


class _Ready(_Asking):
    def __init__(self, clock: IReactorTime, probe: Callable[[], Deferred[None]]) -> None:
        super().__init__(clock)
        self._probe = probe

    def answer(self) -> Deferred[tuple[int, bytes]]:
        asked = maybeDeferred(self._probe).addTimeout(_PATIENCE, self._clock)
        return asked.addCallbacks(lambda _: (OK, b"ready\n"), self._unfit)

    def _unfit(self, failure: Failure) -> tuple[int, bytes]:
        _log.failure("The store is not fit to take mail", failure)
        return SERVICE_UNAVAILABLE, b"the store does not take a change: see the log\n"


class _Healthy(Resource):
    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        """Whoever hears this was answered by the thread that serves mail."""
        request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
        return b"alive\n"


def watching_site(
    clock: IReactorTime,
    registry: CollectorRegistry,
    moment: Moment,
    queue: Callable[[], Deferred[QueueFigures]],
    probe: Callable[[], Deferred[None]],
) -> IProtocolFactory:
    """
    The factory of the web server.

    :param registry: what ``/metrics`` shows.
    :param moment: looked at before.
    :param queue: asks for the figures of the queue.
    :param probe: what ``/readyz`` tries: changes the store and reads the change.
    """
    root = Resource()
    root.putChild(b"metrics", _Metrics(clock, registry, moment, queue))
    root.putChild(b"healthz", _Healthy())  # type: ignore[no-untyped-call]
    root.putChild(b"readyz", _Ready(clock, probe))
    site = Site(root, reactor=clock, parsePOSTFormSubmission=False)
    site.noisy = False
    return site
