"""Names what one model has and the other lacks as a whole: a block, not each convolution in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from analyzer.comparing.reasons import ALONE, Part
from analyzer.comparing.unit import Pair, Unit
from analyzer.report import Report

__all__ = ["BLOCKS", "named_by_blocks"]

BLOCKS = f"layers {ALONE}"
"""What stands in a row in one model, and is no layer of its own that has a type."""

_CONTAINERS = frozenset({"", "Graph", "ModuleList", "Scope", "Sequential"})


def named_by_blocks(
    parts: Sequence[Part], pairs: Sequence[Pair], a: Report, b: Report
) -> list[Part]:
    """Give parts of operations that stand in one model only the names of the blocks they are in."""
    blocks = {
        **_blocks(a, [(pair.a, pair) for pair in pairs if pair.a]),
        **_blocks(b, [(pair.b, pair) for pair in pairs if pair.b]),
    }
    named = []
    for part in parts:
        block = blocks.get(id(part.pair))
        plain = part.pair.is_lone and part.reason == f"{part.pair.unit.kind} {ALONE}"
        if block is None or not plain:
            named.append(part)
        else:
            reason, path = block
            named.append(replace(part, reason=reason, block=path))
    return named


def _blocks(report: Report, of_model: list[tuple[Unit, Pair]]) -> dict[int, tuple[str, str]]:
    """Return, for pairs of one model alone, the reason and the path of the block that they are in.

    A block is the largest layer of which nothing is matched; or, where layers lie side by side,
    a row of them that are alone.
    """
    of_model.sort(key=lambda item: item[0].position)
    parents = {layer.path: layer.parent for layer in report.model.layers}
    types = {layer.path: layer.type for layer in report.model.layers}
    matched: set[str] = set()
    for unit, pair in of_model:
        if not pair.is_lone:
            matched.update(_upwards(unit.layer, parents))
    found: dict[int, tuple[str, str]] = {}
    for row in _rows(of_model):
        if len(row) < 2 or not any(unit.is_anchor for unit, _ in row):
            continue
        tops = [_top(unit.layer, parents, matched) for unit, _ in row]
        for (unit, pair), top in zip(row, tops, strict=True):
            is_block = top != unit.layer or tops.count(top) > 1
            kind = types.get(top, "")
            has_type = is_block and kind not in _CONTAINERS
            found[id(pair)] = (f"{kind} {ALONE}" if has_type else BLOCKS, top)
    return found


def _rows(of_model: Sequence[tuple[Unit, Pair]]) -> Iterator[list[tuple[Unit, Pair]]]:
    """Yield operations that stand one after another and have no counterpart."""
    row: list[tuple[Unit, Pair]] = []
    for unit, pair in of_model:
        if pair.is_lone and unit.entries:
            row.append((unit, pair))
        elif row:
            yield row
            row = []
    yield row


def _top(path: str, parents: Mapping[str, str | None], matched: set[str]) -> str:
    """Return the largest layer around one of which nothing is matched."""
    top = path
    for above in _upwards(path, parents):
        if above in matched or parents.get(above) is None:
            break
        top = above
    return top


def _upwards(path: str, parents: Mapping[str, str | None]) -> Iterator[str]:
    here: str | None = path
    while here is not None:
        yield here
        here = parents.get(here)
