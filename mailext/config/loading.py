"""From a source to a configuration that is fit for use."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorCore

from mailext.config.checks import check_configuration
from mailext.config.model import Configuration
from mailext.config.problems import ConfigurationError
from mailext.config.source import Source, read
from mailext.interfaces import IPluginServices

__all__ = ["load"]


def load(source: Source, reactor: IReactorCore, services: IPluginServices) -> Configuration:
    """
    Read a configuration and check all that can be checked without using it.

    :param reactor: what endpoints are made for; nothing is bound.
    :param services: what plugins are made with.
    :raise ConfigurationError: with everything that is wrong.
    """
    configuration = read(source)
    findings = list(check_configuration(configuration, reactor, services))
    if findings:
        raise ConfigurationError(source.problem(*finding) for finding in findings)
    return configuration
