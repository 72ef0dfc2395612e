"""
What mailext brings into Twisted's plugin system.

This folder has no ``__init__.py``, nor has the one above it: they would
shadow Twisted itself.
"""

from twisted.application.service import ServiceMaker

from mailext.clientid.checkers.allowlist import AllowListCheckerFactory
from mailext.clientid.checkers.attack_mode import AttackModeCheckerFactory
from mailext.clientid.checkers.bruteforce import BruteForceCheckerFactory
from mailext.clientid.checkers.choose import ChoosingCheckerFactory
from mailext.clientid.checkers.history import HistoryCheckerFactory
from mailext.clientid.checkers.licence import LicenceCheckerFactory
from mailext.clientid.checkers.mac import MacCheckerFactory
from mailext.clientid.checkers.rate import RateCheckerFactory
from mailext.clientid.checkers.shared import SharedIdentityCheckerFactory
from mailext.clientid.checkers.types import TypesCheckerFactory
from mailext.clientid.checkers.velocity import VelocityCheckerFactory
from mailext.requiretls.rules import RequireTlsRuleFactory

mailext = ServiceMaker(
    "mailext", "mailext.tap", "A mail server that speaks CLIENTID and REQUIRETLS in full.", "mailext"
)
allowlist = AllowListCheckerFactory()
attack_mode = AttackModeCheckerFactory()
bruteforce = BruteForceCheckerFactory()
choose = ChoosingCheckerFactory()
history = HistoryCheckerFactory()
licence = LicenceCheckerFactory()
mac = MacCheckerFactory()
rate = RateCheckerFactory()
shared = SharedIdentityCheckerFactory()
types = TypesCheckerFactory()
velocity = VelocityCheckerFactory()
requiretls = RequireTlsRuleFactory()
