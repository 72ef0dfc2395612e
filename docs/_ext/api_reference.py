"""
What pydoctor has to be told to read this project: that the fields of a
dataclass are the parameters of its constructor, which interfaces are Twisted's
own or stand in the package of ours, and how Sphinx's roles name their targets.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Mapping

from pydoctor import extensions, model
from pydoctor.extensions import zopeinterface
from pydoctor.linker import _EpydocLinker
from twisted.web.template import Flattenable, Tag, tags

_FIELD_DECORATORS = {"dataclass", "dataclasses.dataclass", "frozen", "define", "attrs.frozen", "attrs.define"}

_ELSEWHERE = sys.stdlib_module_names | {"argon2", "attrs", "sqlalchemy", "twisted", "zope"}

_INTERFACE = re.compile(r"zope\.interface\.Interface|(twisted|mailext\.interfaces)\..*\bI[A-Z][A-Za-z]+")


class SphinxLinker(_EpydocLinker):
    """Reads ``~package.Name``; what another project documents is no link here."""

    def link_xref(self, target: str, label: Flattenable, lineno: int) -> Tag:
        name = target.removeprefix("~")
        if name.partition(".")[0] in _ELSEWHERE or hasattr(builtins, name):
            return tags.transparent(name)
        shown = name.rpartition(".")[2] if name != target else label
        return super().link_xref(name, shown, lineno)


class Linked(extensions.DocumentableMixin, extensions.PackageMixin, model.Documentable):
    """Any documented object, its links found by :class:`SphinxLinker`."""

    @property
    def docstring_linker(self) -> SphinxLinker:
        if self._linker is None:
            self._linker = SphinxLinker(self)
        return self._linker


class FieldsAsParameters(extensions.ClassMixin, model.Class):
    """A class whose annotated fields may be its constructor's parameters."""

    @property
    def constructor_params(self) -> Mapping[str, ast.expr | None]:
        found = dict(super().constructor_params)
        for base in self.mro():
            decorators = {ast.unparse(node).partition("(")[0] for node in base.raw_decorators}
            if decorators & _FIELD_DECORATORS:
                fields = (each for each in base.contents.values() if isinstance(each, model.Attribute))
                found |= {each.name: each.annotation for each in fields}
                # A field whose default is a name passes for an alias of it.
                found |= dict.fromkeys(base._localNameToFullName_map)  # noqa: SLF001
        return found


def setup_pydoctor_extension(registrar: extensions.ExtRegistrar) -> None:
    """Called by pydoctor."""
    # An interface that extends one of Twisted's is an interface too.
    zopeinterface.interface_prog = _INTERFACE
    registrar.register_mixin(Linked, FieldsAsParameters)


class System(model.System):
    """The option ``--system-class`` of pydoctor names it."""

    custom_extensions = ["api_reference"]  # noqa: RUF012  # as pydoctor declares it
