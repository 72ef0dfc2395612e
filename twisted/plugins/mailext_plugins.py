"""
What mailext brings into Twisted's plugin system.

This folder has no ``__init__.py``, nor has the one above it: they would
shadow Twisted itself.
"""

from twisted.application.service import ServiceMaker

from mailext.clientid.history import HistoryCheckerFactory
from mailext.requiretls.rules import RequireTlsRuleFactory

mailext = ServiceMaker(
    "mailext", "mailext.tap", "A mail server that speaks CLIENTID and REQUIRETLS in full.", "mailext"
)
history = HistoryCheckerFactory()
requiretls = RequireTlsRuleFactory()
