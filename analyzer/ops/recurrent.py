"""Recurrent layers: LSTM, GRU and the simple cell, whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar

from analyzer.expression import ZERO, Expression, Factor, Formula, Words, product, total
from analyzer.ops.base import Cost, Operation
from analyzer.ops.elementwise import FUNCTIONS

__all__ = ["Cell", "Recurrent"]


class Cell(StrEnum):
    """Kinds of recurrent cell."""

    LSTM = "LSTM"
    GRU = "GRU"
    SIMPLE = "simple RNN"

    @property
    def gates(self) -> int:
        """Number of gates, the candidate counted as one."""
        return {"LSTM": 4, "GRU": 3, "simple RNN": 1}[self.value]


_ACTIVATIONS = {Cell.LSTM: (3, 2), Cell.GRU: (2, 1), Cell.SIMPLE: (0, 1)}
"""How often a unit uses the gates' function and the other one in a step."""

_STATE_UPDATES: dict[Cell, dict[str, int]] = {
    Cell.LSTM: {"new cell state f·c plus i·g": 3, "new output": 1},
    Cell.GRU: {"reset": 1, "new output (1 − z)·n plus z·h": 4},
    Cell.SIMPLE: {},
}
"""FLOPs of a unit in a step, besides its sums and its functions."""


