"""Log events as lines of text or of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TextIO

from twisted.logger import FileLogObserver, ILogObserver, LogEvent, formatEvent, formatEventAsClassicLogText
from twisted.python.failure import Failure

from mailext.config.model import LogFormat

__all__ = ["LogOutput"]


# What twisted.logger adds for observers of twisted.python.log.
_LEGACY_KEYS = frozenset({"format", "isError", "logLevel", "message", "system", "time"})


class LogOutput:
    """
    Where log events go, and in which format at the moment.

    In JSON an event is one object with ``time`` (RFC 3339, UTC), ``level``,
    ``namespace``, ``message``, ``traceback`` where there is one, and those
    keys of the event that JSON can say.

    :param stream: takes the lines.
    :param rotate: called when the log file is to be begun anew.
    """

    def __init__(self, stream: TextIO, log_format: LogFormat, rotate: Callable[[], object]) -> None:
        self.rotate = rotate
        self.observer: ILogObserver = FileLogObserver(stream, self._format)
        self.configure(log_format)

    def configure(self, log_format: LogFormat) -> None:
        """Go on in this format."""
        self._format_event = _FORMATS[log_format]

    def _format(self, event: LogEvent) -> str | None:
        return self._format_event(event)


def _as_json(event: LogEvent) -> str:
    line: dict[str, object] = {
        "time": datetime.fromtimestamp(event["log_time"], UTC).isoformat(timespec="milliseconds"),
        "level": event["log_level"].name,
        "namespace": event["log_namespace"],
        "message": formatEvent(event),
    }
    failure = event.get("log_failure")
    if isinstance(failure, Failure):
        line["traceback"] = failure.getTraceback()
    own = {key: value for key, value in event.items() if _is_own(key) and _is_plain(value)}
    return json.dumps({**own, **line}) + "\n"


def _is_own(key: str) -> bool:
    return not key.startswith("log_") and key not in _LEGACY_KEYS


def _is_plain(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(each) for key, each in value.items())
    return value is None or isinstance(value, (str, int, float))


_FORMATS: Mapping[LogFormat, Callable[[LogEvent], str | None]] = {
    LogFormat.TEXT: formatEventAsClassicLogText,
    LogFormat.JSON: _as_json,
}
