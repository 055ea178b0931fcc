"""The few layers that are read whole, because Keras has them whole and their body hides it."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

from analyzer import Bound
from analyzer.ops import (
    LOOK_UP,
    VIEW,
    BatchNormalization,
    Cell,
    Elementwise,
    Normalization,
    Operation,
    Recurrent,
    free,
)

if TYPE_CHECKING:
    from analyzer_keras.trace import Trace

__all__ = ["recurrent", "whole"]

Reader = Callable[..., Any]

_ACTIVATIONS = {
    "elu": "elu",
    "gelu": "gelu",
    "hard_sigmoid": "hard sigmoid of keras",
    "hard_silu": "hard swish",
    "leaky_relu": "leaky relu",
    "linear": "linear",
    "mish": "mish",
    "relu": "relu",
    "relu6": "relu6",
    "selu": "selu",
    "sigmoid": "sigmoid",
    "silu": "silu",
    "softplus": "softplus",
    "softsign": "softsign",
    "tanh": "tanh",
}
"""Functions that a recurrent cell can be said to use, by Keras's name."""


def whole(layer: Any) -> Reader | None:
    """Return the function that reads a layer whole, None for one that is looked into."""
    if recurrent(layer):
        return _recurrent
    from keras import layers

    for kind, reader in (
        (layers.BatchNormalization, _batch_normalization),
        (layers.Dropout, _dropout),
        (layers.GroupNormalization, _group_normalization),
        (layers.HashedCrossing, _hashed),
        (layers.Hashing, _hashed),
        (layers.IntegerLookup, _looked_up),
        (layers.PReLU, _prelu),
        (layers.StringLookup, _looked_up),
        (layers.TextVectorization, _looked_up),
        (layers.TimeDistributed, _time_distributed),
    ):
        if isinstance(layer, kind) and type(layer).call is kind.call:
            return reader
    return None


def recurrent(layer: Any) -> bool:
    """Say whether a layer is one of Keras's own LSTM, GRU and SimpleRNN, with a known function."""
    from keras import layers

    for kind, cell in (
        (layers.LSTM, layers.LSTMCell),
        (layers.GRU, layers.GRUCell),
        (layers.SimpleRNN, layers.SimpleRNNCell),
    ):
        if isinstance(layer, kind):
            own = type(layer).call is kind.call and type(layer.cell) is cell
            return own and None not in _functions(layer.cell)
    return False


def _functions(cell: Any) -> tuple[str | None, str | None]:
    """Return the names of the functions of the candidate and of the gates."""
    from keras import activations

    def name(function: Any) -> str | None:
        said = activations.serialize(function)
        return _ACTIVATIONS.get(said) if isinstance(said, str) else None

    inner = name(cell.activation)
    return inner, name(cell.recurrent_activation) if hasattr(
        cell, "recurrent_activation"
    ) else inner


def _recurrent(
    trace: Trace,
    layer: Any,
    sequences: Any,
    initial_state: Any = None,
    mask: Any = None,
    training: bool = False,
) -> Any:
    from keras import KerasTensor, layers, tree

    cell = layer.cell
    batch, steps, width = sequences.shape
    kind = {layers.LSTM: Cell.LSTM, layers.GRU: Cell.GRU}
    which = next((cell for known, cell in kind.items() if isinstance(layer, known)), Cell.SIMPLE)
    reset_after = bool(getattr(cell, "reset_after", False))
    inner, gate = _functions(cell)
    assert inner is not None
    assert gate is not None
    operation = Recurrent(
        cell=which,
        batch=batch,
        steps=steps,
        input_size=width,
        hidden_size=cell.units,
        biases=(2 if reset_after else 1) if cell.use_bias else 0,
        reset_after=reset_after,
        activation=inner,
        gate_activation=gate,
    )
    shapes = layer.compute_output_shape(sequences.shape)
    outputs = tree.map_shape_structure(
        lambda shape: KerasTensor(shape, dtype=layer.compute_dtype), shapes
    )
    stored = [cell.kernel, cell.recurrent_kernel, *([cell.bias] if cell.use_bias else [])]
    gates = ("gates × hidden",)
    axes = {
        "kernel": ("inputs", *gates),
        "recurrent kernel": ("hidden", *gates),
        "bias": gates if not reset_after else ("kernel and recurrent kernel", *gates),
    }
    roles = {}
    for variable in stored:
        name = trace.parameter_of(variable)
        if name is not None:
            role = trace.tree.role(name)
            both = "bias + recurrent bias" if role == "bias" and reset_after else role
            roles[name] = (both, axes.get(role, ()))
    states = layer.states if layer.stateful else initial_state
    trace.add(
        operation,
        args=(sequences, states, mask, stored),
        outputs=outputs,
        native=type(layer).__name__,
        roles=roles,
    )
    return outputs


def _batch_normalization(
    trace: Trace, layer: Any, inputs: Any, training: Any = None, mask: Any = None
) -> Any:
    """Read a normalisation by the batch's own statistics whole, as other frameworks have it."""
    from keras import KerasTensor

    by_the_batch = training and layer.trainable and not layer.renorm
    if not by_the_batch or mask is not None:
        return layer.call(inputs, training=training, mask=mask)
    outputs = KerasTensor(inputs.shape, dtype=layer.compute_dtype)
    operation = BatchNormalization(
        elements=prod(inputs.shape),
        channels=inputs.shape[layer.axis],
        scale=layer.scale,
        offset=layer.center,
        training=True,
    )
    scaling = [layer.gamma] * layer.scale + [layer.beta] * layer.center
    _add_normalization(
        trace,
        layer,
        operation,
        inputs,
        [layer.moving_mean, layer.moving_variance, *scaling],
        outputs,
    )
    return outputs