_TWO_BIASES = {
    False: "the two biases of a gate are only added up, so one would do: Keras has one",
    True: (
        "two biases a gate, for the reset gate acts on the recurrent product after its bias was "
        "added (reset_after): the two cannot be one"
    ),
}
"""Why a cell has two biases, by whether its reset gate acts after the product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrent(Operation):
    """``(batch, steps, input_size) → (batch, steps, directions · (projection or hidden_size))``.

    Every step multiplies the input with the kernel and the previous output with the recurrent
    kernel, for each gate. Layers above the first read what the directions below gave.

    Attributes:
        biases: 0, 1 (Keras, and GRU before ``reset_after``) or 2 (PyTorch, ONNX) for each gate.
        reset_after: of a GRU, whether the reset gate acts after the recurrent product.
        projection: width to which an LSTM's output is projected, 0 for none.
        peepholes: whether an LSTM's gates see its cell state.
        activation: function of the candidate and (LSTM) of the cell state.
        gate_activation: function of the gates.
        dropout: whether what a layer gives to the next is dropped out, as in training.
        clipped: whether what goes into each function is clamped first.
        coupled: whether an LSTM's forget gate is 1 − its input gate: the weights that are stored
            for it are not read.

    >>> cell = Recurrent(cell=Cell.LSTM, batch=1, steps=1, input_size=8, hidden_size=16, biases=1)
    >>> sum(count.value for count in cell.parameter_counts().values())
    1600
    """

    cell: Cell
    batch: int
    steps: int
    input_size: int
    hidden_size: int
    biases: int
    layers: int = 1
    directions: int = 1
    reset_after: bool = False
    projection: int = 0
    peepholes: bool = False
    activation: str = "tanh"
    gate_activation: str = "sigmoid"
    dropout: bool = False
    clipped: bool = False
    coupled: bool = False

    lesson: ClassVar[str] = (
        "A cell has one kernel for its input and one for its own previous output, each repeated "
        "for every gate: 4 in an LSTM (input, forget, candidate, output), 3 in a GRU (update, "
        "reset, candidate), 1 in a simple RNN. The same weights are used at every time step, so "
        "the length of the sequence changes the work and not the parameters. A bidirectional "
        "layer has two such cells, one for each direction."
    )
    roles: ClassVar[Mapping[str, str]] = {
        "kernel": "weights from the input to every gate",
        "recurrent kernel": "weights from the previous output to every gate",
        "bias": "one number for every gate and hidden unit",
        "recurrent bias": (
            "a second one on the recurrent product: PyTorch and ONNX keep it apart from the first, "
            "and so does Keras in a GRU with reset_after=True"
        ),
        "projection kernel": "weights from the hidden state to the smaller output",
        "peephole": "weights from the cell state to three of the gates",
    }

    @property
    def kind(self) -> str:
        return str(self.cell)

    @property
    def gates(self) -> int:
        """Number of gates that are computed, the candidate counted as one."""
        return self.cell.gates - self.coupled

    def cost(self) -> Cost:
        runs = product(batch=self.batch, time_steps=self.steps, **self._directions())
        units = product(runs, product(hidden=self.hidden_size))
        if self.layers > 1:
            units = product(product(layers=self.layers), units)
        biases = Factor("biases a gate", self.biases)
        sums = {"sums of both products": self.gates, **self._state_update()}
        updates = product(units, total(Factor(name, count) for name, count in sums.items()))
        return Cost(
            macs=total(product(runs, self._kernels(layer)) for layer in range(self.layers)),
            bias=product(units, product(gates=self.gates), biases) if self.biases else ZERO,
            activation=product(units, self._activations()),
            elementwise=total((updates, self._dropped(runs))) if self.dropout else updates,
        )

    def parameter_counts(self) -> Mapping[str, Expression]:
        directions = product(**self._directions())
        gates = product(gates=self.cell.gates)
        hidden = product(hidden=self.hidden_size)
        layers = range(self.layers)
        every = product(directions, product(layers=self.layers)) if self.layers > 1 else directions
        counts = {
            "kernel": total(
                product(directions, gates, hidden, self._inputs(layer)) for layer in layers
            ),
            "recurrent kernel": product(every, gates, hidden, self._fed_back()),
        }
        if self.biases:
            counts["bias"] = product(every, gates, hidden)
        if self.biases > 1:
            counts["recurrent bias"] = product(every, gates, hidden)
        if self.projection:
            counts["projection kernel"] = product(every, hidden, self._fed_back())
        if self.peepholes:
            counts["peephole"] = product(every, product(gates_that_see_the_cell=3), hidden)
        return counts

    def parameter_lesson(self) -> tuple[Words, ...]:
        """Put all parameters of one layer in one formula, and say why there are two biases.

        >>> LSTM = Recurrent(
        ...     cell=Cell.LSTM, batch=1, steps=1, input_size=8, hidden_size=16, biases=1
        ... )
        >>> print(LSTM.parameter_lesson()[0])
        gates × (hidden × (inputs + hidden) + hidden) = 4·(16·(8 + 16) + 16) = 1,600
        """
        if self.layers > 1 or self.projection or self.peepholes:
            return ()
        hidden = product(hidden=self.hidden_size)
        cell = product(hidden, total((self._inputs(0), self._fed_back())))
        if self.biases:
            each = product(Factor("biases a gate", self.biases)) if self.biases > 1 else None
            cell = total((cell, hidden if each is None else product(each, hidden)))
        gates = product(gates=self.cell.gates)
        whole = product(product(**self._directions()), gates, cell)
        formula = Formula(expression=whole)
        if self.biases < 2:
            return (formula,)
        return (formula, _TWO_BIASES[self.reset_after])

    def parts(self) -> tuple[Operation, ...]:
        if self.layers == self.directions == 1:
            return ()
        below = self.directions * (self.projection or self.hidden_size)
        return tuple(
            replace(self, layers=1, directions=1, input_size=below if layer else self.input_size)
            for layer in range(self.layers)
            for _ in range(self.directions)
        )

    def _directions(self) -> dict[str, int]:
        return {"directions": self.directions} if self.directions > 1 else {}

    def _fed_back(self) -> Expression:
        return (
            Factor("projection", self.projection)
            if self.projection
            else Factor("hidden", self.hidden_size)
        )

    def _inputs(self, layer: int) -> Expression:
        if layer == 0:
            return Factor("inputs", self.input_size)
        width = self._fed_back()
        return product(product(**self._directions()), width)

    def _kernels(self, layer: int) -> Expression:
        """MACs of one step of one direction of one layer, for one sequence."""
        gates = product(gates=self.gates, hidden=self.hidden_size)
        cell = product(gates, total((self._inputs(layer), self._fed_back())))
        extra: list[Expression] = []
        if self.projection:
            extra.append(product(product(hidden=self.hidden_size), self._fed_back()))
        if self.peepholes:
            seeing = 3 - self.coupled
            extra.append(product(gates_that_see_the_cell=seeing, hidden=self.hidden_size))
        return total((cell, *extra))

    def _activations(self) -> Expression:
        """FLOPs of the activation functions of one unit in one step."""
        gates, inner = self._uses()
        uses = (("gates with", gates, self.gate_activation), ("uses of", inner, self.activation))
        return total(
            product(
                Factor(f"{what} {function}", times),
                Factor(f"operations of {function}", FUNCTIONS[function].flops),
            )
            for what, times, function in uses
        )

    def _uses(self) -> tuple[int, int]:
        """Say how often a unit uses the gates' function and the other one in a step."""
        gates, inner = _ACTIVATIONS[self.cell]
        return gates - self.coupled, inner

    def _dropped(self, runs: Expression) -> Expression:
        """FLOPs of the dropout between the layers."""
        between = product(layers_but_the_last=self.layers - 1)
        each = Factor("operations of dropout", FUNCTIONS["dropout"].flops)
        return product(between, runs, self._fed_back(), each)

    def _state_update(self) -> dict[str, int]:
        counts = dict(_STATE_UPDATES[self.cell])
        if self.coupled:
            counts["forget gate 1 − i"] = 1
        if self.clipped:
            counts["clamps of what goes into the functions"] = (
                sum(self._uses()) * FUNCTIONS["clamp"].flops
            )
        return counts
