"""In which layer each step ran: the rules of :mod:`analyzer_onnx.scopes` put to a whole walk."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from analyzer_onnx.scopes import bare_name, dotted, inside, weight_name, weight_path
from analyzer_onnx.subgraphs import all_steps
from analyzer_onnx.values import Step

__all__ = ["Path", "placed"]

Path = tuple[str, ...]
Weights = Callable[[Step], list[str]]

_AGAIN = re.compile(r"(.+)_\d+")


def placed(steps: Sequence[Step], weights: Weights, *, ordered: bool) -> dict[int, Path]:
    """Return the path of the layer of each step, by its ``id``.

    ``weights`` gives the names of the weights that a step reads.
    """
    flat = list(all_steps(steps))
    if not any(step.layer for step in flat):
        unnamed: Counter[str] = Counter()
        return {id(step): _by_weight(step, weights(step), unnamed) for step in flat}
    told = dict.fromkeys(step.layer for step in reversed(flat) if step.layer)
    known = {"": ()} | {
        dotted(path[:depth]): path[:depth]
        for path in reversed(told)
        for depth in range(1, len(path) + 1)
    }
    paths: dict[int, Path] = {}
    _place(steps, (), {}, paths, weights, known)
    return _called_again(flat, paths, weights) if ordered else paths


def _by_weight(step: Step, weights: list[str], unnamed: Counter[str]) -> Path:
    """Rule 3: a node with weights is a layer of its own."""
    if not weights:
        return ()
    fallback = bare_name(step.name) or f"{step.native}_{unnamed[step.native]}"
    unnamed[step.native] += 1
    telling = next(filter(weight_name, weights), weights[0])
    return weight_path(telling, fallback)


def _place(
    steps: Sequence[Step],
    around: Path,
    makers: dict[int, Path],
    paths: dict[int, Path],
    weights: Weights,
    known: dict[str, Path],
) -> None:
    """Rules 1, 2 and 4."""
    for step in steps:
        path = step.layer
        if path is None:
            path = _holder(weights(step), known)
        if path is None:
            path = next((makers[id(v)] for v in step.inputs if id(v) in makers), around)
        paths[id(step)] = path
        for value in step.outputs:
            makers[id(value)] = path
        for body in step.bodies:
            _place(body, path, makers, paths, weights, known)


def _holder(weights: list[str], known: dict[str, Path]) -> Path | None:
    """Return the layer that the first telling name of a weight stands for, in one that is known."""
    for name in filter(None, map(weight_name, weights)):
        holder, _, own = name.rpartition(".")
        if name in known or holder in known:
            return known.get(name) or inside(known[holder], own)
    return None


def _called_again(
    flat: Sequence[Step], paths: dict[int, Path], weights: Weights
) -> dict[int, Path]:
    """Give a layer that is called again its one name: PyTorch's older exporter numbers the calls.

    ``relu_1`` is ``relu`` where both do the same with the same weights.
    """
    known = {path[:depth] for path in set(paths.values()) for depth in range(1, len(path) + 1)}
    firsts = {
        path: first
        for path in known
        if (again := _AGAIN.fullmatch(path[-1]))
        and (first := (*path[:-1], again.group(1))) in known
    }
    works: dict[Path, set[tuple[Path, str, tuple[str, ...]]]] = {
        path: set() for pair in firsts.items() for path in pair
    }
    for step in flat if firsts else ():
        path, read = paths[id(step)], tuple(weights(step))
        for depth in range(1, len(path) + 1):
            if path[:depth] in works:
                works[path[:depth]].add((path[depth:], step.native, read))
    same = {path: first for path, first in firsts.items() if works[path] == works[first]}
    if not same:
        return paths
    return {step: _renamed(path, same) for step, path in paths.items()}


def _renamed(path: Path, same: dict[Path, Path]) -> Path:
    for depth in range(len(path), 0, -1):
        if path[:depth] in same:
            path = (*same[path[:depth]], *path[depth:])
    return path
