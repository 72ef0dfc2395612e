"""A plugin whose package was not installed with it."""

from acme_package_that_nobody_installed import factory

broken = factory
