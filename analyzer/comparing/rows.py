"""From pairs of operations to pairs of layers, in the order of the models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from analyzer.comparing.reasons import Amount, Part
from analyzer.comparing.unit import Pair

__all__ = ["Row", "Status", "in_order", "layer_pairs"]


class Status(StrEnum):
    """What a layer is to the other model."""

    MATCHED = "matched"
    DIFFERENT = "different"
    ONLY_A = "only_a"
    ONLY_B = "only_b"


@dataclass(slots=True)
class Row:
    """A layer of each model, or of one; what is done there, and what it differs by."""

    layer_a: str | None
    layer_b: str | None
    status: Status
    operations: dict[str, None] = field(default_factory=dict)
    differences: dict[str, Amount] = field(default_factory=dict)


def layer_pairs(pairs: Sequence[Pair], parts: Iterable[Part]) -> list[Row]:
    """Return a row for each two layers with operations that answer to each other, or for one."""
    of_pair: dict[int, list[Part]] = {}
    for part in parts:
        of_pair.setdefault(id(part.pair), []).append(part)
    rows: dict[tuple[str | None, str | None], Row] = {}
    for pair in in_order(pairs):
        layers = (pair.a.layer if pair.a else None, pair.b.layer if pair.b else None)
        lone = Status.ONLY_A if pair.b is None else Status.ONLY_B if pair.a is None else None
        row = rows.setdefault(layers, Row(*layers, lone or Status.MATCHED))
        row.operations.update(dict.fromkeys(unit.kind for unit in (pair.a, pair.b) if unit))
        for part in of_pair.get(id(pair), ()):
            row.differences[part.reason] = row.differences.get(part.reason, Amount()) + part.amount
        rewritten = pair.a and pair.b and pair.a.whole != pair.b.whole
        if lone is None and (rewritten or id(pair) in of_pair):
            row.status = Status.DIFFERENT
    return list(rows.values())


def in_order(pairs: Sequence[Pair]) -> Iterator[Pair]:
    """Yield pairs in the order of the first model; what the second alone has comes where it is."""
    follow: dict[int | None, list[Pair]] = {}
    last: int | None = None
    for _, pair in sorted((pair.b.position, at) for at, pair in enumerate(pairs) if pair.b):
        if pairs[pair].a is None:
            follow.setdefault(last, []).append(pairs[pair])
        else:
            last = id(pairs[pair])
    yield from follow.get(None, ())
    for _, at in sorted((pair.a.position, at) for at, pair in enumerate(pairs) if pair.a):
        yield pairs[at]
        yield from follow.get(id(pairs[at]), ())
