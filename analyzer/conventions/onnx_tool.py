"""``onnx-tool``: the MACs of ``onnx_tool.model_profile``, by the operators of an ONNX graph.

It means instructions of a processor, so that an exponential is 32 of them and a division 4.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

from analyzer.conventions.base import Convention
from analyzer.expression import ZERO, Factor, product, total

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyzer.conventions.base import Rule, Rules
    from analyzer.conventions.place import Place
    from analyzer.expression import Expression
    from analyzer.ops.base import Cost, Operation

__all__ = ["ONNX_TOOL"]

_FRAMEWORK = "ONNX"
_AN_ELEMENT = {
    "Abs": 1, "Add": 1, "And": 1, "Atan": 64, "BatchNormalization": 31, "Ceil": 1, "Clip": 2,
    "Cos": 39, "CumSum": 1, "DequantizeLinear": 2, "Div": 4, "Elu": 35, "Equal": 1, "Exp": 32,
    "Floor": 1, "Gelu": 34, "Greater": 1, "GreaterOrEqual": 1, "HardSigmoid": 4, "HardSwish": 5,
    "Hardmax": 1, "ImageScaler": 2, "InstanceNormalization": 7, "LeakyRelu": 2, "Less": 1,
    "LessOrEqual": 1, "Log": 43, "LogSoftmax": 80, "LpNormalization": 33, "Max": 1, "Min": 1,
    "Mod": 1, "Mul": 1, "Neg": 1, "NonZero": 1, "Not": 1, "Or": 1, "PRelu": 2, "Pow": 32,
    "QuantizeLinear": 2, "Reciprocal": 4, "Relu": 1, "Round": 1, "Sigmoid": 32, "Sign": 1,
    "Sin": 39, "Softmax": 36, "Softplus": 76, "Sqrt": 24, "Sub": 1, "Tanh": 76, "Xor": 1,
}  # fmt: skip
"""MACs an element of the result; Tanh and Atan are doubled by a slip of the tool."""

_AN_ELEMENT_READ = {
    "ReduceL2": 25, "ReduceMax": 1, "ReduceMean": 1, "ReduceMin": 1, "ReduceProd": 1,
    "ReduceSum": 1,
}  # fmt: skip
"""MACs an element of what is reduced."""

_EXPONENTIAL, _TANH, _DIVISION, _ROOT = 32, 38, 4, 24
_RESIZING = {"cubic": 8, "linear": 4}

_WRITTEN = {
    "divide": "Div", "gelu tanh": "Gelu", "hard sigmoid of keras": "HardSigmoid",
    "hard swish": "HardSwish", "leaky relu": "LeakyRelu", "multiply": "Mul", "power": "Pow",
    "prelu": "PRelu", "relu6": "Clip", "square root": "Sqrt", "subtract": "Sub",
}  # fmt: skip
"""Operator of a function of one element, where it is not the name in ONNX's spelling."""


def _rule(place: Place) -> Cost | None:
    name = _operator(place)
    if name in _AN_ELEMENT:
        return _each(place, "an element", _written(place), _AN_ELEMENT[name])
    if name in _AN_ELEMENT_READ:
        return _each(place, "an element read", _read(place), _AN_ELEMENT_READ[name])
    if name in _special():
        return _special()[name](place)
    return _free(place, name)


def _operator(place: Place) -> str:
    """Return the operator of ONNX; of a model from elsewhere, the one that does just this."""
    if place.framework == _FRAMEWORK:
        return place.node.native
    operation: Any = place.operation
    kind = type(operation).__name__
    if kind == "Elementwise":
        name: str = operation.function
        return _WRITTEN.get(name, "".join(word.capitalize() for word in name.split()))
    if kind == "Convolution":
        return "ConvTranspose" if operation.transposed else "Conv"
    if kind == "Normalization":
        return f"{operation.style.capitalize()}Normalization"
    if kind == "Recurrent":
        return {"simple RNN": "RNN"}.get(operation.cell, str(operation.cell))
    if kind == "Softmax":
        return "LogSoftmax" if operation.logarithm else "Softmax"
    return _USUAL.get(kind, "")


_USUAL = {
    "AdaptivePooling": "GlobalAveragePool", "BatchNormalization": "BatchNormalization",
    "Einsum": "Einsum", "Interpolation": "Resize", "Linear": "Gemm",
    "LocalResponseNormalization": "LRN", "MatrixProduct": "MatMul", "Pooling": "MaxPool",
}  # fmt: skip


def _free(place: Place, name: str = "") -> Cost:
    from analyzer.ops.base import Cost

    return Cost(free=place.cost.free or f"onnx-tool does not count {name or 'it'}")


def _cost(place: Place, work: Expression, why: str) -> Cost:
    """Put the work where the operation's own is."""
    from analyzer.ops.base import Category, Cost

    own = [part for part in place.cost.by_category if part is not Category.CONTRACTION]
    part: dict[str, Any] = {str(own[0]) if own else "elementwise": work}
    return Cost(**part, because=why)


def _each(place: Place, what: str, elements: int, macs: int) -> Cost:
    if not elements:
        return _free(place)
    work = product(Factor("elements", elements), Factor("instructions", macs))
    return _cost(place, work, f"{macs} {what}")


def _written(place: Place) -> int:
    """Return the elements of the result; a number alone counts as nothing."""
    shape = place.node.outputs[0].shape
    return prod(shape) if shape else 0


