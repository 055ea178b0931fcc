"""``ptflops-aten``: ptflops with its backend ``aten``, which sees what runs on the CPU."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from analyzer.conventions.base import Convention, Rules
from analyzer.conventions.modules import FRAMEWORK
from analyzer.conventions.strides import Layout, batch_first, layouts, learned
from analyzer.conventions.written import factor_shapes, function_of, trainable
from analyzer.expression import ZERO, Expression, Factor, product

if TYPE_CHECKING:
    from analyzer.conventions.place import Place
    from analyzer.ops.attention import Attention
    from analyzer.ops.base import Cost

__all__ = ["PTFLOPS_ATEN"]


def _cost(macs: Expression, bias: Expression = ZERO) -> Cost:
    from analyzer.ops.base import Cost

    return Cost(macs=macs, bias=bias, flops_per_mac=1)


def _free(because: str) -> Cost:
    from analyzer.ops.base import Cost

    return Cost(free=because)


def _nothing(place: Place) -> Cost:
    return _free(place.cost.free or "ptflops does not count this kernel")


def _convolution(place: Place) -> Cost:
    if "conv" not in function_of(place) or "deform" in function_of(place):
        return _nothing(place)
    return _cost(place.cost.macs, place.cost.bias)


def _layout(place: Place) -> Layout:
    """Return the layout of what is multiplied; one of two axes or less is as good as contiguous."""
    read = place.node.inputs[:1]  # none where it is a stored tensor
    if place.framework != FRAMEWORK or any(len(tensor.shape) < 3 for tensor in read):
        return Layout.CONTIGUOUS
    return place.of_model(layouts).get(id(place.node), Layout.CONTIGUOUS)


def _linear(place: Place) -> Cost | None:
    layout = _layout(place)
    if not place.cost.bias or layout is Layout.CONTIGUOUS:
        return _cost(place.cost.macs, place.cost.bias)
    return None if Layout.OPEN in layout else _cost(place.cost.macs)


def _product(place: Place) -> Cost:
    shapes = factor_shapes(place)
    if shapes and len(shapes[1]) == 1:
        return _free("ptflops does not count products with a vector")
    if function_of(place) not in ("addmm", "bmm", "matmul", "mm"):
        return _nothing(place)
    return _cost(place.cost.macs, place.cost.bias)


def _attention(place: Place) -> Cost:
    operation = cast("Attention", place.operation)
    is_fused = (
        operation.qk_width == operation.v_width
        and len(place.node.outputs[0].shape) == 4
        and not _has_learned_mask(place)
    )
    if is_fused:
        return _free("the fused kernel of the CPU is not counted")
    return _cost(place.cost.macs)


def _has_learned_mask(place: Place) -> bool:
    """Whether what is added to the weights needs gradients, which the fused kernel cannot give."""
    if any(parameter.trainable for parameter in place.read):
        return True
    masks = place.node.inputs[3:]
    return any(mask.storage in place.of_model(learned) for mask in masks)


def _recurrent(place: Place) -> Cost | None:
    operation: Any = place.operation
    if function_of(place) == "lstm" and not operation.projection:
        return _free("oneDNN's kernel of a whole LSTM is not counted")
    cost = place.cost
    if not operation.biases or place.framework != FRAMEWORK:
        return _cost(cost.macs, cost.bias)
    layout = _layout(place) ^ batch_first(place.node)
    if Layout.OPEN in layout:
        return None
    if layout is Layout.CONTIGUOUS:
        return _cost(cost.macs, cost.bias)
    # What the first layer adds to its products of all inputs is added apart, and not counted.
    runs = product(batch=operation.batch, steps=operation.steps, directions=operation.directions)
    units = product(gates=operation.gates, hidden=operation.hidden_size)
    biases = Factor("biases, but one", operation.layers * operation.biases - 1)
    return _cost(cost.macs, product(runs, units, biases))


def _einsum(place: Place) -> Cost:
    if function_of(place) != "einsum" or not place.cost.macs:
        return _nothing(place)
    return _cost(place.cost.macs)


@cache
def _rules() -> Rules:
    from analyzer import ops

    return {
        ops.Attention: _attention,
        ops.Convolution: _convolution,
        ops.Einsum: _einsum,
        ops.Linear: _linear,
        ops.MatrixProduct: _product,
        ops.Recurrent: _recurrent,
    }


PTFLOPS_ATEN = Convention(
    name="ptflops-aten",
    version=1,
    word="MACs",
    checked="ptflops 0.7.5, backend aten, on the CPU",
    description=(
        "the MACs of ptflops with its backend aten: convolutions and products of matrices, and "
        "their biases; neither fused attention nor LSTMs"
    ),
    rules=_rules,
    otherwise=_nothing,
    frameworks=(FRAMEWORK,),
    parameters=trainable,
)
