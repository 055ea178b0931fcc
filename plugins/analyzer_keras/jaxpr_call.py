"""One equation of a jaxpr, as the functions that translate it see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple

from analyzer import Tensor
from analyzer.ops import FUNCTIONS, Elementwise, Operation, Unknown

__all__ = ["Equation", "Maker", "Stored", "Value", "elementwise", "function", "unknown"]

_OF_COMPLEX = {"not equal": "complex equal", "square": "complex multiply"}
"""Functions that complex numbers know by another name."""


class Stored(NamedTuple):
    """A tensor that the model stores.

    Attributes:
        name: of the parameter.
        role: what it is by its name, "" where that tells nothing.
        vector: all its elements lie along one axis, as those of a bias do.
        whole: it is seen as it is stored, with all its axes in their order.
    """

    name: str
    role: str
    vector: bool
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What a variable of a jaxpr stands for.

    Attributes:
        shape: concrete sizes.
        tensor: the activation that it is; None for a constant, and for what is stored.
        stored: the parameter that it is, or is a view of.
        known: gives its number, where that follows from constants alone and is small.
    """

    shape: tuple[int, ...]
    tensor: Tensor | None = None
    stored: Stored | None = None
    known: Callable[[], Any] | None = None

    @property
    def elements(self) -> int:
        """Number of elements."""
        return prod(self.shape)


@dataclass(slots=True)
class Equation:
    """An executed primitive.

    Attributes:
        native: the equation, with the primitive and its settings.
        inputs: what it reads, in order.
        roles: what the parameters are to the operation, as far as a translator said.
    """

    native: Any
    inputs: tuple[Value, ...]
    roles: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the primitive."""
        return str(self.native.primitive.name)

    def __getitem__(self, setting: str) -> Any:
        return self.native.params[setting]

    def shape(self, at: int = 0) -> tuple[int, ...]:
        """Return the shape of an operand."""
        return self.inputs[at].shape

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of the first result."""
        return tuple(self.native.outvars[0].aval.shape)

    @property
    def elements(self) -> int:
        """Elements of the first result."""
        return prod(self.out_shape)

    def stored(self, at: int) -> Stored | None:
        """Return which parameter an operand is, or is a view of."""
        return self.inputs[at].stored

    def plays(self, at: int, role: str, axes: Sequence[str] = ()) -> None:
        """Say what an operand is to the operation, if it is a parameter.

        Axes are named in the order in which they are seen, so only where they are seen as stored.
        """
        stored = self.stored(at)
        if stored is not None:
            self.roles[stored.name] = (role, tuple(axes) if stored.whole else ())

    def is_type(self, kind: str, at: int = 0) -> bool:
        """Say whether the elements of an operand are of a type, such as ``bool``."""
        return str(getattr(self.native.invars[at].aval, "dtype", "")).startswith(kind)

    @property
    def of_complex(self) -> bool:
        """Whether it computes with complex numbers."""
        variables = (*self.native.invars, *self.native.outvars)
        return any(str(getattr(one.aval, "dtype", "")).startswith("complex") for one in variables)


Maker = Callable[[Equation], Operation]
"""From an equation to our operation; it also tells the roles of the stored tensors it finds."""


def unknown(equation: Equation, **attributes: Any) -> Unknown:
    """Say that this use of a primitive is not known, with what makes it so."""
    return Unknown(name=f"jax.{equation.name}", attributes=tuple(attributes.items()))


def elementwise(
    equation: Equation, name: str, elements: int | None = None, *, bias: bool = False
) -> Operation:
    """Make a function of each element of the result, or of so many; complex numbers have theirs."""
    count = equation.elements if elements is None else elements
    if FUNCTIONS[name].flops and equation.of_complex:
        name = _OF_COMPLEX.get(name, f"complex {name}")
        if name not in FUNCTIONS:
            return unknown(equation, dtype="complex")
    return Elementwise(function=name, elements=count, bias=bias)


def function(name: str) -> Maker:
    """Return what makes a function of each element of the result."""

    def make(equation: Equation) -> Operation:
        return elementwise(equation, name)

    return make
