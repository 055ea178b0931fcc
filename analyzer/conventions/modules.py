"""What a tool that counts by module sees: the modules of ``torch.nn``.

Of a model of PyTorch, the layers are its modules. Any other model is taken as if every operation
for which ``torch.nn`` has a module were written with it, and the rest as functions.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from analyzer.conventions.place import Place
    from analyzer.ir import Layer
    from analyzer.ops.base import Operation

__all__ = ["FRAMEWORK", "module_of", "native_module", "usual_module"]

FRAMEWORK = "PyTorch"

_ACTIVATIONS = {
    "celu": "CELU",
    "elu": "ELU",
    "gated linear unit": "GLU",
    "gelu": "GELU",
    "gelu tanh": "GELU",
    "hard sigmoid": "Hardsigmoid",
    "hard swish": "Hardswish",
    "hard tanh": "Hardtanh",
    "leaky relu": "LeakyReLU",
    "log sigmoid": "LogSigmoid",
    "mish": "Mish",
    "prelu": "PReLU",
    "relu": "ReLU",
    "relu6": "ReLU6",
    "selu": "SELU",
    "sigmoid": "Sigmoid",
    "silu": "SiLU",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "tanh": "Tanh",
}
_NORMALIZATIONS = {
    "RMS": "RMSNorm",
    "group": "GroupNorm",
    "instance": "InstanceNorm2d",
    "layer": "LayerNorm",
}
_RECURRENT = {"GRU": "GRU", "LSTM": "LSTM", "simple RNN": "RNN"}


def module_of(place: Place) -> str:
    """Return the type of the module in which an operation runs, empty where it is in none."""
    return (
        native_module(place.layer)
        if place.framework == FRAMEWORK
        else usual_module(place.operation)
    )


def native_module(layer: Layer) -> str:
    """Return the type of a module of ``torch.nn`` by its name, of any other by its whole name.

    Where nobody knows where a type was defined, it is taken by its name.
    """
    known = not layer.origin or layer.origin.startswith("torch.nn.")
    return layer.type if known else f"{layer.origin}.{layer.type}"


def usual_module(operation: Operation) -> str:
    """Return the module of ``torch.nn`` that does just this, empty where there is none.

    >>> from analyzer import ops
    >>> usual_module(ops.Linear(rows=1, in_features=4, out_features=3, bias=True))
    'Linear'
    >>> usual_module(ops.MatrixProduct(batch=1, m=2, k=3, n=4))
    ''
    """
    name = _usual().get(type(operation))
    return name(operation) if name else ""


@cache
def _usual() -> Mapping[type[Operation], Callable[[Any], str]]:
    from analyzer import ops

    return {
        ops.AdaptivePooling: lambda one: f"Adaptive{_pool(one)}{len(one.in_spatial)}d",
        ops.BatchNormalization: lambda _: "BatchNorm2d",
        ops.Convolution: lambda one: (
            f"Conv{'Transpose' if one.transposed else ''}{len(one.kernel)}d"
        ),
        ops.Elementwise: lambda one: _ACTIVATIONS.get(one.function, ""),
        ops.Embedding: lambda _: "Embedding",
        ops.Interpolation: lambda _: "Upsample",
        ops.Linear: lambda _: "Linear",
        ops.LocalResponseNormalization: lambda _: "LocalResponseNorm",
        ops.Normalization: lambda one: _NORMALIZATIONS.get(one.style, ""),
        ops.Pooling: lambda one: f"{_pool(one)}{len(one.kernel)}d",
        ops.Recurrent: lambda one: _RECURRENT[one.cell],
        ops.Softmax: lambda one: "LogSoftmax" if one.logarithm else "Softmax",
    }


def _pool(operation: Any) -> str:
    return {"average": "AvgPool", "max": "MaxPool"}[operation.pool]
