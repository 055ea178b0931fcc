"""What several families of operators are made with."""

from __future__ import annotations

from typing import Any

from analyzer import Operation
from analyzer.ops import FUNCTIONS, REDUCTIONS, Elementwise, Fused, Reduction, Unknown
from analyzer_torch.call import Call, Maker, full_name

__all__ = ["elementwise", "function", "fused", "has_complex", "reduced", "reduction", "unknown"]

_OF_COMPLEX = {"not equal": "complex equal", "square": "complex multiply"}
"""Functions that complex numbers know by another name."""


def has_complex(call: Call) -> bool:
    """Say whether a call computes with complex numbers."""
    tensors = (*call.tensors(), *call.outputs)
    return any(tensor.is_complex() for tensor in tensors)


def unknown(call: Call, because: str = "", **attributes: Any) -> Unknown:
    """Say that this use of an operator is not known, with what makes it so."""
    return Unknown(name=full_name(call.func), because=because, attributes=tuple(attributes.items()))


def elementwise(
    call: Call, name: str, elements: int | None = None, *, bias: bool = False
) -> Operation:
    """Make a function of each element of the result, or of so many; complex numbers have theirs."""
    count = call.output.numel() if elements is None else elements
    if FUNCTIONS[name].flops and has_complex(call):
        name = _OF_COMPLEX.get(name, f"complex {name}")
        if name not in FUNCTIONS:
            return unknown(call, dtype="complex")
    return Elementwise(function=name, elements=count, bias=bias)


def function(name: str) -> Maker:
    """Return what makes a function of each element of the result."""

    def make(call: Call) -> Operation:
        return elementwise(call, name)

    return make


def reduced(call: Call, name: str, elements: int, results: int) -> Operation:
    """Make a reduction; complex numbers have theirs."""
    if has_complex(call):
        name = f"complex {name}"
        if name not in REDUCTIONS:
            return unknown(call, dtype="complex")
    return Reduction(function=name, in_elements=elements, out_elements=results)


def reduction(name: str) -> Maker:
    """Return what makes a reduction of the first argument to the first result."""

    def make(call: Call) -> Operation:
        return reduced(call, name, call.first.numel(), call.output.numel())

    return make


def fused(call: Call, *steps: Operation | None) -> Operation:
    """Make one operation of several; one that is not known makes the whole unknown."""
    there = tuple(step for step in steps if step is not None)
    if any(isinstance(step, Unknown) for step in there):
        return unknown(call)
    return there[0] if len(there) == 1 else Fused(name=call.name.lstrip("_"), steps=there)
