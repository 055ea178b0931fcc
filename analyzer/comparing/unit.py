"""What is matched as one when models are compared."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from analyzer.comparing.signature import form_of, is_scale, signature_of
from analyzer.engine import Counted, Work
from analyzer.ir import Kind, Parameter
from analyzer.ops import BatchNormalization, Convolution, Free, Linear, Operation

__all__ = ["Pair", "Unit", "join"]


@dataclass(slots=True, eq=False)
class Unit:
    """What is matched as one: an operation, and a bias that a graph adds right after it.

    Attributes:
        entries: the counted nodes; empty for parameters that no operation reads.
        parameters: stored tensors that belong here: those whose first reader this is.
        unread: stored tensors of its layer that no operation reads.
        layer: path of the layer in which it ran.
        around: numbers of the layers around that one, the outermost first.
        types: of that layer and of the nearest around it.
        settled: nothing will be added to it any more.
        position: place in the model's order.
        constant: it depends on no input of the model.
        steady: it reads something that was worked out and depends on no input of the model.
        aside: it works on no activations, but on masks, positions and the like.
        masking: it brings a mask or positions that were computed to activations.
        whole: the operation of the graph of which this is a step, or all.
        joined: of several operations that are matched as one, what they are together.
        shared: sizes of the learned tensors that it reads and that belong to another unit.
        sources: positions of the units whose results it reads.
        covers: positions of the units that were joined into this one.
        reads: kinds of the units whose results it reads.
    """

    entries: list[Counted]
    parameters: list[Parameter]
    layer: str
    position: int
    constant: bool = False
    aside: bool = False
    masking: bool = False
    whole: Operation | None = None
    joined: Operation | None = None
    shared: frozenset[int] = frozenset()
    unread: list[Parameter] = field(default_factory=list)
    steady: bool = False
    sources: frozenset[int] = frozenset()
    covers: frozenset[int] = frozenset()
    reads: frozenset[str] = frozenset()
    around: tuple[int, ...] = ()
    types: tuple[str, ...] = ()
    work: Work = field(default_factory=Work)
    settled: bool = False
    _signature: tuple[Hashable, ...] | None = field(default=None, init=False)

    @property
    def stored(self) -> Sequence[Parameter]:
        """All stored tensors that are counted here."""
        return (*self.parameters, *self.unread) if self.unread else self.parameters

    @property
    def operation(self) -> Operation | None:
        """The main operation."""
        if self.joined is not None:
            return self.joined
        return self.entries[0].node.operation if self.entries else None

    @property
    def form(self) -> Operation | None:
        """The main operation, written as every framework may write it."""
        return form_of(self.operation)

    @property
    def integer(self) -> bool:
        """Whether the main operation works on integers only."""
        return bool(self.entries) and self.entries[0].integer

    @property
    def kind(self) -> str:
        """Name of the main operation, or of the parameters that nothing reads."""
        if self.operation is not None:
            return self.operation.kind
        return " and ".join(dict.fromkeys(p.role or "parameter" for p in self.parameters))

    @property
    def is_still(self) -> bool:
        """Whether it only moves things, or does nothing."""
        return not self.entries or isinstance(self.operation, Free)

    @property
    def is_anchor(self) -> bool:
        """Whether it holds learned parameters or contracts tensors."""
        return self.work.macs > 0 or any(p.kind is not Kind.CONSTANT for p in self.parameters)

    @property
    def signature(self) -> tuple[Hashable, ...]:
        """What it computes, apart from how large the map is on which it does."""
        if self._signature is None or not self.settled:
            self._signature = signature_of(self)
        return self._signature

    def equals(self, other: Unit) -> bool:
        """Say whether another does the same with as much of the same that is stored."""
        if self.whole != other.whole or self.work.size != other.work.size:
            return False
        return len(self.entries) == len(other.entries) == 1 and _same_stored(self, other)

    @property
    def places(self) -> int:
        """On how many places of a map it works: pixels, tokens."""
        match self.operation:
            case Convolution(batch=batch, out_spatial=spatial):
                return batch * prod(spatial)
            case Linear(rows=rows):
                return rows
        made = sum(tensor.elements for tensor in self.entries[0].node.outputs[:1])
        if isinstance(self.operation, BatchNormalization) or is_scale(self):
            (_, channels) = self.signature
            return made // channels if isinstance(channels, int) and channels else made
        return made


def _same_stored(one: Unit, other: Unit) -> bool:
    if len(one.parameters) != len(other.parameters) or len(one.unread) != len(other.unread):
        return False
    both = zip(one.stored, other.stored, strict=True)
    return all(
        a.shape == b.shape and a.role == b.role and a.kind == b.kind and a.dtype == b.dtype
        and a.stored_bytes == b.stored_bytes
        for a, b in both
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """Two units that answer to each other, or one without a counterpart.

    ``reason`` says why they differ, or the one is alone, where that was seen as they were matched.
    """

    a: Unit | None
    b: Unit | None
    reason: str = ""

    @property
    def unit(self) -> Unit:
        """The one there is; of two, the first model's."""
        found = self.a or self.b
        assert found is not None
        return found

    @property
    def is_lone(self) -> bool:
        """Whether it is without a counterpart."""
        return self.a is None or self.b is None


def join(some: Sequence[Unit]) -> Unit:
    """Return one unit for dense layers that read tensors of the same shape side by side."""
    first = some[0]
    work, features, bias = Work(), 0, False
    for unit in some:
        assert isinstance(unit.operation, Linear)
        work.add(unit.work)
        features += unit.operation.out_features
        bias |= unit.operation.bias
    assert isinstance(first.operation, Linear)
    return replace(
        first,
        entries=[entry for unit in some for entry in unit.entries],
        parameters=[parameter for unit in some for parameter in unit.parameters],
        shared=frozenset().union(*(unit.shared for unit in some)),
        sources=frozenset().union(*(unit.sources for unit in some)),
        covers=frozenset().union(*({unit.position, *unit.covers} for unit in some)),
        joined=replace(first.operation, out_features=features, bias=bias),
        work=work,
    )
