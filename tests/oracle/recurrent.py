"""Recurrent cells stepped through time, as loops over scalars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from analyzer.ops import Category, Cell, Recurrent
from tests.oracle.functions import apply
from tests.oracle.number import Accumulator, Array, Counted, Tally
from tests.oracle.registry import oracle

GATES = {Cell.LSTM: "ifgo", Cell.GRU: "rzn", Cell.SIMPLE: "n"}
"""Gates in PyTorch's order: input, forget, candidate (g or n), output; reset, update."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What one direction of one layer stores, each a table from gate to an array."""

    kernel: dict[str, Array]
    recurrent: dict[str, Array]
    biases: Sequence[dict[str, Array]] = ()
    projection: Array | None = None
    peepholes: dict[str, Array] | None = None

    @property
    def elements(self) -> int:
        """How many numbers are stored."""
        tables = [self.kernel, self.recurrent, *self.biases, self.peepholes or {}]
        stored = sum(array.size for table in tables for array in table.values())
        return stored + (0 if self.projection is None else self.projection.size)


class RunningCell:
    """One direction of one layer, for one sequence."""

    def __init__(
        self,
        tally: Tally,
        cell: Cell,
        weights: Weights,
        *,
        reset_after: bool = False,
        activation: str = "tanh",
        gate_activation: str = "sigmoid",
        clip: float = 0,
        coupled: bool = False,
    ) -> None:
        self.tally, self.cell, self.weights, self.reset_after = tally, cell, weights, reset_after
        self.functions = {"inner": activation, "gate": gate_activation}
        self.clip, self.coupled = clip, coupled
        first = next(iter(weights.recurrent.values()))
        hidden, fed_back = first.shape
        self.output = tally.array(np.zeros(fed_back))
        self.state = tally.array(np.zeros(hidden))

    def run(self, steps: Sequence[Array]) -> list[Array]:
        """Read a sequence and return the output of every step."""
        outputs = []
        for x in steps:
            self.output = {
                Cell.LSTM: self._lstm,
                Cell.GRU: self._gru,
                Cell.SIMPLE: self._simple,
            }[self.cell](x)
            outputs.append(self.output)
        return outputs

    def _lstm(self, x: Array) -> Array:
        read = "igo" if self.coupled else "ifgo"
        before = {gate: self._sums(gate, x, self.output) for gate in read}
        cell, hidden = np.empty_like(self.state), np.empty_like(self.state)
        for at in range(len(cell)):
            i = self._act("gate", self._seen("i", before["i"][at], self.state[at], at))
            f = (
                1 - i
                if self.coupled
                else self._act("gate", self._seen("f", before["f"][at], self.state[at], at))
            )
            g = self._act("inner", before["g"][at])
            cell[at] = f * self.state[at] + i * g
            o = self._act("gate", self._seen("o", before["o"][at], cell[at], at))
            hidden[at] = o * self._act("inner", cell[at])
        self.state = cell
        if self.weights.projection is None:
            return hidden
        return self._product(self.weights.projection, hidden)

    def _gru(self, x: Array) -> Array:
        r, z = (
            [self._act("gate", number) for number in self._sums(gate, x, self.output)]
            for gate in "rz"
        )
        if self.reset_after:
            fed_back = self._product(self.weights.recurrent["n"], self.output)
            if len(self.weights.biases) > 1:
                fed_back = self._biased(fed_back, self.weights.biases[1]["n"])
            own = self._product(self.weights.kernel["n"], x)
            if self.weights.biases:
                own = self._biased(own, self.weights.biases[0]["n"])
            sums = [a + reset * b for a, reset, b in zip(own, r, fed_back, strict=True)]
        else:
            reset_output = np.array(
                [reset * h for reset, h in zip(r, self.output, strict=True)], dtype=object
            )
            sums = list(self._sums("n", x, reset_output))
        made = np.empty_like(self.output)
        for at, number in enumerate(sums):
            n = self._act("inner", number)
            made[at] = (1 - z[at]) * n + z[at] * self.output[at]
        return made

    def _simple(self, x: Array) -> Array:
        sums = self._sums("n", x, self.output)
        return np.array([self._act("inner", number) for number in sums], dtype=object)

    def _sums(self, gate: str, x: Array, fed_back: Array) -> Array:
        own = self._product(self.weights.kernel[gate], x)
        other = self._product(self.weights.recurrent[gate], fed_back)
        sums = np.array([a + b for a, b in zip(own, other, strict=True)], dtype=object)
        for bias in self.weights.biases:
            sums = self._biased(sums, bias[gate])
        return sums

    def _product(self, matrix: Array, vector: Array) -> Array:
        made = np.empty(len(matrix), dtype=object)
        for row, weights in enumerate(matrix):
            sum_of_products = self.tally.accumulator()
            for weight, number in zip(weights, vector, strict=True):
                sum_of_products.add(weight, number)
            made[row] = sum_of_products.value
        return made

    def _biased(self, numbers: Array, bias: Array) -> Array:
        with self.tally.within(Category.BIAS):
            return np.array([a + b for a, b in zip(numbers, bias, strict=True)], dtype=object)

    def _seen(self, gate: str, before: Counted, cell: Counted, at: int) -> Counted:
        """Let a gate see the state of its cell: one more weight, one more MAC."""
        if self.weights.peepholes is None:
            return before
        gate_sum = Accumulator(self.tally)
        gate_sum.value = before
        gate_sum.add(self.weights.peepholes[gate][at], cell)
        return gate_sum.value

    def _act(self, which: str, number: Counted) -> Counted:
        if self.clip:
            number = number.maximum(-self.clip).minimum(self.clip)
        with self.tally.within(Category.ACTIVATION):
            found: Counted = apply(self.functions[which], number)
            return found


