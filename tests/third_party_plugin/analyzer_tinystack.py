"""Teaches the analyzer to read tinystack models: one plugin that implements every hook."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer import (
    Convention,
    Cost,
    Document,
    Importer,
    InputError,
    Model,
    ModelBuilder,
    ModelError,
    Node,
    Operation,
    Place,
    Renderer,
    Request,
    Use,
    hookimpl,
    ops,
    product,
)

if TYPE_CHECKING:
    from tinystack import Stack  # a plugin imports without its framework


class StackImporter(Importer):
    """Reads ``.stack`` files and ``tinystack.Stack`` objects."""

    name = "tinystack"
    framework = "tinystack"
    packages = ("tinystack",)
    suffixes = (".stack",)

    @property
    def requirement(self) -> str:
        return "analyzer-tinystack"

    def accepts(self, model: object) -> bool:
        framework = sys.modules.get("tinystack")  # who has a Stack has imported tinystack
        return framework is not None and isinstance(model, framework.Stack)

    def load(self, path: Path) -> Stack:
        import tinystack

        try:
            return tinystack.load(path)
        except ValueError as error:
            raise ModelError(f"{str(path)!r} is no tinystack model: {error}") from error

    def read(self, model: Any, request: Request) -> Model:
        import tinystack

        rows = _rows(model, request)
        builder = ModelBuilder(
            name=request.name,
            framework=self.framework,
            framework_version=tinystack.__version__,
            source=request.source,
        )
        builder.layer("", type="Stack")
        x = start = builder.tensor((rows, model.width), "float32", name="input")
        for line in model.lines:
            builder.layer(line.name, type=line.kind, parent="")
            width = int(line.words[0]) if line.kind == "dense" else x.shape[1]
            y = builder.tensor((rows, width), "float32")
            operation: Operation
            uses = []
            match line.kind:
                case "dense":
                    bias = "bias" in line.words
                    operation = ops.Linear(
                        rows=rows, in_features=x.shape[1], out_features=width, bias=bias
                    )
                    axes = ("input features", "output features")
                    kernel = f"{line.name}.kernel"
                    builder.parameter(kernel, shape=(x.shape[1], width), dtype="float32")
                    uses.append(Use(kernel, "kernel", axes))
                    if bias:
                        builder.parameter(f"{line.name}.bias", shape=(width,), dtype="float32")
                        uses.append(Use(f"{line.name}.bias", "bias", axes[1:]))
                case "relu":
                    operation = ops.Elementwise(function="relu", elements=x.elements)
                case _:  # never dropped, and never free by accident
                    operation = ops.Unknown(name=f"tinystack.{line.kind}")
            builder.add(
                operation, inputs=[x], outputs=[y], uses=uses, layer=line.name, native=line.kind
            )
            builder.called(line.name, [y])
            x = y
        builder.called("", [x])
        return builder.build(inputs=[start], outputs=[x])


def _rows(model: Stack, request: Request) -> int:
    """Return the number of rows of the input; a stack tells its width and nothing else."""
    inputs = request.flat_inputs()
    if not inputs:
        return request.batch_size
    shape = inputs[0].shape
    if len(inputs) > 1 or len(shape) != 2 or shape[1] != model.width:
        given = ", ".join(map(str, inputs))
        raise InputError(f"tinystack takes one input of shape (rows, {model.width}); got {given}")
    return shape[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hadamard(Operation):
    """The fast Walsh–Hadamard transform: ``(rows, size) → (rows, size)``, size a power of 2.

    >>> Hadamard(rows=1, size=8).cost().flops.value
    24
    """

    rows: int
    size: int

    lesson = "In each of log₂ n steps, every element is added to another or subtracted from it."

    def __post_init__(self) -> None:
        if self.size < 1 or self.size & (self.size - 1):
            raise ModelError(f"hadamard: size {self.size} is not a power of 2; pad its input")

    def cost(self) -> Cost:
        steps = self.size.bit_length() - 1
        if not steps:
            return Cost(free="one element is its own transform")
        return Cost(elementwise=product(rows=self.rows, size=self.size, steps=steps))


def _hadamard(node: Node) -> Operation:
    rows, size = node.inputs[0].shape
    return Hadamard(rows=rows, size=size)


def _fuse(place: Place) -> Cost:
    return replace(place.cost, flops_per_mac=1)


def _tsv(document: Document) -> str:
    rows = [document.table.columns, *document.table.rows]
    return "\n".join("\t".join("" if cell is None else str(cell) for cell in row) for row in rows)


@hookimpl
def analyzer_importers() -> Iterable[Importer]:
    """Give the importer of tinystack models."""
    return [StackImporter()]


@hookimpl
def analyzer_operations() -> Mapping[str, Callable[[Node], Operation | None]]:
    """Give the meaning of the operation that the importer does not know."""
    return {"tinystack.hadamard": _hadamard}


@hookimpl
def analyzer_conventions() -> Iterable[Convention]:
    """Give a convention for hardware with fused multiply–add."""
    return [
        Convention(
            name="fused",
            version=1,
            description="a multiplication and its addition are one FLOP, as fused hardware has it",
            otherwise=_fuse,
        )
    ]


@hookimpl
def analyzer_renderers() -> Iterable[Renderer]:
    """Give tab-separated values, for spreadsheets."""
    return [Renderer(name="tsv", description="the main table, tab-separated", render=_tsv)]
