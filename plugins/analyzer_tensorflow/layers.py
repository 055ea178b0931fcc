"""The tree of layers, from the scopes that nodes are named in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from analyzer import ModelBuilder
from analyzer_tensorflow.values import Step, Value, all_steps

__all__ = ["Layers"]

Path = tuple[str, ...]

_CALLS = re.compile(r"(Stateful)?PartitionedCall(_\d+)?")


class Layers:
    """Scopes as layers: without those of calls, and without what all steps have in common.

    A scope becomes a layer if a step stands in it. Its type is that of the first operation in it
    that reads weights, if there is one.
    """

    def __init__(
        self, steps: Sequence[Step], learned: Iterable[object], results: Sequence[Value]
    ) -> None:
        flat = [step for step in all_steps(steps) if not step.dropped]
        weights = {id(one) for one in learned}
        raw = {id(step): _cleaned(step.scope) for step in flat}
        shared = _common([raw[id(step)] for step in flat if step.operation is not None])
        self._paths = {key: path[shared:] for key, path in raw.items()}
        self._types: dict[Path, str] = {}
        self._calls: dict[Path, int] = {}
        self._enter(steps, (), 1)
        self._results: dict[Path, dict[int, Value]] = {}
        for value in results:
            self._give(value, ())
        for step in flat:
            for value in step.inputs:
                self._give(value, self._paths[id(step)])
        for step in flat:
            path = self._paths[id(step)]
            for depth in range(1, len(path) + 1):
                self._types.setdefault(path[:depth], "")
            if path and not self._types[path] and any(id(one) in weights for one, _ in step.uses):
                self._types[path] = step.native

    def of(self, step: Step) -> str:
        """Return the path of the layer in which a step ran."""
        return "/".join(self._paths[id(step)])

    def declare(self, builder: ModelBuilder) -> None:
        """Declare all layers, those in a layer right after it."""
        builder.layer("", type="Graph")
        for path in _nested(self._types):
            builder.layer(
                "/".join(path), type=self._types[path] or "Scope", parent="/".join(path[:-1])
            )

    def call(self, builder: ModelBuilder) -> None:
        """Say how often the steps, in their order, enter each layer."""
        builder.called("")
        for path, times in self._calls.items():
            given = self._results.get(path, {}).values()
            tensors = [one for value in given if (one := value.tensor(builder)) is not None]
            builder.called("/".join(path), tensors, times=times)

    def _give(self, value: Value, reader: Path) -> None:
        """Note a value as a result of the layers that its reader is not in."""
        if value.made_by is None or id(value.made_by) not in self._paths:
            return
        path = self._paths[id(value.made_by)]
        for depth in range(1, len(path) + 1):
            if reader[:depth] != path[:depth]:
                self._results.setdefault(path[:depth], {})[id(value)] = value

    def _enter(self, steps: Sequence[Step], before: Path, times: int) -> None:
        for step in steps:
            if step.dropped:
                continue
            path = self._paths[id(step)]
            for depth in range(1, len(path) + 1):
                # Scopes are not left and entered again as layers are: each is called once.
                if path[:depth] != before[:depth]:
                    self._calls[path[:depth]] = max(self._calls.get(path[:depth], 0), times)
            before = path
            for body, runs in zip(step.bodies, step.runs, strict=True):
                self._enter(body, path, times * runs)


def _cleaned(scope: Path) -> Path:
    return tuple(part for part in scope if not _CALLS.fullmatch(part))


def _common(paths: Sequence[Path]) -> int:
    """Return how many leading names all paths have in common."""
    if not paths:
        return 0
    shortest, longest = min(paths), max(paths)
    shared = 0
    for one, other in zip(shortest, longest, strict=False):
        if one != other:
            break
        shared += 1
    return shared


def _nested(paths: Iterable[Path]) -> list[Path]:
    """Give paths in the order in which they came up, each with all that is in it together.

    >>> _nested([("a",), ("b",), ("a", "c")])
    [('a',), ('a', 'c'), ('b',)]
    """
    children: dict[Path, list[Path]] = {}
    for path in paths:
        children.setdefault(path[:-1], []).append(path)
    ordered = []
    pending = list(reversed(children.get((), [])))
    while pending:
        path = pending.pop()
        ordered.append(path)
        pending += reversed(children.get(path, []))
    return ordered
