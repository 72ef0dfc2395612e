"""What ``[tlsrpt]`` means."""

from __future__ import annotations

from mailext.config.model import TlsReports
from mailext.config.reporting import reporting_rules
from mailext.tlsrpt.courier import Submitter
from mailext.tlsrpt.reporter import ReportingRules
from mailext.units import parse_duration
from mailext.values import Mailbox


def test_nothing_is_sent_by_default() -> None:
    assert reporting_rules(TlsReports()) == ReportingRules(None, 30)


def test_a_contact_is_enough() -> None:
    rules = reporting_rules(TlsReports(contact="tls@B\u00fccher.example", keep=parse_duration("36h")))
    contact = Mailbox("tls", "xn--bcher-kva.example")
    assert rules == ReportingRules(Submitter(contact, "xn--bcher-kva.example", mail=False), 2)


def test_all_keys() -> None:
    rules = reporting_rules(TlsReports(contact="tls@example.org", organization_name="Ex", mail=True))
    assert rules.submitter == Submitter(Mailbox("tls", "example.org"), "Ex", mail=True)
