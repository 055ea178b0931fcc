"""Finds the heads of two models: what stands after all that they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from analyzer.comparing.amounts import amount_of
from analyzer.comparing.unit import Pair, Unit
from analyzer.ops import Linear, Normalization

__all__ = ["HEAD", "heads"]

HEAD = "head or number of classes"

_MOST = 3  # dense layers that make a head


def heads(pairs: Sequence[Pair], *, same_inputs: bool) -> set[int]:
    """Return the pairs that differ after the last layer that both models have.

    A head consists of a few dense layers, of which the first reads what both models give to it. It
    is another one where it has other outputs; a layer more in the middle is a layer more.
    """
    same = [p for p in pairs if p.a and p.b and p.a.work.macs and _is_same(p.a, p.b, same_inputs)]
    if not same:
        return set()
    last_a = max(pair.a.position for pair in same if pair.a)
    last_b = max(pair.b.position for pair in same if pair.b)
    after = [
        pair
        for pair in pairs
        if (pair.a is None or pair.a.position > last_a)
        and (pair.b is None or pair.b.position > last_b)
        and not pair.unit.aside
        and pair.unit.entries
    ]
    tail = [pair for pair in after if amount_of(pair.a) != amount_of(pair.b)]
    tail_a = sorted((p.a for p in tail if p.a and p.a.is_anchor), key=lambda one: one.position)
    tail_b = sorted((p.b for p in tail if p.b and p.b.is_anchor), key=lambda one: one.position)
    are_blocks = any(
        _are_around(side, tail)
        for side, tail in (
            ([pair.a for pair in after if pair.a], tail_a),
            ([pair.b for pair in after if pair.b], tail_b),
        )
    )
    return {id(pair) for pair in tail} if _are_heads(tail_a, tail_b) and not are_blocks else set()


def _are_around(units: Sequence[Unit], tail: Sequence[Unit]) -> bool:
    """Say whether something is added to what the layers give, as around blocks, not in heads."""
    first = min((unit.position for unit in tail if unit.work.macs), default=inf)
    return any(
        unit.kind == "add" and len(unit.sources) > 1 and unit.position > first for unit in units
    )


def _is_same(a: Unit, b: Unit, same_inputs: bool) -> bool:
    if not same_inputs:
        return a.signature == b.signature
    return a.signature == b.signature and a.work.macs == b.work.macs


def _are_heads(a: Sequence[Unit], b: Sequence[Unit]) -> bool:
    dense = [[unit for unit in side if isinstance(unit.operation, Linear)] for side in (a, b)]
    if any(not isinstance(unit.operation, (Linear, Normalization)) for unit in (*a, *b)):
        return False
    if not any(dense) or max(map(len, dense)) > _MOST:
        return False
    if not all(dense):
        return True
    (_, read_a, _), (_, read_b, _) = dense[0][0].signature, dense[1][0].signature
    made_a, made_b = dense[0][-1].signature[2], dense[1][-1].signature[2]
    return bool(read_a == read_b and made_a != made_b)
