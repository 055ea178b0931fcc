"""LSTM, GRU and simple recurrent layers, whole, and their cells."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from analyzer import Operation
from analyzer.ops import Cell, Elementwise, Recurrent
from analyzer_torch.call import Call, Maker
from analyzer_torch.mapping_common import fused

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


def _sizes(source: Tensor, *, batch_first: bool) -> tuple[int, int, int]:
    """Return the steps, the sequences, and the features of each step.

    Of packed sequences, ``(rows, features)``, only the steps that exist are rows: they count as
    one sequence.
    """
    if source.dim() == 2:
        return source.shape[0], 1, source.shape[1]
    steps, batch, inputs = source.transpose(0, 1).shape if batch_first else source.shape
    return steps, batch, inputs


def _whole(
    call: Call,
    cell: Cell,
    activation: str,
    source: Tensor,
    weights: Sequence[Tensor],
    *,
    hidden: int,
    biases: int,
    projection: int,
) -> Operation:
    """Make the layers and directions that one call runs, and name their parameters."""
    _roles(call, cell, weights, biases=biases, projected=bool(projection))
    steps, batch, inputs = _sizes(source, batch_first=call.get("batch_first", False))
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
        projection=projection,
        activation=activation,
        dropout=bool(call["train"] and call["dropout"]),
    )


def _layer(cell: Cell, activation: str = "tanh") -> Maker:
    def make(call: Call) -> Operation:
        """Read ``(steps, batch, inputs)``, the batch first, or packed as ``(rows, inputs)``."""
        weights: list[Tensor] = list(call["params"])
        hidden = weights[0].shape[0] // cell.gates
        fed_back = weights[1].shape[1]
        return _whole(
            call,
            cell,
            activation,
            call.first,
            weights,
            hidden=hidden,
            biases=2 if call["has_biases"] else 0,
            projection=fed_back if fed_back != hidden else 0,
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


_MODES: tuple[tuple[Cell, str], ...] = (
    (Cell.SIMPLE, "relu"),
    (Cell.SIMPLE, "tanh"),
    (Cell.LSTM, "tanh"),
    (Cell.GRU, "tanh"),
)
"""What libraries call the kinds of cell: their places here."""


def _of_library(call: Call) -> Operation:
    """Read ``(steps, batch, inputs)``, or packed as ``(rows, inputs)``; the weights are a list."""
    cell, activation = _MODES[call["mode"]]
    hidden: int = call["hidden_size"]
    width: int = call.get("proj_size", 0)
    projection = width if width != hidden else 0
    return _whole(
        call,
        cell,
        activation,
        call["input"],
        list(call["weight"]),
        hidden=hidden,
        biases=2 if call["weight_stride0"] - bool(projection) == 4 else 0,
        projection=projection,
    )


def _of_one_direction(call: Call) -> Operation:
    """Read ``(steps, batch, inputs)``: one layer in one direction, with its tensors of weights."""
    cell, activation = _MODES[call["mode"]]
    biases = 2 if call["has_biases"] else 0
    weights = [call[f"weight{at}"] for at in range(2 + biases)]
    _roles(call, cell, weights, biases=biases, projected=False)
    steps, batch, inputs = call["input"].shape
    return Recurrent(
        cell=cell,
        batch=batch,
        steps=steps,
        input_size=inputs,
        hidden_size=call["hidden_size"],
        biases=biases,
        reset_after=cell is Cell.GRU,
        activation=activation,
    )


def _after_products(cell: Cell) -> Maker:
    """Return what makes one step of a cell without its two products, which are there."""

    def make(call: Call) -> Operation:
        products: Tensor = call["input_gates"]
        biases = [call["input_bias"], call["hidden_bias"]]
        units = products.numel() // cell.gates
        uses = {Cell.LSTM: (3, 2, 4), Cell.GRU: (2, 1, 5)}[cell]
        sigmoids, tangents, others = (units * count for count in uses)
        sums = units * cell.gates
        added = sums * sum(bias is not None for bias in biases)
        return fused(
            call,
            Elementwise(function="add", elements=sums),
            Elementwise(function="add", elements=added, bias=True) if added else None,
            Elementwise(function="sigmoid", elements=sigmoids),
            Elementwise(function="tanh", elements=tangents),
            Elementwise(function="multiply", elements=others),
        )

    return make


RECURRENT: dict[str, Maker] = {
    "_cudnn_rnn": _of_library,
    "_thnn_fused_gru_cell": _after_products(Cell.GRU),
    "_thnn_fused_lstm_cell": _after_products(Cell.LSTM),
    "gru": _layer(Cell.GRU),
    "gru_cell": _cell(Cell.GRU),
    "lstm": _layer(Cell.LSTM),
    "lstm_cell": _cell(Cell.LSTM),
    "miopen_rnn": _of_library,
    "mkldnn_rnn_layer": _of_one_direction,
    "rnn_relu": _layer(Cell.SIMPLE, "relu"),
    "rnn_relu_cell": _cell(Cell.SIMPLE, "relu"),
    "rnn_tanh": _layer(Cell.SIMPLE),
    "rnn_tanh_cell": _cell(Cell.SIMPLE),
}
"""ATen name → function that makes our operation, for recurrent layers and cells."""
