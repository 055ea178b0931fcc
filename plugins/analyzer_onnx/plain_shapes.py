"""Shapes of the commonest operators, a line of arithmetic each: asking ONNX takes ten times it.

Only what is written in the usual way is answered here: whatever is odd, or may be damaged, gives no
answer, and ONNX's own rule decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, partial

from analyzer_onnx.call import Call
from analyzer_onnx.dtypes import DTYPES, element_type
from analyzer_onnx.inferred import Inferred, Shaper
from analyzer_onnx.values import Value

__all__ = ["TABLE", "stretched"]

_STRETCHING = 7  # the operator set since which operands are stretched as numpy does
_NORMALIZING = 9  # and since which a batch normalisation is always one of channels

Sizes = tuple[int, ...]


def stretched(shapes: Sequence[Sizes]) -> Sizes | None:
    """Return the shape that tensors can be stretched to, None where they cannot.

    >>> stretched([(4, 1), (3,)]), stretched([(4,), (3,)])
    ((4, 3), None)
    """
    if len(set(shapes)) == 1:
        return shapes[0]
    rank = max(map(len, shapes))
    sizes = []
    for axis in zip(*((1,) * (rank - len(shape)) + shape for shape in shapes), strict=True):
        found = {*axis} - {1}
        if len(found) > 1:
            return None
        sizes.append(found.pop() if found else 1)
    return tuple(sizes)


def _same(call: Call) -> list[Inferred]:
    return [Inferred(call.x.sizes, call.x.dtype)]


def _along_axis(call: Call) -> list[Inferred]:
    axis, rank = call.attribute("axis", -1 if call.opset >= 13 else 1), len(call.x.sizes)
    return _same(call) if -rank <= axis < rank else []


def _layer_normalization(call: Call) -> list[Inferred]:
    axis, rank = call.attribute("axis", -1), len(call.x.sizes)
    return _same(call) if len(call.node.output) == 1 and -rank <= axis < rank else []


def _batch_normalization(call: Call) -> list[Inferred]:
    x = call.x.sizes
    statistics = {value.sizes for value in call.inputs[1:] if value is not None}
    plain = len(call.node.output) == 1 and statistics == {x[1:2]} and call.opset >= _NORMALIZING
    return _same(call) if plain else []


def _cast(call: Call) -> list[Inferred]:
    return [Inferred(call.x.sizes, DTYPES.get(call.attribute("to")))]


def _transpose(call: Call) -> list[Inferred]:
    x = call.x.sizes
    order = call.attribute("perm") or list(reversed(range(len(x))))
    if sorted(order) != list(range(len(x))):
        return []
    return [Inferred(tuple([x[axis] for axis in order]), call.x.dtype)]


def _shape(call: Call) -> list[Inferred]:
    rank = len(call.x.sizes)
    part = slice(call.attribute("start", 0), call.attribute("end", rank))
    return [Inferred((len(range(rank)[part]),), "int64")]


def _stretch(call: Call, operands: Iterable[Value | None]) -> Sizes | None:
    values = [value for value in operands if value is not None]
    if call.opset < _STRETCHING or not values:
        return None
    return stretched([value.sizes for value in values])


def _arithmetic(call: Call) -> list[Inferred]:
    shape = _stretch(call, call.inputs)
    return [] if shape is None else [Inferred(shape, call.x.dtype)]


def _comparison(call: Call) -> list[Inferred]:
    shape = _stretch(call, call.inputs)
    return [] if shape is None else [Inferred(shape, "bool")]


def _where(call: Call) -> list[Inferred]:
    shape = _stretch(call, call.inputs)
    return [] if shape is None else [Inferred(shape, call.input(1).dtype)]


def _gather(call: Call) -> list[Inferred]:
    x, axis = call.x.sizes, call.attribute("axis", 0)
    if not -len(x) <= axis < len(x):
        return []
    axis %= len(x)
    return [Inferred((*x[:axis], *call.input(1).sizes, *x[axis + 1 :]), call.x.dtype)]


def _matrix_product(call: Call) -> list[Inferred]:
    """``(…, m, k) @ (…, k, n) → (…, m, n)``."""
    a, b = call.x.sizes, call.input(1).sizes
    if len(a) < 2 or len(b) < 2 or a[-1] != b[-2]:
        return []
    batch = stretched([a[:-2], b[:-2]])
    return [] if batch is None else [Inferred((*batch, a[-2], b[-1]), call.x.dtype)]


def _general_product(call: Call) -> list[Inferred]:
    """``(m, k) @ (k, n) → (m, n)``, each transposed or not."""
    a, b = call.x.sizes, call.input(1).sizes
    if len(a) != 2 or len(b) != 2:
        return []
    rows = a[1 if call.attribute("transA", 0) else 0]
    columns = b[0 if call.attribute("transB", 0) else 1]
    return [Inferred((rows, columns), call.x.dtype)]


def _convolution(call: Call) -> list[Inferred]:
    weight = call.input(1).sizes
    if len(weight) != len(call.x.sizes):
        return []
    return _slid(call, call.attribute("kernel_shape") or weight[2:], weight[0])


def _pooling(call: Call) -> list[Inferred]:
    x = call.x.sizes
    if len(x) < 2 or len(call.node.output) != 1 or call.attribute("ceil_mode", 0):
        return []
    if call.op_type == "AveragePool" and call.attribute("dilations") is not None:
        return []  # of which older operator sets know nothing
    return _slid(call, call.attribute("kernel_shape"), x[1])


def _slid(call: Call, kernel: Sequence[int], channels: int) -> list[Inferred]:
    """Slide a window over ``(batch, channels, …)``."""
    batch, *sizes = (call.x.sizes[0], *call.x.sizes[2:])
    rank = len(sizes)
    strides = call.attribute("strides") or [1] * rank
    dilations = call.attribute("dilations") or [1] * rank
    pads = call.attribute("pads") or [0] * 2 * rank
    if not rank or call.attribute("auto_pad", "NOTSET") != "NOTSET" or min(pads) < 0:
        return []
    if {len(kernel), len(strides), len(dilations), len(pads) // 2} != {rank} or len(pads) % 2:
        return []
    if min(*kernel, *strides, *dilations) < 1:
        return []
    found = [batch, channels]
    for axis, size in enumerate(sizes):
        reach = dilations[axis] * (kernel[axis] - 1) + 1
        room = size + pads[axis] + pads[axis + rank] - reach
        if room < 0:
            return []
        found.append(room // strides[axis] + 1)
    return [Inferred(tuple(found), call.x.dtype)]


def _global_pooling(call: Call) -> list[Inferred]:
    x = call.x.sizes
    return [Inferred((*x[:2], *(1 for _ in x[2:])), call.x.dtype)] if len(x) > 1 else []


def _typed(rule: Shaper, call: Call) -> list[Inferred]:
    """Ask a rule where the operator takes operands of these types, as ONNX's own would check."""
    types = tuple([None if value is None else value.dtype for value in call.inputs])
    return rule(call) if _takes(call.op_type, call.opset, types) else []


