"""The policy itself: its grammar, and which hosts it covers (RFC 8461 sections 3.2 and 4.1)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["LONGEST_LIFE", "StsMode", "StsPolicy", "read_pattern", "read_policy"]

#: The greatest ``max_age``, in seconds.
LONGEST_LIFE = 31_557_600

_FIELD = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*([^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]*))")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PATTERN = re.compile(rf"(?:\*\.)?(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_MAX_AGE = re.compile(r"[0-9]{1,10}")

# As many hexadecimal digits as an id may have.
_ID_LENGTH = 32


class StsMode(StrEnum):
    """What a policy wants of those who send mail (section 5)."""

    #: No mail for a host that falls short of it.
    ENFORCE = "enforce"
    #: A report about it, and the mail.
    TESTING = "testing"
    #: Nothing: there is to be no policy (section 8.3).
    NONE = "none"


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """
    A policy.

    :param max_age: for how long to remember it, in seconds.
    :param mx: patterns of host names, in lower case: a name, or ``*.`` and a
        name.
    """

    mode: StsMode
    max_age: int
    mx: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """The policy as it is published, line by line."""
        patterns = (f"mx: {pattern}" for pattern in self.mx)
        return ("version: STSv1", f"mode: {self.mode}", *patterns, f"max_age: {self.max_age}")

    @property
    def text(self) -> bytes:
        """The policy as it is published."""
        return "".join(f"{line}\r\n" for line in self.lines).encode("ascii")

    @property
    def id(self) -> str:
        """An id for the record: another one for every other policy (section 3.1)."""
        return hashlib.sha256(self.text).hexdigest()[:_ID_LENGTH]

    def covers(self, host: str) -> bool:
        """
        Whether a host is one of the domain's.

        :param host: the name from its MX record, in A-labels and lower case.
        """
        # Section 4.1: a wildcard stands for the whole left-most label.
        left_most, dot, parent = host.partition(".")
        return host in self.mx or bool(left_most and dot and f"*.{parent}" in self.mx)


def read_policy(text: bytes) -> StsPolicy:
    """
    :param text: as the policy host sent it.
    :raise ValueError: if it is no policy, saying why.
    """
    try:
        lines = text.decode("utf-8").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    if lines[-1] == "":
        # The last line may have an end, and need not.
        lines.pop()
    known: dict[str, str] = {}
    patterns = []
    for line in lines:
        field = _FIELD.fullmatch(line.rstrip(" \t"))
        if field is None:
            raise ValueError(f"not a field: {line[:100]!r}")
        name, value = field.groups()
        if name == "mx":
            patterns.append(read_pattern(value))
        else:
            # Section 3.2: of a field that is repeated the first one counts.
            known.setdefault(name, value)
    return _policy(known, tuple(patterns))


def _policy(fields: dict[str, str], patterns: tuple[str, ...]) -> StsPolicy:
    missing = [name for name in ("version", "mode", "max_age") if name not in fields]
    if missing:
        raise ValueError(f"no {missing[0]}")
    if fields["version"] != "STSv1":
        raise ValueError(f"not a version that is known: {fields['version'][:100]!r}")
    try:
        mode = StsMode(fields["mode"])
    except ValueError:
        raise ValueError(f"not a mode: {fields['mode'][:100]!r}") from None
    if not _MAX_AGE.fullmatch(fields["max_age"]) or int(fields["max_age"]) > LONGEST_LIFE:
        raise ValueError(f"not a max_age up to {LONGEST_LIFE}: {fields['max_age'][:100]!r}")
    if not patterns and mode is not StsMode.NONE:
        raise ValueError("no mx")
    return StsPolicy(mode, int(fields["max_age"]), patterns)


def read_pattern(text: str) -> str:
    """
    :param text: a name, or ``*.`` and a name, in A-labels.
    :return: the same in lower case.
    :raise ValueError: if it is no pattern of host names.
    """
    if not _PATTERN.fullmatch(text):
        raise ValueError(f"not a pattern of host names: {text[:100]!r}")
    return text.lower()
