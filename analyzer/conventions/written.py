"""How an operation is written in PyTorch, for tools that hook modules or patch functions.

What a module is called stands in the report of a PyTorch model, and the operator that ran nearly
says which function was called. Where a model is from elsewhere, each operation is taken to be
written as the module that PyTorch has for it, else as the function.

Operators of Python (``+``, ``*``) run the same kernels as functions (``torch.add``, ``torch.mul``),
and ``torch.relu(x)`` the same as ``F.relu(x)``; but a patched function sees only calls of itself.
Sums and products are taken to be written as operators, everything else by its name in
``torch.nn.functional`` or ``torch``, as nearly all code does.
"""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING

from analyzer.conventions.modules import FRAMEWORK, usual_module
from analyzer.expression import ONE, ZERO, Expression, Factor, product

if TYPE_CHECKING:
    from analyzer.conventions.place import Place
    from analyzer.ir import Model
    from analyzer.ops.base import Operation

__all__ = [
    "factor_shapes",
    "function_of",
    "places_read",
    "product_added",
    "product_called",
    "shares",
    "trainable",
]

_HOLDERS = frozenset({"GELUActivation", "TransformerDecoderLayer", "TransformerEncoderLayer"})
"""Modules that hold the function of their activation: to patch its name changes nothing there."""

_OPERATORS = frozenset({"add", "mul"})
_BY_METHODS = frozenset({"LocalResponseNorm"})
"""Modules whose function calls these by name."""

_FUNCTIONS = {
    "Attention": "scaled_dot_product_attention",
    "BatchNorm2d": "batch_norm",
    "ELU": "elu",
    "Einsum": "einsum",
    "GELU": "gelu",
    "InstanceNorm2d": "instance_norm",
    "LeakyReLU": "leaky_relu",
    "MatrixProduct": "matmul",
    "PReLU": "prelu",
    "ReLU": "relu",
    "ReLU6": "hardtanh",
    "SiLU": "silu",
    "Upsample": "interpolate",
}
"""Functions that are not the name in lower case of the module that calls them, or the operation."""


def function_of(place: Place) -> str:
    """Return the function that is called for it: ``"conv2d"``; none where no name is looked up."""
    if place.framework != FRAMEWORK:
        return _usual_function(place.operation)
    name = place.node.native.removeprefix("aten.").rstrip("_")
    if name in _OPERATORS and place.layer.type not in _BY_METHODS:
        return ""
    if place.layer.type in _HOLDERS and type(place.operation).__name__ == "Elementwise":
        return ""
    return name


def _usual_function(operation: Operation) -> str:
    name = usual_module(operation) or type(operation).__name__
    return _FUNCTIONS.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def places_read(place: Place) -> Expression:
    """Return the elements of the map that a pooling reads."""
    operation = place.operation
    spatial: tuple[int, ...] = getattr(operation, "in_spatial", ())
    batch, channels = (getattr(operation, name, 1) for name in ("batch", "channels"))
    return product(batch=batch, channels=channels, places_of_the_input=prod(spatial))


def product_called(place: Place) -> Expression:
    """Return the elements of the first factor times the last size of the second.

    These are the MACs, unless the first factor is repeated for the second, or the second is a
    vector.
    """
    macs = place.cost.macs
    shapes = factor_shapes(place)
    if len(shapes) != 2:
        return macs
    elements, last = prod(shapes[0]), shapes[1][-1]
    if elements * last == macs.value:
        return macs
    return product(elements_of_the_first=elements, last_size_of_the_second=last)


def factor_shapes(place: Place) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of the two factors of a product in their order, none where that is open."""
    shapes = [tensor.shape for tensor in place.node.inputs]
    stored = [parameter.shape for parameter in place.read]
    if getattr(place.operation, "addend", False) or len(shapes) + len(stored) != 2:
        return ()
    if len(shapes) == 1 and len(stored[0]) == 1:  # a stored vector stands where it fits
        first = getattr(place.operation, "n", 1) != 1
        return (stored[0], shapes[0]) if first else (shapes[0], stored[0])
    return tuple(shapes) if len(shapes) == 2 and all(shapes) else ()


def product_added(place: Place) -> Expression:
    """Return the elements of what is added to a product of matrices, before it is repeated."""
    if not getattr(place.operation, "addend", function_of(place) == "addmm"):
        return ZERO
    stored = [parameter.elements for parameter in place.read if parameter.role == "bias"]
    return product(elements_added=stored[0] if stored else place.node.inputs[0].elements)


def shares(place: Place) -> Expression:
    """Return the factor by which the work of a module is repeated that several others hold.

    Tools that add up the tree of modules come to it, with all its calls, once for each of them.
    """
    ways = place.ways if place.framework == FRAMEWORK else 1
    return Factor("modules that hold this one", ways) if ways > 1 else ONE


def trainable(model: Model) -> int:
    """Return the parameters that training would change now: ``requires_grad``."""
    from analyzer.ir import Kind

    return sum(
        parameter.elements
        for parameter in model.parameters
        if parameter.kind is Kind.LEARNABLE and parameter.trainable
    )