def _read(place: Place) -> int:
    shapes = [tensor.shape for tensor in place.node.inputs]
    shapes += [parameter.shape for parameter in place.read]
    return prod(shapes[0]) if shapes and shapes[0] else 0


def _contraction(macs: Expression, bias: Expression = ZERO, because: str = "") -> Cost:
    from analyzer.ops.base import Cost

    return Cost(macs=macs, bias=bias, flops_per_mac=1, because=because)


def _convolution(place: Place) -> Cost:
    operation: Any = place.operation
    cost = place.cost
    bias = product(outputs=_written(place)) if cost.bias else ZERO
    if not getattr(operation, "transposed", False):
        return _contraction(cost.macs, bias)
    macs = product(
        outputs=_written(place),
        filters_per_group=operation.out_channels // operation.groups,
        window=prod(operation.kernel),
    )
    return _contraction(macs, bias, "by its output, and its filters in place of its inputs")


def _product(place: Place) -> Cost:
    cost = place.cost
    bias = product(outputs=_written(place)) if cost.bias else ZERO
    return _contraction(cost.macs, bias)


def _einsum(place: Place) -> Cost:
    """Multiply all labels, whether they are summed or not."""
    operation: Any = place.operation
    sizes = dict(operation.sizes)
    labels = dict.fromkeys("".join(operation.operands))
    macs = product(*(Factor(label, sizes[label]) for label in labels))
    if macs.value == place.cost.macs.value:
        return _contraction(place.cost.macs)
    return _cost(place, macs, "all labels multiplied")


def _pooling(place: Place) -> Cost:
    operation: Any = place.operation
    taps = operation.kernel[:2] if len(operation.kernel) == 2 else operation.kernel[:1]
    work = product(outputs=_written(place), window=prod(taps))
    why = "a comparison or a sum for each place of the window"
    return _cost(place, work, why if len(taps) == len(operation.kernel) else "the first axis alone")


def _global_average(place: Place) -> Cost:
    work = total(
        (product(inputs=_read(place)), product(outputs=_written(place), division=_DIVISION))
    )
    return _cost(place, work, f"1 an element of the input, {_DIVISION} a mean")


def _layer_normalization(place: Place) -> Cost:
    operation: Any = place.operation
    elements = operation.groups * operation.size
    groups = elements // (operation.features or operation.size)
    steps = 1 + _ROOT + _DIVISION
    work = total((product(elements=elements, steps=7), product(groups=groups, steps=steps)))
    return _cost(place, work, f"7 an element, {steps} a group")


def _local_response(place: Place) -> Cost:
    operation: Any = place.operation
    steps = _DIVISION + _EXPONENTIAL + 1 + operation.size
    return _each(place, "an element", _written(place), steps)


def _resizing(place: Place) -> Cost:
    operation: Any = place.operation
    steps = _RESIZING.get(getattr(operation, "method", ""), 0)
    return _each(place, "an element", _written(place), steps) if steps else _free(place, "nearest")


def _sum(place: Place) -> Cost:
    terms = len(place.node.inputs) + len(place.read)
    return _each(place, "an element", _written(place), terms - 1)


def _recurrent(place: Place) -> Cost:
    """Weights and biases of all directions; sums, functions and updates of one."""
    operation: Any = place.operation
    steps = product(batch=operation.batch, time_steps=operation.steps)
    gates, hidden = operation.cell.gates, operation.hidden_size
    each = {
        "GRU": 3 + 2 * _EXPONENTIAL + _TANH + 5,
        "LSTM": 4 + 3 * _EXPONENTIAL + 2 * _TANH + 4,
    }[operation.cell]
    rest = total(
        (
            product(directions=operation.directions, biases=operation.biases * gates),
            Factor("instructions of a unit", each),
        )
    )
    from analyzer.ops.base import Cost

    return Cost(
        macs=place.cost.macs,
        elementwise=product(steps, product(hidden=hidden), rest),
        flops_per_mac=1,
        because="biases, functions and updates, these of one direction",
    )


@cache
def _special() -> Mapping[str, Rule]:
    return {
        "AveragePool": _pooling,
        "Conv": _convolution,
        "ConvInteger": _convolution,
        "ConvTranspose": _convolution,
        "Einsum": _einsum,
        "GRU": _recurrent,
        "Gemm": _product,
        "GlobalAveragePool": _global_average,
        "LRN": _local_response,
        "LSTM": _recurrent,
        "LayerNormalization": _layer_normalization,
        "MatMul": _product,
        "MatMulInteger": _product,
        "MaxPool": _pooling,
        "QLinearConv": _convolution,
        "QLinearMatMul": _product,
        "Resize": _resizing,
        "Sum": _sum,
        "Upsample": _resizing,
    }


@cache
def _rules() -> Rules:
    from analyzer import ops

    rules: dict[type[Operation], Rule] = {ops.Fused: _rule}  # an operator is counted whole
    return rules


ONNX_TOOL = Convention(
    name="onnx-tool",
    version=1,
    word="MACs",
    checked="onnx-tool 1.0.1",
    description=(
        "onnx-tool's MACs, which are instructions: contractions, and every other operator by a "
        "price an element, such as 32 for an exponential and 31 for batch norm"
    ),
    rules=_rules,
    otherwise=_rule,
    frameworks=(_FRAMEWORK,),
    remark=(
        "counts arithmetic on shapes and constants too, which no run needs: of a "
        "file that has some it says a little more"
    ),
)
