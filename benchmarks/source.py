"""The load of Postfix's ``smtp-source``, which costs less than ours, where it can send what a shape says."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Sequence

from benchmarks.load import SENDER, Account, Envelopes, Load, Opening, Shape, send_all
from tests.programs import find

__all__ = ["send_at_least_cost"]


def send_at_least_cost(port: int, shape: Shape, patience: float, accounts: Sequence[Account] = ()) -> Load:
    """
    As :func:`benchmarks.load.send_all`; by smtp-source, and without latencies,
    where it is there and can: it knows neither TLS nor logins, nor pipelining.

    :raise subprocess.SubprocessError: if the server refused anything, or took too long.
    """
    program = find("smtp-source")
    is_plain = shape.opening is Opening.CLEAR and shape.envelopes is Envelopes.STEPWISE
    if program is None or not is_plain:
        return send_all(port, shape, patience, accounts)
    keep = ["-d"] if shape.messages > 1 else []
    command = [
        program,
        *keep,
        *("-s", str(min(shape.connections, shape.at_once))),
        *("-m", str(shape.total)),
        *("-l", str(shape.size)),
        *("-f", SENDER, "-t", shape.recipient),
        f"127.0.0.1:{port}",
    ]
    before, begin = _cpu_seconds(), time.perf_counter()
    subprocess.run(command, check=True, timeout=patience)
    return Load(time.perf_counter() - begin, _cpu_seconds() - before, [])


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
