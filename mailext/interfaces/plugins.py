"""How a site brings checkers and policies of its own."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.plugin import IPlugin
from zope.interface import Attribute, Interface

from mailext.interfaces.checkers import IClientIdentityChecker
from mailext.interfaces.delivery import IDeliveryPolicy
from mailext.interfaces.registries import ICounterStore, IIdentityRegistry, ILicenceRegistry
from mailext.values import Mailbox

__all__ = [
    "IClientIdentityCheckerFactory",
    "IDeliveryPolicyFactory",
    "IPluginServices",
    "IRelayServices",
    "IRequireTlsSupport",
]


class IPluginServices(Interface):
    """What a checker or policy may use of the server that loads it."""

    clock: IReactorTime = Attribute("IReactorTime: the clock of everything that waits.")
    identities: IIdentityRegistry = Attribute("An IIdentityRegistry.")
    licences: ILicenceRegistry = Attribute("An ILicenceRegistry.")
    counters: ICounterStore = Attribute("An ICounterStore.")


class IRequireTlsSupport(Interface):
    """What is known of destinations and REQUIRETLS."""

    def supports(recipient: Mailbox) -> bool:
        """
        :return: whether it is known, from other messages, that one with
            REQUIRETLS would go to where the recipient's mail leads, or that
            none of it leaves this server.
        """


class IRelayServices(IPluginServices):
    """
    An add-on to the services, of a server that sends mail to others: to be
    found by ``providedBy``.
    """

    support: IRequireTlsSupport = Attribute("An IRequireTlsSupport.")


class IClientIdentityCheckerFactory(IPlugin):
    """A Twisted plugin that makes identity checkers from configuration strings."""

    name: str = Attribute("str: what stands before the first colon, for example ``history``.")
    help: str = Attribute("str: what it is for, in a paragraph.")
    argStringFormat: str = Attribute("str: what may follow the first colon.")

    def generateChecker(argstring: str, services: IPluginServices) -> IClientIdentityChecker:
        """
        :param argstring: what follows the first colon.
        :param services: an :class:`IPluginServices`.
        :return: an :class:`IClientIdentityChecker`.
        :raise ValueError: saying what is wrong with the argument.
        """


class IDeliveryPolicyFactory(IPlugin):
    """A Twisted plugin that makes delivery policies from configuration strings."""

    name: str = Attribute("str: what stands before the first colon, for example ``requiretls``.")
    help: str = Attribute("str: what it is for, in a paragraph.")
    argStringFormat: str = Attribute("str: what may follow the first colon.")

    def generatePolicy(argstring: str, services: IPluginServices) -> IDeliveryPolicy:
        """
        :param argstring: what follows the first colon.
        :param services: an :class:`IPluginServices`.
        :return: an :class:`IDeliveryPolicy`.
        :raise ValueError: saying what is wrong with the argument.
        """
