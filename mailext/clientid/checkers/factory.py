"""
What the factories of the built-in checkers have in common.
"""

from __future__ import annotations

from zope.interface import implementer

from mailext.clientid.checkers.arguments import Arguments
from mailext.clientid.modes import Mode, in_mode
from mailext.interfaces import IClientIdentityChecker, IClientIdentityCheckerFactory, IPluginServices

__all__ = ["CheckerFactory"]


@implementer(IClientIdentityCheckerFactory)
class CheckerFactory:
    """
    Makes a checker, and puts it into the mode that its plugin string names.

    :cvar keys: the arguments that it takes besides ``mode``.
    """

    name: str
    help: str
    argStringFormat: str
    keys: frozenset[str]

    def generateChecker(self, argstring: str, services: IPluginServices) -> IClientIdentityChecker:
        """See :meth:`IClientIdentityCheckerFactory.generateChecker`."""
        arguments = self._arguments(argstring)
        return in_mode(_mode(arguments), self.make(arguments, services), self.name)

    @classmethod
    def mode_of(cls, argstring: str) -> Mode:
        """
        The mode that an argument asks for.

        :raise ValueError: if the argument cannot be used.
        """
        return _mode(cls._arguments(argstring))

    def make(self, arguments: Arguments, services: IPluginServices) -> IClientIdentityChecker:
        """
        Make the checker itself.

        :raise ValueError: saying what is wrong with the arguments.
        """
        raise NotImplementedError(type(self).__name__)

    @classmethod
    def _arguments(cls, argstring: str) -> Arguments:
        return Arguments(argstring, cls.keys | {"mode"})


def _mode(arguments: Arguments) -> Mode:
    return arguments.choice("mode", Mode.OBSERVE)
