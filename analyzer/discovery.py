"""Finds plugins by their entry points and holds what they gave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import pluggy

from analyzer.conventions import BUILT_IN as CONVENTIONS
from analyzer.conventions import Convention
from analyzer.errors import PluginError, UnknownNameError
from analyzer.hookspecs import GROUP, HookSpecs
from analyzer.importer import Importer
from analyzer.installed import EntryPoint, entry_points
from analyzer.render import BUILT_IN as RENDERERS
from analyzer.render import Renderer

if TYPE_CHECKING:
    from analyzer.ir import Node
    from analyzer.ops.base import Operation

__all__ = ["Plugin", "Registry", "named", "registry"]

Translator = Callable[["Node"], "Operation | None"]
_T = TypeVar("_T")


@dataclass(slots=True, kw_only=True)
class Plugin:
    """A plugin as it was found.

    Attributes:
        name: of its entry point.
        distribution: name and version of the package that it came in.
        value: where it lives, ``module`` or ``module:attribute``.
        error: why it is not in use, empty when it is.
        provides: what it gave: ``("importer torch", …)``.
    """

    name: str
    distribution: str
    value: str
    error: str = ""
    provides: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Registry:
    """Everything that plugins, and the analyser itself, provide.

    Raises, on making one:
        PluginError: two plugins, or two things that plugins give, have one name.
    """

    plugins: list[Plugin] = field(default_factory=list)
    importers: dict[str, Importer] = field(default_factory=dict)
    conventions: dict[str, Convention] = field(
        default_factory=lambda: {convention.name: convention for convention in CONVENTIONS}
    )
    renderers: dict[str, Renderer] = field(
        default_factory=lambda: {renderer.name: renderer for renderer in RENDERERS}
    )
    operations: dict[str, Translator] = field(default_factory=dict)
    _givers: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def load(cls, found: Iterable[EntryPoint]) -> Registry:
        """Load the plugins of these entry points, in the order of their names."""
        made = cls()
        manager = pluggy.PluginManager("analyzer")
        manager.add_hookspecs(HookSpecs)
        points = sorted(found, key=lambda point: (point.name, point.value))
        for first, second in pairwise(points):
            if first.name == second.name and first.value != second.value:
                raise PluginError(
                    f"two plugins are named {first.name!r}: {_where(first)} and {_where(second)}; "
                    "uninstall one of them"
                )
        for point in {point.name: point for point in points}.values():
            plugin = Plugin(name=point.name, distribution=point.distribution, value=point.value)
            made.plugins.append(plugin)
            try:
                loaded = point.load()
                manager.register(loaded, name=point.name)
                manager.check_pending()
                made._take(plugin, manager, loaded)
            except PluginError:
                raise
            except (Exception, SystemExit) as error:  # a stranger's code may raise anything
                plugin.error = f"{type(error).__name__}: {' '.join(str(error).split())}"
                if manager.has_plugin(point.name):
                    manager.unregister(name=point.name)
        return made

    def convention(self, name: str) -> Convention:
        """Return the convention of this name, or raise UnknownNameError."""
        return named(self.conventions, name, "convention")

    def renderer(self, name: str) -> Renderer:
        """Return the renderer of this name, or raise UnknownNameError."""
        return named(self.renderers, name, "format")

    def _take(self, plugin: Plugin, manager: pluggy.PluginManager, loaded: object) -> None:
        others = [other for other in manager.get_plugins() if other is not loaded]

        def given(hook: str, kind: type[_T]) -> list[_T]:
            answers = manager.subset_hook_caller(hook, others)()
            items = [item for answer in answers for item in answer]
            for item in items:
                if not isinstance(item, kind) or not getattr(item, "name", ""):
                    what = f"{kind.__name__} with a name"
                    raise TypeError(f"{hook} gave {item!r}, which is no {what}")
            return items

        # Everything is asked for before anything is taken: a plugin that is broken halfway
        # through leaves nothing behind.
        importers = given("analyzer_importers", Importer)  # type: ignore[type-abstract]
        conventions = given("analyzer_conventions", Convention)
        renderers = given("analyzer_renderers", Renderer)
        mappings = manager.subset_hook_caller("analyzer_operations", others)()
        operations = {name: make for mapping in mappings for name, make in mapping.items()}
        for name, make in operations.items():
            if not callable(make):
                raise TypeError(f"analyzer_operations gave {make!r} for {name!r}, no function")
        for importer in importers:
            self._claim("importer", importer.name, plugin)
            self.importers[importer.name] = importer
        for convention in conventions:
            self._claim("convention", convention.name, plugin, taken=self.conventions)
            self.conventions[convention.name] = convention
        for renderer in renderers:
            self._claim("format", renderer.name, plugin, taken=self.renderers)
            self.renderers[renderer.name] = renderer
        for name, translator in operations.items():
            self._claim("operation", name, plugin)
            self.operations[name] = translator

    def _claim(
        self, what: str, name: str, plugin: Plugin, *, taken: Mapping[str, object] | None = None
    ) -> None:
        giver = self._givers.get((what, name)) or ("analyzer" if name in (taken or ()) else None)
        if giver is not None:
            raise PluginError(
                f"two plugins give the {what} {name!r}: {giver!r} and {plugin.name!r}; "
                "uninstall one of them"
            )
        self._givers[(what, name)] = plugin.name
        plugin.provides.append(f"{what} {name}")


@cache
def registry() -> Registry:
    """Return the registry of the installed plugins; they are looked for once."""
    return Registry.load(entry_points(GROUP))


def named(known: Mapping[str, _T], name: str, what: str) -> _T:
    """Return what goes by a name.

    Raises:
        UnknownNameError: nothing does.
    """
    try:
        return known[name]
    except KeyError:
        raise UnknownNameError(
            f"{what} {name!r} is not known; known are {', '.join(sorted(known))}"
        ) from None


def _where(point: EntryPoint) -> str:
    return f"{point.value} of {point.distribution}"
