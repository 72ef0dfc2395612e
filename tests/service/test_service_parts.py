"""Parts of the server that need no process of their own."""

import io
import json
from pathlib import Path

import pytest
import trustme
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, RaisingMemoryReactor
from twisted.logger import Logger, LogLevel, LogPublisher, formatEventAsClassicLogText
from twisted.python.failure import Failure

from mailext.config.model import LogFormat, LogThreshold
from mailext.net.tls import ServerContextFactory
from mailext.service.certificates import CertificateWatch
from mailext.service.listeners import ListenError, Listeners
from mailext.service.logs import LogOutput
from tests.support import logged, success_result_of

# Listeners


def factory_of(kind: type[Protocol]) -> IProtocolFactory:
    return Factory.forProtocol(kind)


class First(Protocol):
    """Behind a listener at first."""


class Second(Protocol):
    """Behind it later."""


def test_what_stands_behind_a_listener_can_be_replaced() -> None:
    reactor = MemoryReactorClock()
    listeners = Listeners(reactor, {"mx": ("tcp:25",), "lmtp": ("unix:/run/lmtp", "tcp:24")})
    listeners.bind()
    [port, _] = [server[1] for server in reactor.tcpServers]
    assert port.buildProtocol(None) is None
    listeners.serve({"mx": factory_of(First), "lmtp": factory_of(First)})
    assert isinstance(port.buildProtocol(object()), First)
    listeners.serve({"mx": factory_of(Second), "lmtp": factory_of(First)})
    assert isinstance(port.buildProtocol(object()), Second)
    assert len(reactor.unixServers) == 1
    success_result_of(listeners.stop())


def test_a_listener_that_cannot_bind_is_named() -> None:
    trouble = CannotListenError("127.0.0.1", 25, OSError(98, "Address already in use"))
    listeners = Listeners(RaisingMemoryReactor(listenException=trouble), {"mx": ("tcp:25",)})
    with pytest.raises(ListenError, match=r"listen.mx: tcp:25: .*Address already in use"):
        listeners.bind()


# Certificates


def write_certificate(folder: Path) -> None:
    issued = trustme.CA(key_type=trustme.KeyType.ECDSA).issue_cert("mx.example.org")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")


def test_certificates_are_read_again_when_they_change(tmp_path: Path) -> None:
    write_certificate(tmp_path)
    tls = ServerContextFactory([(tmp_path / "cert.pem", tmp_path / "key.pem")])
    clock = Clock()
    watch = CertificateWatch(clock, lambda: tls)
    watch.start()
    with logged() as events:
        clock.advance(60)
    assert not events
    write_certificate(tmp_path)
    with logged() as events:
        clock.advance(60)
    assert ["were read again" in event["log_format"] for event in events] == [True]
    assert not tls.reload_if_changed()
    watch.stop()
    assert not clock.getDelayedCalls()


def test_a_bad_certificate_changes_nothing(tmp_path: Path) -> None:
    write_certificate(tmp_path)
    tls = ServerContextFactory([(tmp_path / "cert.pem", tmp_path / "key.pem")])
    clock = Clock()
    watch = CertificateWatch(clock, lambda: tls)
    watch.start()
    (tmp_path / "cert.pem").write_text("no certificate")
    with logged() as events:
        clock.advance(60)
    assert "cert.pem" in str(events[0]["error"])
    write_certificate(tmp_path)
    with logged() as events:
        clock.advance(60)
    assert ["were read again" in event["log_format"] for event in events] == [True]


def test_no_certificate_is_no_trouble() -> None:
    clock = Clock()
    CertificateWatch(clock, lambda: None).start()
    with logged() as events:
        clock.advance(60)
    assert not events


# The log


def lines_of(log_format: LogFormat) -> tuple[LogOutput, Logger, io.StringIO]:
    stream = io.StringIO()
    output = LogOutput(stream, log_format, LogThreshold.INFO, lambda: None)
    return output, Logger("mailext.test", observer=LogPublisher(output.observer)), stream


def test_an_event_is_a_line_of_json() -> None:
    _, log, stream = lines_of(LogFormat.JSON)
    log.info(
        "accepted {queueId}\n",
        event="accepted",
        queueId="1ng",
        size=3,
        hold=False,
        replies={"ann@example.org": "250"},
        entry=object(),
    )
    [line] = stream.getvalue().splitlines()
    said = json.loads(line)
    assert said.pop("time").endswith("+00:00")
    assert said == {
        "level": "info",
        "namespace": "mailext.test",
        "message": "accepted 1ng\n",
        "event": "accepted",
        "queueId": "1ng",
        "size": 3,
        "hold": False,
        "replies": {"ann@example.org": "250"},
    }


def test_a_failure_is_a_line_too() -> None:
    _, log, stream = lines_of(LogFormat.JSON)
    log.failure("broken", Failure(ValueError("no")))
    [line] = stream.getvalue().splitlines()
    assert json.loads(line)["message"] == "broken"
    assert "ValueError: no" in json.loads(line)["traceback"]


@pytest.mark.parametrize(
    ("log_format", "values"),
    [
        ("plain", {}),
        ("a {value}\nand a {part.real:>5} or {mapping[key]}", {"value": 1, "part": 2, "mapping": {"key": 3}}),
        ("called {value()}", {"value": lambda: "late"}),
        ("nobody gave {value}", {}),
        ("{", {}),
        ("", {}),
    ],
)
def test_a_line_of_text_is_the_one_of_twisted(log_format: str, values: dict[str, object]) -> None:
    event = {
        "log_format": log_format,
        "log_time": 1e9,
        "log_level": LogLevel.info,
        "log_namespace": "a.b",
        **values,
    }
    stream = io.StringIO()
    LogOutput(stream, LogFormat.TEXT, LogThreshold.INFO, lambda: None).observer(event)
    assert stream.getvalue() == (formatEventAsClassicLogText(event) or "")


def test_what_others_said_moves_no_cursor_and_turns_no_line_around() -> None:
    _, log, stream = lines_of(LogFormat.TEXT)
    log.info("from {name}\nto us", name="a\x1b[2J\r\u202egnp.exe")
    assert stream.getvalue().endswith("] from a\\x1b[2J\\r\\u202egnp.exe\n\tto us\n")


def test_the_format_can_change() -> None:
    output, log, stream = lines_of(LogFormat.TEXT)
    log.info("one\ntwo {x}", x=3)
    output.configure(LogFormat.JSON, LogThreshold.INFO)
    log.info("three")
    first, second, third = stream.getvalue().splitlines()
    assert first.endswith("[mailext.test#info] one")
    assert second == "\ttwo 3"
    assert json.loads(third)["message"] == "three"


def test_what_is_below_the_level_is_not_written() -> None:
    output, log, stream = lines_of(LogFormat.TEXT)
    log.debug("a detail")
    output.configure(LogFormat.JSON, LogThreshold.DEBUG)
    log.debug("another")
    output.configure(LogFormat.TEXT, LogThreshold.ERROR)
    log.info("news")
    log.error("an error")
    detail, error = stream.getvalue().splitlines()
    assert json.loads(detail)["message"] == "another"
    assert error.endswith("[mailext.test#error] an error")
