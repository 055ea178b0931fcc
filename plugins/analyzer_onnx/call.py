"""One node of a graph as the mapping functions see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from analyzer import Kind, ModelError, Operation, ops
from analyzer_onnx.blocks import Blocks
from analyzer_onnx.values import Claim, Value

if TYPE_CHECKING:
    from analyzer_onnx.nodes import OnnxNode

__all__ = ["NOBODY", "Call", "Mapper"]

NOBODY: Set[str] = frozenset()
"""What reads a tensor that nothing reads."""


@dataclass(slots=True)
class Call:
    """A node with its attributes and the values it reads and writes.

    Attributes:
        op_type: name of the operator, with its domain unless that is ONNX's own.
        opset: version of the operator set that the node is written for.
        inputs: values read; None for an optional one that is left out.
        outputs: values written, the shape of the first one known.
        readers: operators that read the first output, itself or moved or written in another type.
        keep: makes a stored tensor of weights that are written into the node itself.
        held: those that it has made.
        blocks: what is known of maps whose channels are kept in blocks.
        filled_up: whether weights may hold more than the model's, and nobody can tell how many.
        at_most: why the work is only known to be no more than what is counted, if it is.
    """

    node: OnnxNode
    op_type: str
    opset: int
    inputs: Sequence[Value | None]
    outputs: Sequence[Value]
    blocks: Blocks
    readers: Set[str] = NOBODY
    keep: Callable[[str, tuple[int, ...]], Value] | None = None
    held: list[Value] = field(default_factory=list)
    filled_up: bool = False
    at_most: str = ""

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute as a Python value; text as ``str``."""
        value = self.node.given.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def has(self, index: int) -> bool:
        """Say whether an optional input is there."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def input(self, index: int) -> Value:
        """Return an input that must be there.

        Raises:
            ModelError: it is left out.
        """
        value = self.inputs[index] if index < len(self.inputs) else None
        if value is None:
            raise ModelError(
                f"{self.op_type} node {self.node.name!r}: input {index} is missing; "
                "the operator cannot do without it"
            )
        return value

    @property
    def x(self) -> Value:
        """The first input."""
        return self.input(0)

    @property
    def y(self) -> Value:
        """The first output."""
        return self.outputs[0]

    def numbers(self, index: int) -> list[Any] | None:
        """Return the known elements of an input as a flat list, None where they are not known."""
        value = self.inputs[index] if self.has(index) else None
        if value is None or not value.known or value.data is None:
            return None
        return list(value.data.reshape(-1).tolist())

    def integers(self, name: str, index: int) -> list[int] | None:
        """Return integers that older operator sets take as an attribute, newer ones as an input."""
        if self.has(index):
            return self.numbers(index)
        given = self.attribute(name)
        return None if given is None else [int(number) for number in given]

    def claim(
        self,
        index: int,
        role: str,
        axes: tuple[str, ...] = (),
        *,
        kind: Kind = Kind.LEARNABLE,
        assumed: bool = False,
    ) -> bool:
        """Say what a stored input is to this operation; return whether it is a weight.

        ``axes`` names the axes of the input as it comes here; they are put in stored order.
        """
        value = self.inputs[index] if self.has(index) else None
        if value is None:
            return False
        names: tuple[str, ...] = ()
        if value.axes is not None and len(value.axes) == len(axes) and len(value.stored) == 1:
            named = dict(zip(value.axes, axes, strict=True))
            names = tuple(named.get(axis, "1") for axis in range(len(value.stored[0].shape)))
        for stored in value.weights:
            stored.claims.append(Claim(kind, role, names, assumed))
        return bool(value.weights)

    def hold(self, name: str, shape: tuple[int, ...], role: str, axes: tuple[str, ...]) -> None:
        """Take an attribute for the weights that it holds."""
        if self.keep is None:
            return
        value = self.keep(f"{self.node.name or self.node.output[0]}.{name}", shape)
        for stored in value.stored:
            stored.claims.append(Claim(Kind.LEARNABLE, role, axes))
        self.held.append(value)

    def unpack(
        self, index: int, shape: tuple[int, ...], role: str, axes: tuple[str, ...], bits: int = 0
    ) -> None:
        """Claim a stored input, and say which elements it packs; its bytes stay those of the file.

        ``axes`` names those of ``shape``. Without ``bits`` an element has the type in the file.
        """
        value = self.inputs[index] if self.has(index) else None
        if value is None or len(value.weights) != 1:
            return
        (stored,) = value.weights
        stored.shape = shape
        stored.dtype = _PACKED.get(bits, stored.dtype)
        stored.claims.append(Claim(Kind.LEARNABLE, role, axes))

    def touch(self, index: int, chosen: int, experts: int) -> None:
        """Say that a token touches so many of the experts that are stacked in a stored input."""
        value = self.inputs[index] if self.has(index) else None
        for stored in value.weights if value is not None else ():
            stored.active_elements = prod(stored.shape) // experts * chosen

    def bias(self, index: int, axis: str) -> bool:
        """Claim a bias, and say whether there is one: exporters write a missing one as zeros."""
        value = self.inputs[index] if self.has(index) else None
        if value is None:
            return False
        stored = self.claim(index, "bias", (axis,))
        return stored or value.data is None or bool(value.data.any())

    def fused(self, *steps: Operation | None) -> Operation:
        """Return what is done in one step: those that are there, or the only one."""
        there = tuple(step for step in steps if step is not None)
        return there[0] if len(there) == 1 else ops.Fused(name=self.node.op_type, steps=there)


_PACKED = {2: "uint2", 4: "uint4", 8: "uint8"}
"""Bits of packed elements, to their type; others have none, and keep that of the file."""


Mapper = Callable[[Call], "Operation | Sequence[Operation] | None"]
"""Makes our operation of a node: one, several in a row, or None where it does not know."""
