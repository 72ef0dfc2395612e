"""
``twistd mailext``: the command line of the server.

What is wrong with it, or with the configuration, ends the process with status
2 before anything listens.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from twisted.application.service import IService
from twisted.cred.credentials import IUsernameHashedPassword, IUsernamePassword
from twisted.cred.strcred import AuthOptionMixin
from twisted.python import usage
from twisted.python.logfile import LogFile

from mailext.accounts.strings import OUR_ACCOUNTS
from mailext.config.loading import load
from mailext.config.model import Configuration
from mailext.config.problems import ConfigurationError
from mailext.config.source import Source
from mailext.config.trial import TrialServices
from mailext.interfaces import IClientIdentityCheckerFactory, IDeliveryPolicyFactory
from mailext.plugins import PluginError, describe, explain
from mailext.service.logs import LogOutput
from mailext.service.readiness import Readiness
from mailext.service.server import MailServer
from mailext.service.serving import IServerReactor
from mailext.service.start_errors import tell_plainly

__all__ = ["Options", "makeService"]

_WHAT_TO_DO = """\
There is nothing to do without a configuration. To try the server:

    mailext init demo
    twistd -n mailext --config demo/mailext.toml

The flags can also do without a file, for example --listen mx=tcp:2525;
twistd mailext --help lists them."""


class Options(usage.Options, AuthOptionMixin):
    """The flags. A flag that may be repeated replaces the whole list of its key."""

    synopsis = "[options]"
    longdesc = "A mail server that speaks CLIENTID and REQUIRETLS in full."
    supportedInterfaces = (IUsernamePassword, IUsernameHashedPassword)

    configuration: Configuration
    source: Source

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._file: Path | None = None
        self._flags: dict[tuple[str, ...], object] = {}

    def _append(self, path: tuple[str, ...], value: str) -> None:
        values = self._flags.setdefault(path, [])
        assert isinstance(values, list)
        values.append(value)

    def opt_config(self, file: str) -> None:
        """The configuration file."""
        self._file = Path(file)

    def opt_auth(self, description: str) -> None:
        """Who may log in: a strcred string, or accounts for the built-in store. May be repeated."""
        self._append(("auth",), description)

    def opt_clientid(self, string: str) -> None:
        """An identity checker: name[:key=value...]. May be repeated."""
        self._append(("clientid", "checkers"), string)

    def opt_policy(self, string: str) -> None:
        """A delivery policy: name[:key=value...]. May be repeated."""
        self._append(("policies",), string)

    def opt_listen(self, listener: str) -> None:
        """A listener, as in submission=tcp:587. May be repeated."""
        name, equals, endpoint = listener.partition("=")
        if not equals:
            raise usage.UsageError(
                f"--listen {listener}: a name, = and an endpoint, as in submission=tcp:587"
            )
        self._append(("listen", name), endpoint)

    def opt_hostname(self, name: str) -> None:
        """The server's name."""
        self._flags["hostname",] = name

    def opt_state_dir(self, folder: str) -> None:
        """The folder of queue, accounts and mailboxes."""
        self._flags["state-dir",] = str(Path(folder).absolute())

    def opt_help_auth(self) -> None:
        """Show the kinds of --auth and exit."""
        self.authOutput.write(f"Built in: {OUR_ACCOUNTS}, the server's own store\n\n")
        super().opt_help_auth()  # type: ignore[no-untyped-call]

    def opt_help_clientid(self) -> None:
        """Show the identity checkers and exit."""
        _show(lambda: describe(IClientIdentityCheckerFactory))

    def opt_help_clientid_type(self, name: str) -> None:
        """Explain an identity checker and exit."""
        _show(lambda: explain(IClientIdentityCheckerFactory, name))

    def opt_help_policy(self) -> None:
        """Show the delivery policies and exit."""
        _show(lambda: describe(IDeliveryPolicyFactory))

    def opt_help_policy_type(self, name: str) -> None:
        """Explain a delivery policy and exit."""
        _show(lambda: explain(IDeliveryPolicyFactory, name))

    def parseArgs(self, *arguments: str) -> None:
        """
        :raise UsageError: if there are any.
        """
        if arguments:
            raise usage.UsageError(f"unexpected: {' '.join(arguments)}")

    def postOptions(self) -> None:
        """
        Load the configuration.

        :raise UsageError: without a configuration and flags.
        :raise ConfigurationError: if it cannot be used.
        """
        from twisted.internet import reactor  # noqa: PLC0415 - twistd has chosen it by now

        if self._file is None and not self._flags:
            raise usage.UsageError(_WHAT_TO_DO)
        self.source = Source(self._file.absolute() if self._file else None, self._flags)
        self.configuration = load(self.source, reactor, TrialServices(reactor))

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        :raise SystemExit: with status 2 if something is wrong; it has then
            been said on standard error.
        """
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]
        except (usage.UsageError, ConfigurationError) as error:
            # twistd itself would end a usage error with status 1.
            sys.stderr.write(f"{error}\n")
            raise SystemExit(2) from error


def _show(text: Callable[[], str]) -> None:
    try:
        sys.stdout.write(text())
    except PluginError as error:
        raise usage.UsageError(str(error)) from error
    raise SystemExit(0)


def makeService(options: Options) -> IService:
    """
    :param options: have parsed the command line.
    """
    from twisted.internet import reactor  # noqa: PLC0415 - twistd has chosen it by now

    output = _log_output(options)
    tell_plainly()
    return MailServer(
        options.source,
        options.configuration,
        cast("IServerReactor", reactor),
        output,
        Readiness(os.environ),
    )


def _log_output(options: Options) -> LogOutput | None:
    """Where twistd itself would write its log; None where it is no file's business."""
    twistd = options.parent
    if twistd is None or twistd["syslog"] or twistd["logger"]:
        return None
    how = options.configuration.log_format, options.configuration.log_level
    name = twistd["logfile"]
    if name == "-" or (twistd["nodaemon"] and not name):
        if not twistd["nodaemon"]:
            return None
        return LogOutput(sys.stdout, *how, lambda: None)
    file = LogFile.fromFullPath(name or "twistd.log")
    if twistd["uid"] is not None or twistd["gid"] is not None:
        # It is opened as root, and written on as whoever the process becomes.
        os.chown(file.path, *(-1 if each is None else each for each in (twistd["uid"], twistd["gid"])))
    return LogOutput(file, *how, file.rotate)
