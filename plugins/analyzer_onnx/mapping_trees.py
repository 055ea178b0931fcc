"""Ensembles of decision trees: comparisons on the way to a leaf of each, and a sum of votes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from analyzer import Operation, ops
from analyzer_onnx.call import Call, Mapper
from analyzer_onnx.mapping_ml import rows_and_features, shares

__all__ = ["TABLE", "depths"]

_DEEPEST = "how many comparisons lead to a leaf, numbers say; the deepest leaf of each tree counts"


def depths(
    roots: Sequence[int], inner: Sequence[bool], yes: Sequence[int], no: Sequence[int]
) -> list[tuple[int, int]]:
    """Return how many comparisons lead to the nearest and to the deepest leaf of each tree.

    ``yes`` and ``no`` are places of the nodes that follow an ``inner`` one.

    Raises:
        ValueError: the nodes form a circle.

    >>> depths([0], [True, False, True, False, False], [1, 0, 3, 0, 0], [2, 0, 4, 0, 0])
    [(1, 2)]
    """
    found = []
    for root in roots:
        level, depth, nearest, seen = [root], 0, -1, 0
        while level:
            below = [at for node in level if inner[node] for at in (yes[node], no[node])]
            if nearest < 0 and not all(inner[node] for node in level):
                nearest = depth
            seen += len(level)
            if seen > len(inner):
                raise ValueError("the nodes of a tree form a circle")
            level, depth = below, depth + 1
        found.append((nearest, depth - 1))
    return found


def _ensemble(call: Call, votes: str) -> Operation:
    """``(rows, features) → (rows, targets)``; attributes hold a list of nodes, and of votes."""
    rows, _ = rows_and_features(call)
    trees, numbers = call.attribute("nodes_treeids"), call.attribute("nodes_nodeids")
    place = {pair: at for at, pair in enumerate(zip(trees, numbers, strict=True))}
    inner = [_text(mode) != "LEAF" for mode in call.attribute("nodes_modes")]
    follow = [
        [
            place.get((tree, number), 0)
            for tree, number in zip(trees, call.attribute(name), strict=True)
        ]
        for name in ("nodes_truenodeids", "nodes_falsenodeids")
    ]
    entered = {at for each in follow for at, is_inner in zip(each, inner, strict=True) if is_inner}
    roots = [at for at in range(len(inner)) if at not in entered]
    ways = depths(roots, inner, *follow)
    if any(nearest != deepest for nearest, deepest in ways):
        call.at_most = _DEEPEST
    leaves = Counter(
        zip(call.attribute(f"{votes}_treeids"), call.attribute(f"{votes}_nodeids"), strict=True)
    )
    most: dict[int, int] = defaultdict(int)
    for (tree, _), count in leaves.items():
        most[tree] = max(most[tree], count)
    call.hold("nodes_values", (sum(inner),), "thresholds", ("inner nodes",))
    call.hold(f"{votes}_weights", (leaves.total(),), "votes", ("votes",))
    return _cost(call, rows, sum(deepest for _, deepest in ways), sum(most.values()), votes)


def _cost(call: Call, rows: int, comparisons: int, votes: int, kind: str) -> Operation:
    scores = call.outputs[-1 if kind == "class" else 0].sizes[-1]
    aggregate = call.attribute("aggregate_function", "SUM")
    function = {"MAX": "maximum", "MIN": "minimum"}.get(aggregate, "add")
    best = kind == "class" and rows and scores
    return call.fused(
        ops.Elementwise(function="less or equal", elements=rows * comparisons),
        ops.Elementwise(function=function, elements=rows * votes),
        ops.Elementwise(function="divide", elements=rows * scores)
        if aggregate == "AVERAGE"
        else None,
        ops.Reduction(function="argmax", in_elements=rows * scores, out_elements=rows)
        if best
        else None,
        shares(call, rows, scores),
    )


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _regressor(call: Call) -> Operation:
    return _ensemble(call, "target")


def _classifier(call: Call) -> Operation:
    return _ensemble(call, "class")


TABLE: dict[str, Mapper] = {
    "ai.onnx.ml::TreeEnsembleClassifier": _classifier,
    "ai.onnx.ml::TreeEnsembleRegressor": _regressor,
}
"""Ensembles of trees, to the functions that translate them."""
