"""One node as the functions that translate it see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from analyzer import Kind, Operation, ops
from analyzer_tensorflow.values import Claim, Step, Stored, Value

__all__ = ["Call", "Mapper", "attribute_of"]


@dataclass(slots=True, kw_only=True)
class Call:
    """A node with concrete inputs and outputs.

    Attributes:
        op: the type of the node.
        node: the ``NodeDef``.
        numbers_of: returns the elements of a value as an array, None where they are not known.
        uses: what the stored inputs are to the operation, as far as a mapper said.
        merged: the step before that this node was made a part of; then no operation is returned.
    """

    op: str
    node: Any
    inputs: Sequence[Value]
    outputs: Sequence[Value]
    numbers_of: Callable[[Value], Any]
    uses: list[tuple[Stored, Claim]]
    merged: Step | None = None

    @property
    def x(self) -> Value:
        """The first input."""
        return self.inputs[0]

    @property
    def y(self) -> Value:
        """The first output."""
        return self.outputs[0]

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute as a number, a text, or a list of them."""
        return attribute_of(self.node, name, default)

    def numbers(self, index: int) -> list[Any] | None:
        """Return the elements of an input as a flat list, None where they are not known."""
        if index >= len(self.inputs):
            return None
        known = self.numbers_of(self.inputs[index])
        return None if known is None else list(known.reshape(-1).tolist())

    def claim(
        self,
        index: int,
        role: str,
        axes: tuple[str, ...] = (),
        *,
        kind: Kind = Kind.LEARNABLE,
        assumed: bool = False,
    ) -> bool:
        """Say what an input is to this operation, if it is stored; return whether it is.

        Of one that is made of stored integers it is said that they are this, quantised.
        """
        value = self.inputs[index] if index < len(self.inputs) else None
        if value is None or value.weight is None:
            return False
        stored = value.stored
        if stored is None:
            value.weight.claims.append(Claim(role, axes, kind, assumed))
            value.weight.logical = value.sizes
            return False
        named = axes if len(axes) == len(stored.shape) else ()
        self.uses.append((stored, Claim(role, named, kind, assumed)))
        return True

    def fused(self, *steps: Operation | None) -> Operation:
        """Return what is done in one step: those that are there, or the only one."""
        there = tuple(step for step in steps if step is not None)
        return there[0] if len(there) == 1 else ops.Fused(name=self.op, steps=there)

    @property
    def channels_last(self) -> bool:
        """Where the channels stand."""
        return "C" not in str(self.attribute("data_format", "NHWC"))[:2]


Mapper = Callable[[Call], "Operation | None"]
"""Makes our operation of a node; None where it does not know, or where it was merged."""


def attribute_of(node: Any, name: str, default: Any = None) -> Any:
    """Return an attribute of a node as a number, a text, or a list of them.

    Types and shapes are as TensorFlow keeps them.
    """
    if name not in node.attr:
        return default
    value = node.attr[name]
    kind = value.WhichOneof("value")
    if kind is None:
        return default
    found = getattr(value, kind)
    if kind == "s":
        return found.decode(errors="replace")
    if kind != "list":
        return found
    for each in ("s", "i", "f", "b", "type", "shape", "func"):
        items = list(getattr(found, each))
        if items:
            return [item.decode(errors="replace") for item in items] if each == "s" else items
    return []
