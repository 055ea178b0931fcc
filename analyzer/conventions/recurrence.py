"""What ptflops and calflops count of recurrent layers: the same, but for a gate's sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.expression import Expression, Factor, Sum, product, total

if TYPE_CHECKING:
    from analyzer.conventions.place import Place
    from analyzer.ops.recurrent import Recurrent

__all__ = ["recurrent_macs", "recurrent_rest", "recurrent_runs"]

_UPDATES = {"GRU": 7, "LSTM": 10, "simple RNN": 1}
"""Products and sums of a unit's state in a step; activations are none."""


def recurrent_runs(place: Place, operation: Recurrent) -> Expression:
    """Return how often a cell is taken to run: the first two sizes of the input, multiplied.

    Of a single sequence, these are its steps and its features, which is an error of the tools.
    """
    directions = product(directions=operation.directions)
    if any(node.native == "aten.unsqueeze" for node in place.call):  # it makes a batch of one
        sizes = product(time_steps=operation.steps, features_taken_for_steps=operation.input_size)
    else:
        sizes = product(batch=operation.batch, time_steps=operation.steps)
    return product(directions, sizes)


def recurrent_macs(operation: Recurrent) -> Expression:
    """Return the elements of the weights of one direction, layer by layer."""
    width = operation.projection or operation.hidden_size
    units = product(gates=operation.cell.gates, hidden=operation.hidden_size)
    inputs = (operation.input_size, *(operation.directions * width,) * (operation.layers - 1))
    return total(
        product(units, Sum((Factor("inputs", size), Factor("fed back", width)))) for size in inputs
    )


def recurrent_rest(operation: Recurrent, less_a_gate: int = 0) -> Expression:
    """Return what a step of one direction takes besides: biases and updates, in every layer."""
    gates = operation.cell.gates
    steps = total(
        (
            Factor("updates of the state", _UPDATES[operation.cell]),
            Factor("biases", gates * operation.biases),
            Factor("first terms of sums", -gates * less_a_gate),
        )
    )
    return product(product(layers=operation.layers, hidden=operation.hidden_size), steps)
