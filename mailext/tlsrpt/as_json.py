"""Reports as JSON (RFC 8460 section 4.4), and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar

from mailext.tlsrpt.report import FailureDetails, PolicyFigures, Report

__all__ = ["MalformedReportError", "policy_as_json", "policy_of_json", "report_as_json", "report_of_json"]

T = TypeVar("T")

# I-JSON, RFC 7493 section 2.2.
_GREATEST_INTEGER = 2**53 - 1
# RFC 3339 section 5.6.
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


class MalformedReportError(ValueError):
    """This is no report; the text says why."""


def report_as_json(report: Report) -> dict[str, object]:
    """A report of ours."""
    return {
        "organization-name": report.organization,
        "date-range": {
            "start-datetime": _date_time(report.begin),
            "end-datetime": _date_time(report.end),
        },
        "contact-info": report.contact,
        "report-id": report.id,
        "policies": [policy_as_json(policy) for policy in report.policies],
    }


def policy_as_json(figures: PolicyFigures) -> dict[str, object]:
    """One of the ``policies`` of a report."""
    policy: dict[str, object] = {"policy-type": figures.policy_type}
    if figures.strings:
        policy["policy-string"] = list(figures.strings)
    policy["policy-domain"] = figures.domain
    if figures.mx_hosts:
        policy["mx-host"] = list(figures.mx_hosts)
    told: dict[str, object] = {
        "policy": policy,
        "summary": {
            "total-successful-session-count": figures.successes,
            "total-failure-session-count": figures.failures,
        },
    }
    if figures.details:
        told["failure-details"] = [_details_as_json(details) for details in figures.details]
    return told


def _details_as_json(details: FailureDetails) -> dict[str, object]:
    texts = {
        "sending-mta-ip": details.sending_ip,
        "receiving-mx-hostname": details.mx_host,
        "receiving-mx-helo": details.helo,
        "receiving-ip": details.receiving_ip,
        "additional-information": details.information,
        "failure-reason-code": details.reason,
    }
    told: dict[str, object] = {"result-type": details.result_type}
    told.update((name, text) for name, text in texts.items() if text)
    told["failed-session-count"] = details.sessions
    return told


def _date_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def report_of_json(value: object) -> Report:
    """
    :param value: what a JSON parser made of a report. Members that are not
        known are ignored.
    :raise MalformedReportError: if it is not one.
    """
    report = _Object(value, "the report")
    covered = report.member("date-range")
    return Report(
        organization=report.text("organization-name"),
        contact=report.text("contact-info"),
        id=report.required("report-id", _text),
        begin=covered.required("start-datetime", _moment),
        end=covered.required("end-datetime", _moment),
        policies=report.list("policies", policy_of_json),
    )


def policy_of_json(value: object, name: str = "the policy") -> PolicyFigures:
    """
    :param value: one of the ``policies`` of a report.
    :param name: what errors call it.
    :raise MalformedReportError: if it is not one.
    """
    told = _Object(value, name)
    policy, summary = told.member("policy"), told.member("summary")
    return PolicyFigures(
        policy_type=policy.required("policy-type", _text),
        domain=policy.required("policy-domain", _text),
        strings=policy.list("policy-string", _text),
        mx_hosts=policy.list("mx-host", _text),
        successes=summary.required("total-successful-session-count", _count),
        failures=summary.required("total-failure-session-count", _count),
        details=told.list("failure-details", _details),
    )


def _details(value: object, name: str) -> FailureDetails:
    told = _Object(value, name)
    return FailureDetails(
        result_type=told.required("result-type", _text),
        sessions=told.required("failed-session-count", _count),
        mx_host=told.text("receiving-mx-hostname"),
        helo=told.text("receiving-mx-helo"),
        receiving_ip=told.text("receiving-ip"),
        sending_ip=told.text("sending-mta-ip"),
        reason=told.text("failure-reason-code"),
        information=told.text("additional-information"),
    )


class _Object:
    """
    A JSON object whose members are what they should be.

    :param name: what errors call it.
    """

    def __init__(self, value: object, name: str) -> None:
        if not isinstance(value, Mapping):
            raise MalformedReportError(f"{name} is not an object")
        self._value = value
        self._name = name

    def required(self, key: str, check: Callable[[object, str], T]) -> T:
        if key not in self._value:
            raise MalformedReportError(f"{self._name} has no {key}")
        return check(self._value[key], key)

    def text(self, key: str) -> str:
        """Empty if it is not there."""
        value = self._value.get(key)
        return "" if value is None else _text(value, key)

    def member(self, key: str) -> _Object:
        return self.required(key, _Object)

    def list(self, key: str, check: Callable[[object, str], T]) -> tuple[T, ...]:
        """Empty if it is not there; what should be an array may be its only element."""
        value = self._value.get(key)
        if value is None:
            return ()
        elements = value if isinstance(value, list) else [value]
        return tuple(check(element, key) for element in elements)


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise MalformedReportError(f"{name} is not a string")
    return value


def _count(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _GREATEST_INTEGER:
        raise MalformedReportError(f"{name} is not a count")
    return value


def _moment(value: object, name: str) -> datetime:
    text = _text(value, name)
    if _DATE_TIME.fullmatch(text):
        with suppress(ValueError, OverflowError):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    raise MalformedReportError(f"{name} is not a date and time (RFC 3339)")
