"""The server as one Twisted service."""

from __future__ import annotations

import signal
from random import SystemRandom

from twisted.application.service import IServiceCollection, Service
from twisted.internet.defer import Deferred, succeed
from twisted.logger import ILogObserver, Logger, globalLogPublisher
from twisted.python.components import Componentized

from mailext.config.loading import load
from mailext.config.model import Configuration
from mailext.config.problems import ConfigurationError
from mailext.config.source import Source
from mailext.config.trial import TrialServices
from mailext.service.descriptors import raise_limit
from mailext.service.listeners import Listeners
from mailext.service.logs import LogOutput
from mailext.service.readiness import Readiness
from mailext.service.serving import IServerReactor, Serving
from mailext.service.signals import on_signal
from mailext.service.workforce import Workforce

__all__ = ["MailServer"]

_log = Logger()


class MailServer(Service):
    """
    The server, from the binding of its ports to the end of its last
    transaction.

    :param source: where the configuration came from, to read it again.
    :param configuration: the configuration to begin with.
    :param output: the log, whose format and level a reload may change; None leaves the
        log as it is.
    :param readiness: tells the service manager; None: there is none.
    """

    def __init__(
        self,
        source: Source,
        configuration: Configuration,
        reactor: IServerReactor,
        output: LogOutput | None = None,
        readiness: Readiness | None = None,
    ) -> None:
        self._readiness = readiness or Readiness({})
        self._source = source
        self._configuration = configuration
        self._reactor = reactor
        self._output = output
        self._workforce = Workforce(reactor, configuration)
        self._listeners = Listeners(reactor, self._workforce.leaves(configuration.listen.endpoints()))
        self._serving: Serving | None = None

    def setServiceParent(self, parent: IServiceCollection) -> None:
        """An application is also told of the log, which twistd asks it for."""
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]
        if self._output is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._output.observer)  # type: ignore[no-untyped-call]

    def privilegedStartService(self) -> None:
        """
        Bind the ports.

        :raise mailext.service.listeners.ListenError: if one cannot be bound.
        """
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        raise_limit()
        self._listeners.bind()
        self._workforce.bind()

    def startService(self) -> None:
        """
        Open the state directory, and begin to serve.

        :raise mailext.storage.errors.StoreError: if another process owns the
            state directory, or it cannot be used.
        :raise OSError: if a file cannot be made or opened.
        """
        super().startService()  # type: ignore[no-untyped-call]
        self._serving = serving = Serving(
            self._configuration,
            self._reactor,
            self._listeners,
            self._workforce,
            random=SystemRandom(),
            events=globalLogPublisher,
        )
        self._serving.start()
        # The reactor, too, sets handlers of its own when it starts.
        self._reactor.callWhenRunning(self._handle_signals)
        self._reactor.callWhenRunning(self._when_serving, serving)

    def stopService(self) -> Deferred[None]:
        """
        End in order.

        :return: a Deferred that fires when nothing is under way any more.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        self._readiness.stopping()
        serving, self._serving = self._serving, None
        return serving.stop() if serving is not None else succeed(None)

    def reload(self) -> None:
        """
        Read the configuration again, except ``listen``, ``state-dir``,
        ``database`` and ``shared-dir``: of these it is logged if they have
        changed. One that cannot be used changes nothing, and is logged.
        """
        if self._serving is None:
            return
        self._readiness.reloading()
        self._read_again(self._serving)
        self._readiness.ready()

    def _read_again(self, serving: Serving) -> None:
        source = self._source.keeping(self._configuration)
        try:
            waiting = self._source.waiting(self._configuration)
            configuration = load(source, self._reactor, TrialServices(self._reactor))
            serving.configure(configuration)
        except ConfigurationError as error:
            for problem in error.problems:
                _log.error("The configuration stays as it is: {problem}", problem=str(problem))
        except Exception:  # noqa: BLE001 - a plugin raises what it likes
            _log.failure("The configuration stays as it is")
        else:
            self._configuration = configuration
            if self._output is not None:
                self._output.configure(configuration.log_format, configuration.log_level)
            _log.info("The configuration was read again")
            if waiting:
                _log.warn("What it says of {keys} holds after a restart", keys=", ".join(waiting))

    def _handle_signals(self) -> None:
        on_signal(signal.SIGHUP, self._reactor, self.reload)
        # The reactor's own handler would have twistd die of the signal in the end.
        on_signal(signal.SIGTERM, self._reactor, self._end)
        if self._output is not None:
            on_signal(signal.SIGUSR1, self._reactor, self._output.rotate)

    def _when_serving(self, serving: Serving) -> None:
        serving.serving().addCallback(lambda _: self._readiness.ready())

    def _end(self) -> None:
        if self._reactor.running:
            self._reactor.stop()
