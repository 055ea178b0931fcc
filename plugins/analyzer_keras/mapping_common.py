"""What several families of Keras operations are made with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import Any

from analyzer.ops import (
    FUNCTIONS,
    REDUCTIONS,
    Elementwise,
    Fused,
    Operation,
    Reduction,
    Unknown,
    free,
)
from analyzer_keras.calls import Call, Translator

__all__ = [
    "elementwise",
    "free_of",
    "function",
    "fused",
    "has_complex",
    "reduced",
    "reduced_axes",
    "rows_along",
    "shape_of",
    "unknown",
    "words",
]

_OF_COMPLEX = {"not equal": "complex equal", "square": "complex multiply"}
"""Functions that complex numbers know by another name."""


def shape_of(value: Any) -> tuple[int, ...]:
    """Return the shape of a tensor, an array, a list of numbers or a number."""
    if hasattr(value, "shape"):
        return tuple(value.shape)
    import numpy as np

    return tuple(np.shape(value))


def has_complex(call: Call) -> bool:
    """Say whether a call computes with complex numbers."""
    values = (*call.values(), *call.outputs)
    return any("complex" in str(getattr(value, "dtype", "")) for value in values)


def unknown(call: Call, **attributes: Any) -> Unknown:
    """Say that this use of an operation is not known, with what makes it so."""
    return Unknown(name=f"keras.ops.{call.name}", attributes=tuple(attributes.items()))


def free_of(name: str, because: str) -> Translator:
    """Return a translator that declares an operation free for a reason."""
    operation = free(name, because=because)
    return lambda call: operation


def elementwise(
    call: Call, name: str, elements: int | None = None, *, bias: bool = False
) -> Operation:
    """Make a function of each element of the results, or of so many.

    Complex numbers have functions of their own.
    """
    count = call.elements if elements is None else elements
    if FUNCTIONS[name].flops and has_complex(call):
        name = _OF_COMPLEX.get(name, f"complex {name}")
        if name not in FUNCTIONS:
            return unknown(call, dtype="complex")
    return Elementwise(function=name, elements=count, bias=bias)


def function(name: str) -> Translator:
    """Return a translator to a function of each element of the result."""
    return lambda call: elementwise(call, name)


def reduced(call: Call, name: str, elements: int, results: int) -> Operation:
    """Make a reduction; complex numbers have theirs."""
    if has_complex(call):
        name = f"complex {name}"
        if name not in REDUCTIONS:
            return unknown(call, dtype="complex")
    return Reduction(function=name, in_elements=elements, out_elements=results)


def fused(call: Call, *steps: Operation | None) -> Operation:
    """Make one operation of several; one that is not known makes the whole unknown."""
    there = tuple(step for step in steps if step is not None)
    if any(isinstance(step, Unknown) for step in there):
        return unknown(call)
    return there[0] if len(there) == 1 else Fused(name=words(call.name), steps=there)


def words(name: str) -> str:
    """Return the name of a class in words.

    >>> words("RGBToHSV"), words("MapCoordinates")
    ('rgb to hsv', 'map coordinates')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).lower()


def reduced_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """Return the axes that a Keras ``axis`` stands for: None is all of them."""
    if axis is None:
        return tuple(range(rank))
    axes: Sequence[int] = axis if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(sorted({one % rank for one in axes})) if rank else ()


def rows_along(shape: tuple[int, ...], axis: Any) -> tuple[int, int]:
    """Return how many rows there are along an axis (or several), and how long they are.

    >>> rows_along((2, 3, 4), 1)
    (8, 3)
    >>> rows_along((2, 3, 4), None)
    (1, 24)
    """
    size = prod(shape[one] for one in reduced_axes(axis, len(shape)))
    return (prod(shape) // size if size else 0), size
