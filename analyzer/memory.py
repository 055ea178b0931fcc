"""Peak memory from the lifetimes of tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter

from analyzer.ir import Allocation, Model, Node, Tensor

__all__ = [
    "Peak",
    "eager_peak_bytes",
    "live_bytes",
    "peak_activation_bytes",
    "peak_of",
    "unique_bytes",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The most bytes of activations that are live at once, and the first node at which they are."""

    bytes: int
    node: Node | None


_NONE = Peak(bytes=0, node=None)
_bytes = attrgetter("bytes")


def peak_activation_bytes(model: Model) -> int | None:
    """Return the most bytes of activations that are live at once, as :func:`peak_of` finds them."""
    peak = peak_of(model)
    return None if peak is None else peak.bytes


def peak_of(model: Model) -> Peak | None:
    """Return the most bytes of activations that are live at once, in the order of the nodes.

    A tensor lives from the node that writes it to the last one that reads it; the model's outputs
    live to the end. Views and in-place results share their storage and take nothing; inputs and
    parameters are not activations. A loop or branch holds its results for as long as it runs, and
    what its body needs besides is added while it does. None where the model has no graph.
    """
    live = _live_in(model)
    if live is None:
        return None
    return max((_NONE, *live), key=_bytes)


def live_bytes(model: Model) -> tuple[int, ...] | None:
    """Return the bytes of activations that are live while each node runs, in their order."""
    live = _live_in(model)
    return None if live is None else tuple(found.bytes for found in live)


def eager_peak_bytes(allocations: Iterable[Allocation] | None) -> int | None:
    """Return the most bytes that a watched run held at once, None where none was watched.

    >>> eager_peak_bytes([Allocation(bytes=8, layer=""), Allocation(bytes=4, layer=""),
    ...                   Allocation(bytes=-8, layer="")])
    12
    """
    if allocations is None:
        return None
    return max(accumulate((step.bytes for step in allocations), initial=0))


def unique_bytes(tensors: Iterable[Tensor]) -> int:
    """Return the bytes of the tensors, each storage once (at its largest)."""
    sizes: dict[int, int] = {}
    for tensor in tensors:
        sizes[tensor.storage] = max(sizes.get(tensor.storage, 0), tensor.bytes)
    return sum(sizes.values())


def _live_in(model: Model) -> Iterator[Peak] | None:
    if model.nodes is None:
        return None
    resident = {tensor.storage for tensor in model.inputs}
    resident.update(parameter.storage for parameter in model.parameters)
    return _live(model.nodes, model.outputs, resident)


def _live(nodes: Sequence[Node], outputs: Iterable[Tensor], resident: set[int]) -> Iterator[Peak]:
    """Yield for each node what is live while it runs, and the node inside it that needs it."""
    dies_at: dict[int, int] = {}
    for position, node in enumerate(nodes):
        for storage in _touched(node):
            dies_at[storage] = position
    for tensor in outputs:
        dies_at[tensor.storage] = len(nodes)
    dying: dict[int, list[int]] = {}
    for storage, position in dies_at.items():
        dying.setdefault(position, []).append(storage)

    sizes: dict[int, int] = {}
    live = 0
    for position, node in enumerate(nodes):
        for tensor in node.outputs:
            if tensor.storage not in resident and tensor.storage not in sizes:
                sizes[tensor.storage] = tensor.bytes
                live += tensor.bytes
        # Results of a loop are there before its body runs: what the body writes into them is not
        # taken a second time.
        inside = _NONE
        for body in node.operation.bodies():
            reached = {storage for inner in body for storage in _touched(inner)}
            there = {storage for storage in reached if storage in resident or storage in sizes}
            running = _live(body, (), there)
            inside = max((inside, *running), key=_bytes)
        yield Peak(bytes=live + inside.bytes, node=inside.node or node)
        for storage in dying.get(position, ()):
            live -= sizes.get(storage, 0)


def _touched(node: Node) -> Iterable[int]:
    """Storages that a node reads or writes, those that its bodies reach from outside included."""
    for tensor in (*node.inputs, *node.outputs):
        yield tensor.storage
    for body in node.operation.bodies():
        for inner in body:
            yield from _touched(inner)