def _group_normalization(trace: Trace, layer: Any, inputs: Any) -> Any:
    from keras import KerasTensor

    batch, channels = inputs.shape[0], inputs.shape[layer.axis]
    groups = batch * layer.groups
    outputs = KerasTensor(inputs.shape, dtype=layer.compute_dtype)
    operation = Normalization(
        style="group",
        groups=groups,
        size=prod(inputs.shape) // groups,
        features=channels if layer.scale or layer.center else 0,
        scale=layer.scale,
        offset=layer.center,
    )
    stored = [layer.gamma] * layer.scale + [layer.beta] * layer.center
    _add_normalization(trace, layer, operation, inputs, stored, outputs)
    return outputs


def _add_normalization(
    trace: Trace, layer: Any, operation: Operation, inputs: Any, stored: list[Any], outputs: Any
) -> None:
    roles = {
        name: (trace.tree.role(name), ("channels",))
        for variable in stored
        if (name := trace.parameter_of(variable)) is not None
    }
    trace.add(
        operation,
        args=(inputs, stored),
        outputs=outputs,
        native=type(layer).__name__,
        roles=roles,
    )


def _time_distributed(
    trace: Trace, layer: Any, inputs: Any, training: Any = None, mask: Any = None
) -> Any:
    """Read the layer inside once and repeat it for each step."""
    from keras import KerasTensor, tree

    inner = layer.layer
    batch, times = inputs.shape[:2]
    now = KerasTensor((batch, *inputs.shape[2:]), dtype=inputs.dtype)
    kwargs = {"training": training} if inner._call_has_training_arg else {}
    if inner._call_has_mask_arg and mask is not None:
        kwargs["mask"] = KerasTensor((batch, *mask.shape[2:]), dtype=mask.dtype)
    with trace.repeat(times, "TimeDistributed", inputs) as loop:
        trace.add(
            free("step of the sequence", because=VIEW),
            args=inputs,
            outputs=now,
            native="GetItem",
            view=True,
        )
        output = trace.run_inside(inner, (now,), kwargs)
    outputs = tree.map_structure(
        lambda one: KerasTensor((one.shape[0], times, *one.shape[1:]), dtype=one.dtype), output
    )
    loop.outputs = tuple(trace.tensor(one) for one in tree.flatten(outputs))
    return outputs


def _prelu(trace: Trace, layer: Any, inputs: Any) -> Any:
    from keras import KerasTensor

    outputs = KerasTensor(inputs.shape, dtype=layer.compute_dtype)
    name = trace.parameter_of(layer.alpha)
    trace.add(
        Elementwise(function="prelu", elements=prod(inputs.shape)),
        args=(inputs, layer.alpha),
        outputs=outputs,
        native="PReLU",
        roles={name: ("slope", ())} if name else {},
    )
    return outputs


def _hashed(trace: Trace, layer: Any, inputs: Any) -> Any:
    """Read a hash of words or numbers as free: bits are mixed."""
    return _encoded(
        trace, layer, inputs, free("hash", because="bits are mixed, no number computed")
    )


def _looked_up(trace: Trace, layer: Any, inputs: Any) -> Any:
    """Read words that are cut and looked up; they may be counted, and counts be weighted.

    How many words a text has is not known: one at least.
    """
    outputs = _encoded(trace, layer, inputs, free("look-up of words", because=LOOK_UP))
    table = getattr(layer, "_lookup_layer", layer)
    mode = table.output_mode
    if mode in ("count", "tf_idf"):
        words = Elementwise(function="add", elements=prod(inputs.shape))
        step = trace.add(words, args=inputs, outputs=outputs, native=type(layer).__name__)
        step.bound = Bound.EXACT if table is layer else Bound.LOWER
    if mode == "tf_idf":
        weighted = Elementwise(function="multiply", elements=prod(outputs.shape))
        trace.add(weighted, args=outputs, outputs=outputs, native=type(layer).__name__)
    return outputs


def _encoded(trace: Trace, layer: Any, inputs: Any, operation: Operation) -> Any:
    from analyzer_keras.trace import closed

    with trace.paused():
        outputs, exact = closed(layer.compute_output_spec(inputs))
    trace.add(operation, args=inputs, outputs=outputs, native=type(layer).__name__)
    if not exact:
        trace.open_ended(f"layer {layer.name!r}", outputs)
    return outputs


def _dropout(trace: Trace, layer: Any, inputs: Any, training: bool = False) -> Any:
    """Read a dropout in training; in inference it gives what it got."""
    from keras import KerasTensor

    if not training or not layer.rate:
        return inputs
    outputs = KerasTensor(inputs.shape, dtype=inputs.dtype)
    operation = Elementwise(function="dropout", elements=prod(inputs.shape))
    trace.add(operation, args=inputs, outputs=outputs, native=type(layer).__name__)
    return outputs