@cache
def _takes(op_type: str, opset: int, dtypes: tuple[str | None, ...]) -> bool:
    from onnx import TensorProto, defs

    if not defs.has(op_type, max_inclusive_version=opset):
        return False
    formal = defs.get_schema(op_type, max_inclusive_version=opset).inputs
    bound: dict[str, str] = {}
    for at, dtype in enumerate(dtypes):
        if dtype is None:
            continue
        one = formal[min(at, len(formal) - 1)]  # the last may stand for many
        name = f"tensor({TensorProto.DataType.Name(element_type(dtype)).lower()})"
        if name not in one.types or bound.setdefault(one.type_str, name) != name:
            return False
    return True


_ELEMENTWISE = (
    "Abs",
    "Ceil",
    "Clip",
    "Cos",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LRN",
    "LeakyRelu",
    "Log",
    "Mish",
    "Neg",
    "Not",
    "Reciprocal",
    "Relu",
    "Selu",
    "Sigmoid",
    "Sin",
    "Softplus",
    "Sqrt",
    "Tanh",
)
_ARITHMETIC = ("Add", "Div", "Max", "Mean", "Min", "Mul", "Pow", "Sub", "Sum")
_COMPARISONS = ("And", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Or")

_RULES: dict[str, Shaper] = {
    **dict.fromkeys(_ELEMENTWISE, _same),
    **dict.fromkeys(_ARITHMETIC, _arithmetic),
    **dict.fromkeys(_COMPARISONS, _comparison),
    "AveragePool": _pooling,
    "BatchNormalization": _batch_normalization,
    "Cast": _cast,
    "Conv": _convolution,
    "Gather": _gather,
    "Gemm": _general_product,
    "GlobalAveragePool": _global_pooling,
    "GlobalMaxPool": _global_pooling,
    "LayerNormalization": _layer_normalization,
    "LogSoftmax": _along_axis,
    "MatMul": _matrix_product,
    "MaxPool": _pooling,
    "Shape": _shape,
    "Softmax": _along_axis,
    "Transpose": _transpose,
    "Where": _where,
}
TABLE: dict[str, Shaper] = {name: partial(_typed, rule) for name, rule in _RULES.items()}
"""Standard operators to the shapes of their results."""
