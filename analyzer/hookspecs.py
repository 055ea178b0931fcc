"""Every way to extend the analyser. A plugin implements any of these with ``analyzer.hookimpl``.

A plugin is a module, or any object, that a distribution names in its entry-point group
``analyzer.plugins``::

    [project.entry-points."analyzer.plugins"]
    mine = "my_package.plugin"

Plugins are loaded when the first model is analysed. One that fails to import or to answer is
listed with its error by ``analyzer plugins`` and stops nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from analyzer.conventions import Convention
    from analyzer.importer import Importer
    from analyzer.ir import Node
    from analyzer.ops.base import Operation
    from analyzer.render import Renderer

__all__ = ["GROUP", "HookSpecs", "hookimpl", "hookspec"]

GROUP = "analyzer.plugins"
hookspec = pluggy.HookspecMarker("analyzer")
hookimpl = pluggy.HookimplMarker("analyzer")


class HookSpecs:
    """The hooks, in the order in which an analysis comes to them."""

    @hookspec
    def analyzer_importers(self) -> Iterable[Importer]:  # type: ignore[empty-body]
        """Give importers, each for the models of one framework or file format.

        Arguments:
            none.

        Returns:
            instances of :class:`analyzer.Importer`.

        Who wins:
            names are unique: two importers of one name are an error that names both plugins. Of
            several importers that accept an object or take a file, the one whose plugin's name
            comes first in the alphabet has it.
        """

    @hookspec
    def analyzer_operations(self) -> Mapping[str, Callable[[Node], Operation | None]]:  # type: ignore[empty-body]
        """Give meanings for native operations that the importers leave unknown.

        Arguments:
            none.

        Returns:
            a mapping from the name under which reports list the unknown operation (such as
            ``mylib.rotate``) to a function. It gets the :class:`analyzer.ir.Node` whose operation
            is :class:`analyzer.ops.Unknown`, with its tensors and attributes, and returns an
            operation: one of :mod:`analyzer.ops`, or an own subclass of
            :class:`analyzer.ops.Operation` with its rule. None leaves it unknown.

        Who wins:
            a name belongs to one plugin: two that give the same name are an error that names both.
            An operation that an importer knows by itself is not asked for.
        """

    @hookspec
    def analyzer_conventions(self) -> Iterable[Convention]:  # type: ignore[empty-body]
        """Give named ways of counting, for ``--convention``.

        Arguments:
            none.

        Returns:
            instances of :class:`analyzer.Convention`.

        Who wins:
            names are unique, the built-in ones included: two of one name are an error.
        """

    @hookspec
    def analyzer_renderers(self) -> Iterable[Renderer]:  # type: ignore[empty-body]
        """Give formats for reports, for ``--format``.

        Arguments:
            none.

        Returns:
            instances of :class:`analyzer.Renderer`.

        Who wins:
            names are unique, the built-in ones included: two of one name are an error.
        """
