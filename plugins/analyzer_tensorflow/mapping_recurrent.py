"""Recurrent layers that TensorFlow has as one operation."""

from __future__ import annotations

from analyzer import Operation, ops
from analyzer_tensorflow.call import Call, Mapper

__all__ = ["TABLE"]

_MODES = {
    "gru": (ops.Cell.GRU, "tanh"),
    "lstm": (ops.Cell.LSTM, "tanh"),
    "rnn_relu": (ops.Cell.SIMPLE, "relu"),
    "rnn_tanh": (ops.Cell.SIMPLE, "tanh"),
}


def _block_lstm(call: Call) -> Operation:
    """Translate an LSTM over ``(steps, batch, in)``, or one step of it over ``(batch, in)``."""
    whole = call.op.startswith("Block")
    x, w = (call.inputs[1], call.inputs[4]) if whole else (call.inputs[0], call.inputs[3])
    steps, batch, width = x.sizes if whole else (1, *x.sizes)
    peepholes = bool(call.attribute("use_peephole", False))
    first = 4 if whole else 3
    call.claim(first, "kernel", ("inputs + hidden", "gates × hidden"))
    for at in range(first + 1, first + 4) if peepholes else ():
        call.claim(at, "peephole", ("hidden",))
    call.claim(first + 4, "bias", ("gates × hidden",))
    return ops.Recurrent(
        cell=ops.Cell.LSTM,
        batch=batch,
        steps=steps,
        input_size=width,
        hidden_size=w.sizes[1] // 4,
        biases=1,
        peepholes=peepholes,
    )


def _block_gru(call: Call) -> Operation:
    """Translate one step of a GRU, whose gates and candidate have kernels of their own."""
    batch, width = call.x.sizes
    for at in (2, 3):
        call.claim(at, "kernel", ("inputs + hidden", "gates × hidden"))
    for at in (4, 5):
        call.claim(at, "bias", ("gates × hidden",))
    return ops.Recurrent(
        cell=ops.Cell.GRU,
        batch=batch,
        steps=1,
        input_size=width,
        hidden_size=call.inputs[1].sizes[1],
        biases=1,
    )


def _cudnn(call: Call) -> Operation | None:
    """Translate layers in one or both directions, whose weights are one long vector."""
    mode = _MODES.get(str(call.attribute("rnn_mode", "lstm")))
    if mode is None or call.attribute("input_mode", "linear_input") == "skip_input":
        return None
    cell, activation = mode
    first, second, width = call.x.sizes
    steps, batch = (first, second) if call.attribute("time_major", True) else (second, first)
    both = call.attribute("direction", "unidirectional") == "bidirectional"
    directions = 2 if both else 1
    states = call.inputs[1].sizes
    layers = (states[0] if call.attribute("time_major", True) else states[1]) // directions
    call.claim(3, "kernel")
    return ops.Recurrent(
        cell=cell,
        batch=batch,
        steps=steps,
        input_size=width,
        hidden_size=states[-1],
        biases=2,
        layers=layers,
        directions=directions,
        reset_after=cell is ops.Cell.GRU,
        activation=activation,
        gate_activation="sigmoid",
        dropout=bool(call.attribute("is_training", True) and call.attribute("dropout", 0.0)),
    )


TABLE: dict[str, Mapper] = {
    "BlockLSTM": _block_lstm,
    "BlockLSTMV2": _block_lstm,
    "CudnnRNN": _cudnn,
    "CudnnRNNV2": _cudnn,
    "CudnnRNNV3": _cudnn,
    "GRUBlockCell": _block_gru,
    "LSTMBlockCell": _block_lstm,
}
"""Whole recurrent layers and cells, to the functions that translate them."""
