"""What flows along the edges of a graph, as far as it is known before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from analyzer import Bound, Kind, ModelError, Operation, Tensor
from analyzer.dtypes import is_floating

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "Claim",
    "Scope",
    "Step",
    "Stored",
    "Value",
    "bound_of",
    "handed_on",
    "merged",
    "numbers_of",
]


class Claim(NamedTuple):
    """What one use of a stored tensor says that it is.

    Attributes:
        kind: learnable, state or constant.
        role: to the operation, such as ``"kernel"``.
        axes: names of the stored axes, or ``()``.
        assumed: told by the way it is used alone, not by the operator's definition.
    """

    kind: Kind
    role: str
    axes: tuple[str, ...] = ()
    assumed: bool = False


@dataclass(slots=True, eq=False)
class Stored:
    """A tensor that the file holds: an initializer, a ``Constant``, or a filled weight.

    Attributes:
        generated: the file holds only the shape (``ConstantOfShape``); counts if it is a weight.
        storage: number of its memory.
        active_elements: those that one token touches in a mixture of experts, else None.
        claims: what its uses say that it is.
        read: gives the elements, None where the file has them not at hand.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    storage: int
    stored_bytes: int
    generated: bool = False
    active_elements: int | None = None
    claims: list[Claim] = field(default_factory=list)
    read: Callable[[], np.ndarray] | None = None


@dataclass(slots=True, eq=False)
class Value:
    """One named tensor of a graph.

    Attributes:
        shape: its sizes, None where nobody could tell them.
        data: the elements where they are few and known: constants, shapes, what follows from them.
        stored: the stored tensors that it is made of alone, if it is.
        axes: for each axis the axis of the one stored tensor that it is, None for an axis of one
            element that was put in; None for all where that is lost.
        view: only moved or cast from stored tensors, so that it *is* the weight.
        constant: depends on no input of the model, only on their shapes.
        storage: number of the memory it lives in.
        maker: the operator that computed it.
        partial: of a few integers of which not all are known, those that are.
        items: of a sequence of tensors, its elements where they are known.
        each: of a sequence of tensors that are all alike, one of them.
        present: of an optional one, whether it is there; None where nobody can tell.
        bound: what its sizes are to the true ones, where these depend on what flows.
        numbers: what its known elements are to the true ones, where they follow from such sizes.
    """

    name: str
    shape: tuple[int, ...] | None
    dtype: str
    storage: int
    stored: tuple[Stored, ...] = ()
    axes: tuple[int | None, ...] | None = None
    view: bool = False
    constant: bool = False
    maker: str = ""
    partial: tuple[int | None, ...] | None = None
    items: tuple[Value, ...] | None = None
    each: Value | None = None
    present: bool | None = True
    bound: Bound = Bound.EXACT
    numbers: Bound = Bound.EXACT
    read: Callable[[], np.ndarray] | None = None
    _data: np.ndarray | None = None

    @property
    def data(self) -> np.ndarray | None:
        """The elements, read when they are first asked for."""
        if self._data is None and self.read is not None:
            self._data = self.read()
            self.read = None
        return self._data

    @data.setter
    def data(self, data: np.ndarray | None) -> None:
        self._data = data

    @property
    def known(self) -> bool:
        """Whether the elements are known."""
        return self._data is not None or self.read is not None

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape, where the operation is only translated if all shapes are known.

        Raises:
            ModelError: it is not known.
        """
        if self.shape is None:
            raise ModelError(f"tensor {self.name!r}: its shape is not known")
        return self.shape

    @property
    def elements(self) -> int:
        """Number of elements."""
        return prod(self.sizes)

    @property
    def is_sequence(self) -> bool:
        """Whether it is a sequence of tensors."""
        return self.items is not None or self.each is not None

    @property
    def floating(self) -> bool:
        """Whether the elements are floating-point numbers."""
        return is_floating(self.dtype)

    @property
    def weights(self) -> tuple[Stored, ...]:
        """The stored tensors in it that can be weights; a number spread over a tensor is none."""
        single = self.shape is not None and prod(self.shape) == 1
        return tuple(one for one in self.stored if single or prod(one.shape) != 1)

    @property
    def weight(self) -> bool:
        """Whether it comes from stored weights alone."""
        return bool(self.weights)

    def tensor(self) -> Tensor | None:
        """Return it as a tensor of the representation, None without a shape."""
        if self.shape is None:
            return None
        return Tensor(shape=self.shape, dtype=self.dtype, storage=self.storage, name=self.name)


def bound_of(values: Iterable[Value | None]) -> Bound:
    """Return what sizes that follow from those of some values are to the true ones."""
    bound = Bound.EXACT
    for value in values:
        if value is not None and value.bound is not Bound.EXACT:
            bound |= value.bound
    return bound


def numbers_of(values: Iterable[Value | None]) -> Bound:
    """Return what numbers that follow from those of some values are to the true ones."""
    bound = Bound.EXACT
    for value in values:
        if value is not None and value.numbers is not Bound.EXACT:
            bound |= value.numbers
    return bound


def merged(values: Sequence[Value]) -> tuple[Stored, ...]:
    """Return the stored tensors that some values are made of, each once, in order."""
    return tuple(dict.fromkeys(stored for value in values for stored in value.stored))


def handed_on(values: Sequence[Value], dtype: str) -> tuple[Stored, ...]:
    """Return the stored tensors that a result of a type is made of.

    Where operands have its type, the others say only how: indices, axes, a shape, a condition.
    """
    return merged([value for value in values if value.dtype == dtype] or values)


class Scope:
    """Names of a graph, with those of the graphs around it visible."""

    __slots__ = ("names", "outer")

    def __init__(self, outer: Scope | None = None) -> None:
        self.names: dict[str, Value] = {}
        self.outer = outer

    def __setitem__(self, name: str, value: Value) -> None:
        if name in self.names:
            raise ModelError(f"tensor {name!r} is made twice in one graph; the file is damaged")
        self.names[name] = value

    def get(self, name: str) -> Value | None:
        """Return the value of a name, None where it is not defined."""
        scope: Scope | None = self
        while scope is not None:
            value = scope.names.get(name)
            if value is not None:
                return value
            scope = scope.outer
        return None


@dataclass(slots=True, eq=False)
class Step:
    """An executed operation before roles and layers are settled.

    Attributes:
        operation: what it is; of a loop or a branch, made when ``bodies`` are built.
        inputs: values read that are computed, so no weights.
        uses: stored tensors that are read.
        layer: path of the scope that it ran in, None where the node does not say it.
        types: what the layers on that path are, where the node says it.
        name: the node's own name.
        bodies: steps inside, for a loop (one) or a branch (several).
        runs: how often each of the bodies runs; all branches do where nobody knows which.
        wrap: makes the operation of a loop or a branch from its built bodies.
        bound: what the operation's sizes are to the true ones.
        settled: whether it is known which way control flow goes.
    """

    operation: Operation | None
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    uses: tuple[Stored, ...]
    layer: tuple[str, ...] | None
    types: tuple[str, ...]
    name: str
    native: str
    bodies: tuple[list[Step], ...] = ()
    runs: tuple[int, ...] = ()
    wrap: Callable[..., Operation] | None = None
    bound: Bound = Bound.EXACT
    settled: bool = True
