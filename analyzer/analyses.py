"""One model analysed at any sizes: it is found and made once, and read for each."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace

from analyzer.analysis import report_on
from analyzer.discovery import registry
from analyzer.errors import AnalyzerError, ModelError, NoImporterError, PluginError, UsageError
from analyzer.given import normalize_inputs
from analyzer.importer import Mode, Request
from analyzer.ir import Model, Node
from analyzer.ops.control import Branch, Repeat, Unknown
from analyzer.report import Report
from analyzer.sizes import sized_arguments, sized_inputs
from analyzer.sources import Found, find_model

__all__ = ["Analyses"]


class Analyses:
    """A model with what was said of its inputs; :meth:`at` analyses it.

    Raises, on making one:
        UsageError: an input, name or option is not understood.
    """

    def __init__(
        self,
        model: object,
        inputs: object = None,
        *,
        convention: str = "analyzer",
        mode: str = "inference",
        arguments: Mapping[str, object] | None = None,
    ) -> None:
        self.registry = registry()
        self.convention = self.registry.convention(convention)
        if mode not in tuple(Mode):
            raise UsageError(f"mode {mode!r} is not known; known are {', '.join(Mode)}")
        self.mode = Mode(mode)
        self.inputs = normalize_inputs(inputs)
        self.arguments = arguments
        self._model = model
        self._found: tuple[Mapping[str, object], Found] | None = None

    def at(self, batch_size: int = 1, dims: Mapping[str, int] | None = None) -> Report:
        """Analyse the model at a batch size and sizes of named dimensions, ``batch`` among them.

        Raises:
            UsageError: an input or a size does not fit, or lacks.
            ModelError: the model could not be read.
        """
        if not isinstance(batch_size, int) or batch_size < 1:
            raise UsageError(f"batch size {batch_size!r} is no positive integer; give 1 or more")
        if not isinstance(dims or {}, Mapping):
            raise UsageError(
                f"dims {dims!r} is no mapping; give sizes by name, as in {{'steps': 128}}"
            )
        dims = dict(dims or {})
        batch_size = dims.get("batch", batch_size)
        inputs, used = sized_inputs(self.inputs, dims, batch_size)
        arguments, told = sized_arguments(self.arguments or {}, {"batch": batch_size, **dims})
        used |= told
        request = Request(
            inputs=inputs,
            batch_size=batch_size,
            dims={name: size for name, size in dims.items() if name not in used},
            mode=self.mode,
        )
        read = self._find(arguments).read(request)
        read = replace(read, dims={**read.dims, **used})
        return self._report(read)

    def _find(self, arguments: Mapping[str, object]) -> Found:
        """Return the model: the one there was, unless it was made with other arguments."""
        if self._found is None or self._found[0] != arguments:
            try:
                found = find_model(self._model, self.registry.importers, arguments)
            except NoImporterError as error:
                plugins = self.registry.plugins
                broken = ", ".join(plugin.name for plugin in plugins if plugin.error)
                if not broken:
                    raise
                raise NoImporterError(
                    f"{error}; broken and not in use: {broken} ('analyzer plugins' tells why)"
                ) from error
            self._found = (arguments, found)
        return self._found[1]

    def _report(self, read: Model) -> Report:
        try:
            if read.nodes is not None and self.registry.operations:
                read = replace(read, nodes=tuple(map(_translated, read.nodes)))
            return report_on(read, self.convention)
        except RecursionError:
            raise ModelError(
                f"{read.name or 'the model'}: its loops and branches lie deeper inside each other "
                f"than {sys.getrecursionlimit()} calls can follow; raise sys.setrecursionlimit"
            ) from None


def _translated(node: Node) -> Node:
    """Give an unknown operation the meaning that a plugin has for it."""
    match node.operation:
        case Unknown(name=name):
            translator = registry().operations.get(name)
            if translator is None:
                return node
            try:
                found = translator(node)
            except AnalyzerError:
                raise
            except Exception as error:  # a stranger's code may raise anything
                raise PluginError(
                    f"the meaning that a plugin gives to {name!r} (see 'analyzer plugins') raised "
                    f"{type(error).__name__} in layer {node.layer!r}: {error}"
                ) from error
            return node if found is None else replace(node, operation=found)
        case Repeat(body=body):
            inner = tuple(map(_translated, body))
            return replace(node, operation=replace(node.operation, body=inner))
        case Branch(alternatives=alternatives):
            ways = tuple(tuple(map(_translated, way)) for way in alternatives)
            return replace(node, operation=replace(node.operation, alternatives=ways))
    return node
