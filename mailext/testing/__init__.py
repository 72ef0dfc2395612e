"""
For those who test what they plug into mailext, and for mailext's own tests.

* :class:`CheckerContract`: what every identity checker must pass; make a test
  class of it, with pytest or :mod:`unittest`.
* Fakes of what a plugin is given: :class:`FakeServices` with a
  :class:`twisted.internet.task.Clock`, a :class:`MemoryIdentityRegistry` and a
  :class:`MemoryLicenceRegistry`.
* Fakes of what a plugin is: :class:`ScriptedChecker`, :class:`ScriptedPolicy`.
* DNS: :class:`FakeResolver`, a validating resolver that knows the
  :class:`DnsRecords` of a test.
* :func:`session_view`, :func:`login_attempt`: values to ask about.
* :func:`verdict_of`: an answer, whether given at once or later.

Nothing here needs a running reactor.
"""

from mailext.testing.contract import CheckerContract
from mailext.testing.dns import DnsFault, DnsRecords, FakeResolver
from mailext.testing.fakes import FakeServices, ScriptedChecker, ScriptedPolicy
from mailext.testing.registry import MemoryIdentityRegistry, MemoryLicenceRegistry
from mailext.testing.samples import login_attempt, session_view, verdict_of

__all__ = [
    "CheckerContract",
    "DnsFault",
    "DnsRecords",
    "FakeResolver",
    "FakeServices",
    "MemoryIdentityRegistry",
    "MemoryLicenceRegistry",
    "ScriptedChecker",
    "ScriptedPolicy",
    "login_attempt",
    "session_view",
    "verdict_of",
]
