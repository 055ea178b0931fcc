"""Joins dense layers that are one in the other model.

Queries, keys and values come of three products in one framework and of one in the next; a layer
runs once for all steps of a sequence, or once for each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Hashable, Iterator, Sequence
from dataclasses import replace

from analyzer.comparing.unit import Unit, join
from analyzer.ops import Linear

__all__ = ["joined"]

_MOST = 4  # layers that are joined: queries, keys, values, and a gate


def joined(units: Sequence[Unit], other: Sequence[Unit]) -> list[Unit]:
    """Return the units of a model, with those as one that are one in the other model.

    Only those are joined of which this model has more, until it has as many layers as the other.
    """
    units = _runs_as_one(units, {_all_rows(unit) for unit in other if _is_dense(unit)})
    surplus: Counter[Hashable] = Counter(unit.signature for unit in units if _is_dense(unit))
    surplus.subtract(unit.signature for unit in other if _is_dense(unit))
    replaced: dict[int, Unit | None] = {}
    for group in _side_by_side(units) if min(surplus.values(), default=0) < 0 else ():
        for some in _runs(group):
            one, parts = join(some), Counter(unit.signature for unit in some)
            fits = all(surplus[signature] >= count for signature, count in parts.items())
            enough = surplus.total() >= len(some) - 1
            free = not any(id(unit) in replaced for unit in some)
            if surplus[one.signature] < 0 and fits and enough and free:
                surplus.subtract(parts)
                surplus[one.signature] += 1
                replaced |= {id(unit): None for unit in some} | {id(some[0]): one}
    changed = [replaced.get(id(unit), unit) for unit in units]
    return [unit for unit in changed if unit is not None]


def _runs_as_one(units: Sequence[Unit], others: Container[Hashable]) -> Sequence[Unit]:
    """Return the units of a model, the runs of a layer as one where another model has it so."""
    layers: dict[tuple[str, ...], list[Unit]] = {}
    for unit in units:
        if isinstance(unit.operation, Linear) and unit.entries[0].node.parameters:
            layers.setdefault(unit.entries[0].node.parameters, []).append(unit)
    replaced: dict[int, Unit | None] = {}
    for runs in layers.values():
        first, rows = runs[0].operation, sum(_all_rows(unit)[0] for unit in runs)
        if len(runs) > 1 and isinstance(first, Linear) and (rows, runs[0].signature) in others:
            replaced |= {id(unit): None for unit in runs}
            replaced[id(runs[0])] = replace(join(runs), joined=replace(first, rows=rows))
    changed = [replaced.get(id(unit), unit) for unit in units] if replaced else units
    return [unit for unit in changed if unit is not None]


def _all_rows(unit: Unit) -> tuple[int, Hashable]:
    """Return how many rows a dense layer multiplies in all runs of a loop, and what it computes."""
    assert isinstance(unit.operation, Linear)
    return unit.operation.rows * unit.entries[0].times, unit.signature


def _is_dense(unit: Unit) -> bool:
    return isinstance(unit.operation, Linear) and unit.is_anchor


def _side_by_side(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Yield dense layers, next to each other but for what holds nothing, that read one tensor."""
    group: list[Unit] = []
    for unit in filter(_is_dense, units):
        if group and _reads(group[-1]) != _reads(unit):
            yield group
            group = []
        group.append(unit)
    yield group


def _reads(unit: Unit) -> tuple[Hashable, ...]:
    node, operation = unit.entries[0].node, unit.operation
    assert isinstance(operation, Linear)
    read = tuple(tensor.storage for tensor in node.inputs)
    return read, operation.rows, operation.in_features, unit.integer


def _runs(group: Sequence[Unit]) -> Iterator[Sequence[Unit]]:
    """Yield parts of a group, the longest first."""
    for length in range(min(len(group), _MOST), 1, -1):
        for start in range(len(group) - length + 1):
            yield group[start : start + length]
