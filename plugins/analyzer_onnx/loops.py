"""``Loop``: a body and how often it runs; followed run by run where its sizes change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer import Bound, ModelError
from analyzer_onnx.subgraphs import (
    alike,
    all_steps,
    bind,
    final,
    graph_of,
    label,
    mark,
    repeat,
    same_work,
    stacked,
    varying,
)
from analyzer_onnx.trips import Trips, inputs_behind, trip_count
from analyzer_onnx.values import Scope, Step, Value

if TYPE_CHECKING:
    from onnx import GraphProto

    from analyzer_onnx.nodes import OnnxNode
    from analyzer_onnx.walk import Walk

__all__ = ["run_loop"]

_MOST_RUNS = 1000
_MOST_NODES = 20_000  # of loops walked in one file; beyond it the last runs count as the one before


@dataclass(slots=True)
class _Runs:
    """Runs in a row that do the same work.

    Attributes:
        results: what the body gave.
        times: how many they are, None where nobody knows.
    """

    steps: list[Step]
    results: list[Value]
    times: int | None


def run_loop(walk: Walk, node: OnnxNode, inputs: Sequence[Value | None], scope: Scope) -> None:
    """Repeat a body while its condition holds, at most M times.

    One walk over the body is enough where it leaves the carried values shaped as they came. Where
    sizes change from run to run (a list that grows), or follow from the number of the run, each run
    is walked by itself; runs that turn out the same are kept as one.
    """
    body = graph_of(node, "body")
    carried = list(inputs[2:])
    if len(body.input) != 2 + len(carried):
        raise ModelError(
            f"Loop node {node.name!r}: {len(carried)} values are carried and the body takes "
            f"{len(body.input) - 2}; the file is damaged"
        )
    loop = _Loop(walk, node, body, scope, carried)
    runs = loop.all_runs(inputs)
    bound = loop.bound
    count = sum(1 if run.times is None else run.times for run in runs)
    outputs: list[Value] = []
    last = runs[-1].results
    for at, result in enumerate(last[1:]):
        if at >= len(carried):
            outputs.append(stacked(walk, result, count, 0, bound))
            continue
        start = carried[at]
        if start is not None and (loop.kept[at] or not count):
            outputs.append(start)
            continue
        made = final(result)
        if start is None or not alike(start, result):
            made.bound |= bound
        outputs.append(made)
    bind(scope, node, outputs)
    for run in runs:
        mark(run.steps, bound)
        repeat(walk, node, inputs, outputs, run.steps, run.times)


class _Loop:
    def __init__(
        self,
        walk: Walk,
        node: OnnxNode,
        body: GraphProto,
        scope: Scope,
        carried: Sequence[Value | None],
    ) -> None:
        self.walk, self.node, self.body, self.scope = walk, node, body, scope
        self.names = [item.name for item in body.input]
        self.carried = list(carried)
        self.kept = _kept(body, self.names[2:])
        self.bound = Bound.EXACT

    def all_runs(self, inputs: Sequence[Value | None]) -> list[_Runs]:
        """Walk the body as often as it does something else."""
        steps, results, inner = self._run(self.carried, None)
        trips = trip_count(self.walk, self.body, inputs, inner)
        self.bound = trips.bound
        if trips.times is None:
            self.bound |= Bound.LOWER
            self._tell(trips)
            return [_Runs(steps, results, None)]
        if not trips.times or self._is_settled(self.carried, steps, results):
            return [_Runs(steps, results, trips.times)]
        return self._one_by_one(steps, results, trips.times)

    def _tell(self, trips: Trips) -> None:
        """Say which inputs set the number of runs, where that is seen from here."""
        names = [] if self.walk.place else inputs_behind(self.walk.steps, trips.by)
        if names:
            some = " and ".join(repr(name) for name in names)
            self.walk.findings.note(
                f"loop {label(self.node)!r}: how often it runs follows from the elements of "
                f"{some}, which no shape tells"
            )

    def _one_by_one(self, steps: list[Step], results: list[Value], times: int) -> list[_Runs]:
        runs: list[_Runs] = []
        state = self.carried
        for at in range(times):
            if at >= _MOST_RUNS or self.walk.walked > _MOST_NODES:
                if not runs:
                    runs.append(_Runs(steps, results, 0))
                self._give_up(runs[-1], times - at)
                break
            if at:
                steps, results, _ = self._run(state, None)
            if self._is_settled(state, steps, results):
                runs.append(_Runs(steps, results, times - at))
                break
            exact, outcome, _ = self._run(state, at)
            helps = _open(exact) < _open(steps) or not _same_state(outcome, results)
            if not at and not helps and self._keeps(state, results):
                return [_Runs(steps, results, times)]  # to know the number of the run is no use
            if runs and same_work(runs[-1].steps, exact):
                runs[-1].times = (runs[-1].times or 0) + 1
                runs[-1].results = outcome
            else:
                runs.append(_Runs(exact, outcome, 1))
            state = list(outcome[1 : 1 + len(state)])
        return runs

    def _give_up(self, last: _Runs, remaining: int) -> None:
        last.times = (last.times or 0) + remaining
        self.bound |= Bound.LOWER
        mark(last.steps, Bound.NEITHER)
        self.walk.findings.note(
            f"loop {self.node.name or label(self.node)!r}: sizes change from run to run; the "
            f"last {remaining + 1} runs are counted alike, which is no exact count"
        )

    def _run(
        self, state: Sequence[Value | None], iteration: int | None
    ) -> tuple[list[Step], list[Value], Scope]:
        """Walk the body once, with what is known in a run of this number, or in any run."""
        import numpy as np

        inner = Scope(self.scope)
        counter = Value(self.names[0], (), "int64", self.walk.new_storage(), maker="Loop")
        condition = Value(self.names[1], (), "bool", self.walk.new_storage(), maker="Loop")
        if iteration is not None:
            counter.data = np.asarray(iteration, np.int64)
            condition.data = np.asarray(True)
        inner[self.names[0]], inner[self.names[1]] = counter, condition
        for name, start, value, kept in zip(
            self.names[2:], self.carried, state, self.kept, strict=True
        ):
            if kept and start is not None:
                inner[name] = start
            elif value is not None:
                inner[name] = varying(self.walk, name, value, data=iteration is not None)
        with self.walk.body(label(self.node)) as steps:
            results = self.walk.graph(self.body, inner)
        self.walk.walked += len(self.body.node)
        return steps, results, inner

    def _is_settled(
        self, state: Sequence[Value | None], steps: Sequence[Step], results: Sequence[Value]
    ) -> bool:
        """Say whether all further runs are as this one."""
        return self._keeps(state, results) and not _open(steps)

    def _keeps(self, state: Sequence[Value | None], results: Sequence[Value]) -> bool:
        return all(
            kept or (value is not None and alike(value, result))
            for kept, value, result in zip(self.kept, state, results[1:], strict=False)
        )


def _open(steps: Sequence[Step]) -> int:
    """Count what is not known in a body: shapes, and ways that control flow goes."""
    return sum(
        (not step.settled) + sum(_is_open(value) for value in step.outputs)
        for step in all_steps(steps)
    )


def _is_open(value: Value) -> bool:
    return bool(value.bound or value.numbers) or (value.shape is None and not value.is_sequence)


def _same_state(first: Sequence[Value], second: Sequence[Value]) -> bool:
    return len(first) == len(second) and all(map(alike, first, second))


def _kept(body: GraphProto, names: Sequence[str]) -> list[bool]:
    """Say which carried values the body hands on as they came (exporters carry weights so)."""
    source = {node.output[0]: node.input[0] for node in body.node if node.op_type == "Identity"}
    kept = []
    for name, output in zip(names, [item.name for item in body.output][1:], strict=False):
        origin = output
        while origin in source and origin != name:
            origin = source[origin]
        kept.append(origin == name)
    return kept
