"""LSTM, GRU and simple recurrent layers, whole, and their cells."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from analyzer import Operation
from analyzer.ops import Cell, Recurrent
from analyzer_torch.call import Call, Maker

__all__ = ["RECURRENT"]


def _roles(
    call: Call, cell: Cell, weights: Sequence[Tensor], *, biases: int, projected: bool
) -> None:
    """Name the parameters, which come as W, U, two biases and the projection for each direction."""
    rows = "hidden" if cell is Cell.SIMPLE else "gates × hidden"
    fed_back = "projection" if projected else "hidden"
    kinds: list[tuple[str, tuple[str, ...]]] = [
        ("kernel", (rows, "inputs")),
        ("recurrent kernel", (rows, fed_back)),
    ]
    kinds += [("bias", (rows,)), ("recurrent bias", (rows,))][:biases]
    if projected:
        kinds.append(("projection kernel", ("projection", "hidden")))
    for position, weight in enumerate(weights):
        role, axes = kinds[position % len(kinds)]
        call.plays(weight, role, axes)


def _layer(cell: Cell, activation: str = "tanh") -> Maker:
    def make(call: Call) -> Operation:
        """Read ``(steps, batch, inputs)``, with the batch first, or packed as ``(rows, inputs)``.

        Of packed sequences, only the steps that exist are rows: they count as one sequence.
        """
        weights: list[Tensor] = list(call["params"])
        biases = 2 if call["has_biases"] else 0
        hidden = weights[0].shape[0] // cell.gates
        fed_back = weights[1].shape[1]
        projected = fed_back != hidden
        if "data" in call.arguments:
            steps, batch, inputs = call["data"].shape[0], 1, call["data"].shape[1]
        else:
            steps, batch, inputs = call["input"].shape
            if call["batch_first"]:
                steps, batch = batch, steps
        _roles(call, cell, weights, biases=biases, projected=projected)
        return Recurrent(
            cell=cell,
            batch=batch,
            steps=steps,
            input_size=inputs,
            hidden_size=hidden,
            biases=biases,
            layers=call["num_layers"],
            directions=2 if call["bidirectional"] else 1,
            reset_after=cell is Cell.GRU,
            projection=fed_back if projected else 0,
            activation=activation,
        )

    return make


def _cell(cell: Cell, activation: str = "tanh") -> Maker:
    def make(call: Call) -> Operation:
        """``(batch, inputs), (batch, hidden) → (batch, hidden)``: one step."""
        source: Tensor = call["input"]
        given = [call["w_ih"], call["w_hh"], call["b_ih"], call["b_hh"]]
        weights = [weight for weight in given if weight is not None]
        biases = len(weights) - 2
        _roles(call, cell, weights, biases=biases, projected=False)
        return Recurrent(
            cell=cell,
            batch=source.shape[0] if source.dim() > 1 else 1,
            steps=1,
            input_size=source.shape[-1],
            hidden_size=call["w_hh"].shape[1],
            biases=biases,
            reset_after=cell is Cell.GRU,
            activation=activation,
        )

    return make


RECURRENT: dict[str, Maker] = {
    "gru": _layer(Cell.GRU),
    "gru_cell": _cell(Cell.GRU),
    "lstm": _layer(Cell.LSTM),
    "lstm_cell": _cell(Cell.LSTM),
    "rnn_relu": _layer(Cell.SIMPLE, "relu"),
    "rnn_relu_cell": _cell(Cell.SIMPLE, "relu"),
    "rnn_tanh": _layer(Cell.SIMPLE),
    "rnn_tanh_cell": _cell(Cell.SIMPLE),
}
"""ATen name → function that makes our operation, for recurrent layers and cells."""