@oracle(Recurrent)
def run_recurrent(operation: Recurrent, tally: Tally) -> list[Weights]:
    """Run all layers and directions, and return what they store."""
    stored: list[Weights] = []
    width = operation.input_size
    sequences = [list(tally.random(operation.steps, width)) for _ in range(operation.batch)]
    for layer in range(operation.layers):
        if layer and operation.dropout:
            sequences = [[_dropped(step) for step in steps] for steps in sequences]
        directions = [random_weights(operation, tally, width) for _ in range(operation.directions)]
        stored += directions
        sequences = [_both_ways(operation, tally, directions, steps) for steps in sequences]
        width = (operation.projection or operation.hidden_size) * operation.directions
    assert all(len(step) == width for steps in sequences for step in steps)
    return stored


def _dropped(step: Array) -> Array:
    return np.array([apply("dropout", number, 1.0, 1.0) for number in step], dtype=object)


def _both_ways(
    operation: Recurrent, tally: Tally, directions: list[Weights], steps: list[Array]
) -> list[Array]:
    ways = []
    for backwards, weights in enumerate(directions):
        cell = RunningCell(
            tally,
            operation.cell,
            weights,
            reset_after=operation.reset_after,
            activation=operation.activation,
            gate_activation=operation.gate_activation,
            clip=0.125 if operation.clipped else 0,
            coupled=operation.coupled,
        )
        order = slice(None, None, -1 if backwards else 1)
        ways.append(cell.run(steps[order])[order])
    return [np.concatenate(step) for step in zip(*ways, strict=True)]


def random_weights(operation: Recurrent, tally: Tally, width: int) -> Weights:
    """Make arbitrary weights of one direction of a layer that reads ``width`` features."""
    gates = GATES[operation.cell]
    hidden = operation.hidden_size
    fed_back = operation.projection or hidden
    return Weights(
        kernel={gate: tally.random(hidden, width) for gate in gates},
        recurrent={gate: tally.random(hidden, fed_back) for gate in gates},
        biases=[{gate: tally.random(hidden) for gate in gates} for _ in range(operation.biases)],
        projection=tally.random(fed_back, hidden) if operation.projection else None,
        peepholes=({gate: tally.random(hidden) for gate in "ifo"} if operation.peepholes else None),
    )


def split(stacked: Array, gates: str) -> dict[str, Array]:
    """Split weights that are stacked gate by gate along their first axis."""
    bounds = range(0, len(stacked) + 1, len(stacked) // len(gates))
    return {
        gate: stacked[start:end] for gate, (start, end) in zip(gates, pairwise(bounds), strict=True)
    }
