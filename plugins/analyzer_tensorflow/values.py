"""What flows along the edges of a graph, and the steps that a walk over it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from analyzer import Bound, Kind, ModelBuilder, Operation, Tensor
from analyzer.dtypes import BITS

__all__ = ["NOTHING_SAID", "Claim", "Step", "Stored", "Value", "all_steps"]


@dataclass(frozen=True, slots=True)
class Claim:
    """What an operation takes a stored tensor for."""

    role: str
    axes: tuple[str, ...] = ()
    kind: Kind = Kind.LEARNABLE
    assumed: bool = False


NOTHING_SAID = Claim("", kind=Kind.CONSTANT)
"""What an operation that has no word for a stored tensor takes it for."""


@dataclass(slots=True)
class Stored:
    """A variable, or a constant of a frozen graph.

    Attributes:
        trainable: what the variable says; None of a constant, which says nothing.
        packed: whether one of its elements is taken apart into several.
        logical: the shape in which a contraction reads what it was quantised to.
        own_name: the variable's, which others may have as well.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool | None = None
    own_name: str = ""
    packed: bool = False
    logical: tuple[int, ...] = ()
    claims: list[Claim] = field(default_factory=list)

    @property
    def unpacked(self) -> tuple[tuple[int, ...], str]:
        """Shape and type of its logical elements."""
        elements = prod(self.shape)
        bits = BITS[self.dtype] * elements // max(prod(self.logical), 1)
        dtype = f"{self.dtype.rstrip('0123456789')}{bits}"
        if not self.packed or bits == BITS[self.dtype] or dtype not in BITS:
            return self.shape, self.dtype
        return self.logical, dtype


class Value:
    """A tensor, a list of tensors, or a handle of something stored.

    Attributes:
        shape: None where even the rank is open.
        dtype: our name of the element type; ``""`` for a handle.
        symbol: what stands for it in the graph in which shapes are inferred; None for a handle.
        maker: the operation that made it.
        settled: no input of the model and no weight decides its elements.
        stored: what it is, or is a view of.
        derived: it is computed, but from stored tensors only.
        integers: what it is computed from, where that is a stored tensor of small integers.
        base: the value in whose memory it lives.
        step: that computes it; views are looked through.
        made_by: the step that gave it, a view's own.
        readers: how many nodes read it.
        each: of a list of tensors, shape and type of one.
        length: of a list of tensors, where it is known.
        bound: what its sizes are to the true ones.
    """

    __slots__ = (
        "_tensor",
        "base",
        "bound",
        "derived",
        "dtype",
        "each",
        "integers",
        "length",
        "made_by",
        "maker",
        "name",
        "readers",
        "settled",
        "shape",
        "step",
        "stored",
        "symbol",
    )

    def __init__(
        self,
        shape: tuple[int, ...] | None,
        dtype: str,
        symbol: Any = None,
        *,
        maker: str = "",
        name: str = "",
        settled: bool = False,
        stored: Stored | None = None,
        base: Value | None = None,
        bound: Bound = Bound.EXACT,
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.symbol = symbol
        self.maker = maker
        self.name = name
        self.settled = settled
        self.stored = stored
        self.base = base
        self.bound = bound
        self.readers = 0
        self.derived = False
        self.integers: Stored | None = None
        self.step: Step | None = None
        self.made_by: Step | None = None
        self.each: tuple[tuple[int, ...] | None, str] | None = None
        self.length: int | None = None
        self._tensor: Tensor | None = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape, of a value that has one."""
        assert self.shape is not None
        return self.shape

    @property
    def weight(self) -> Stored | None:
        """What is stored of it: itself, or the integers that it was quantised to."""
        return self.stored or self.integers

    @property
    def elements(self) -> int:
        """Number of elements."""
        return prod(self.sizes)

    @property
    def activation(self) -> bool:
        """Whether it is computed when the model runs."""
        return self.stored is None and not self.settled and bool(self.dtype)

    @property
    def origin(self) -> Value:
        """The value whose memory it lives in, through views of views."""
        value = self
        while value.base is not None:
            value = value.base
        return value

    def stands_for(self, tensor: Tensor) -> None:
        """Be a tensor that is there already."""
        self._tensor = tensor

    def tensor(self, builder: ModelBuilder) -> Tensor | None:
        """Return the tensor that it is, None where its shape is not known."""
        if self._tensor is None and self.shape is not None and self.dtype:
            base = self.base.tensor(builder) if self.base is not None else None
            self._tensor = builder.tensor(
                self.shape,
                self.dtype,
                storage=None if base is None else base.storage,
                name=self.name,
            )
        return self._tensor


@dataclass(slots=True, eq=False)
class Step:
    """A node in the making.

    Attributes:
        operation: None for a loop or branch, whose bodies hold what is done.
        scope: names of the scopes around it.
        bodies: steps of each body, for ``wrap`` to put into an operation.
        runs: how often each of them runs, once this step is reached.
        hole: something foreign in the graph, whose steps somebody else writes.
        dropped: another step does what this one did.
    """

    operation: Operation | None
    inputs: Sequence[Value]
    outputs: Sequence[Value]
    scope: tuple[str, ...]
    native: str
    uses: list[tuple[Stored, Claim]] = field(default_factory=list)
    bound: Bound = Bound.EXACT
    bodies: Sequence[list[Step]] = ()
    runs: Sequence[int] = ()
    wrap: Callable[..., Operation] | None = None
    hole: Any = None
    dropped: bool = False


def all_steps(steps: Sequence[Step]) -> list[Step]:
    """Return steps with those in their bodies, each before what is in it."""
    found = []
    for step in steps:
        found.append(step)
        for body in step.bodies:
            found += all_steps(body)
    return found
