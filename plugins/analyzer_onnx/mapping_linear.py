"""Contractions: convolutions, matrix products, einsum, attention, recurrent layers."""

from __future__ import annotations

from math import prod

from analyzer import Operation, ops
from analyzer_onnx.call import Call, Mapper
from analyzer_onnx.einsum import Labelled
from analyzer_onnx.values import Value
from analyzer_onnx.windows import Window

__all__ = ["TABLE", "convolution", "general_product", "matrix_product", "recurrent"]


def convolution(
    call: Call,
    *,
    weight: int = 1,
    bias: int | None = 2,
    transposed: bool = False,
    channels_last: bool = False,
) -> Operation:
    """Return a convolution by the inputs of these places.

    The kernel is ``(filters, input channels / groups, *kernel)``, transposed the first two change
    places; only where the channels of the map come last may those of the kernel, too.
    """
    sizes = call.input(weight).sizes
    rank = len(sizes) - 2
    x, y = (_channels_first(value.sizes, channels_last) for value in (call.x, call.y))
    groups = call.attribute("group", 1)
    first, second = ("input channels", "filters") if transposed else ("filters", "input channels")
    axes = (first, second, *ops.spatial_axes("kernel", rank))
    if channels_last and sizes[1] * groups != x[1] and sizes[-1] * groups == x[1]:
        sizes, axes = _channels_first(sizes, True), (axes[0], *axes[2:], axes[1])
    call.claim(weight, "kernel", axes)
    biased = bias is not None and call.bias(bias, "filters")
    window = Window.of(call, kernel=sizes[2:], maps=(x[2:], y[2:]), transposed=transposed)
    outer, inner = sizes[0], sizes[1] * groups  # the file divides the second by the groups
    return ops.Convolution(
        batch=x[0],
        in_channels=outer if transposed else inner,
        out_channels=inner if transposed else outer,
        groups=groups,
        in_spatial=x[2:],
        out_spatial=y[2:],
        kernel=sizes[2:],
        stride=window.stride,
        dilation=window.dilation,
        padding=window.padding,
        bias=biased,
        transposed=transposed,
    )


def _channels_first(sizes: tuple[int, ...], channels_last: bool) -> tuple[int, ...]:
    return (sizes[0], sizes[-1], *sizes[1:-1]) if channels_last else sizes


def _transposed_convolution(call: Call) -> Operation:
    return convolution(call, transposed=True)


def general_product(
    call: Call, *, left: int = 0, right: int = 1, addend: int = 2
) -> list[Operation]:
    """Return what ``α·A·B + β·C`` is, A and B transposed or not: a dense layer, where B is stored.

    ``(m, k), (k, n), (m, n) or what is stretched to that → (m, n)``
    """
    a, b = call.input(left), call.input(right)
    rows, inner = a.sizes[::-1] if call.attribute("transA", 0) else a.sizes
    swapped = bool(call.attribute("transB", 0))
    columns = b.sizes[0] if swapped else b.sizes[1]
    features = ("output features", "input features")
    kernel = call.claim(right, "kernel", features if swapped else features[::-1])
    added = call.inputs[addend] if call.has(addend) else None
    bias = added is not None and added.weight
    call.claim(addend, "bias", ("output features",))
    work: list[Operation] = []
    if kernel or not a.weight:
        work.append(
            ops.Linear(rows=rows, in_features=inner, out_features=columns, bias=bias)
            if kernel
            else ops.MatrixProduct(batch=1, m=rows, k=inner, n=columns, addend=bias)
        )
    else:
        call.claim(left, "kernel")
        work.append(ops.Linear(rows=columns, in_features=inner, out_features=rows, bias=bias))
    if added is not None and not bias:
        work.append(ops.Elementwise(function="add", elements=rows * columns))
    if call.attribute("alpha", 1.0) != 1.0:
        work.append(ops.Elementwise(function="multiply", elements=rows * columns))
    if added is not None and call.attribute("beta", 1.0) != 1.0:
        work.append(ops.Elementwise(function="multiply", elements=added.elements))
    return work


def matrix_product(
    call: Call,
    left: int = 0,
    right: int = 1,
    *,
    swapped: tuple[bool, bool] = (False, False),
    batch_inside: tuple[bool, bool] = (False, False),
    bias: int | None = None,
) -> Operation:
    """``(…, m, k) @ (…, k, n) → (…, m, n)``; a vector is a matrix of one row or column.

    Each operand may have its last two axes ``swapped``, or its batch between them.
    """
    a, b = call.input(left), call.input(right)
    rows = _matrix(a.sizes, swapped[0], batch_inside[0])
    columns = _matrix(b.sizes, swapped[1], batch_inside[1])
    inner = rows[-1]
    m = rows[-2] if len(rows) > 1 else 1
    n = columns[-1] if len(columns) > 1 else 1
    batch = prod(call.y.sizes) // (m * n) if m * n else 0
    biased = bias is not None and call.bias(bias, "output features")
    features = ("input features", "output features")
    if b.weight:
        call.claim(right, "kernel", features[::-1] if swapped[1] else features)
        call.claim(left, "kernel", assumed=True)  # learned, or a table that somebody computed
        if prod(columns[:-2]) == 1:
            return ops.Linear(rows=batch * m, in_features=inner, out_features=n, bias=biased)
    elif a.weight:
        call.claim(left, "kernel", features if swapped[0] else features[::-1])
        if prod(rows[:-2]) == 1:
            return ops.Linear(rows=batch * n, in_features=inner, out_features=m, bias=biased)
    return ops.MatrixProduct(batch=batch, m=m, k=inner, n=n, addend=biased)


def _matrix(sizes: tuple[int, ...], swapped: bool, batch_inside: bool) -> tuple[int, ...]:
    """Return the sizes as ``(…, rows, columns)``."""
    if batch_inside and len(sizes) > 2:
        sizes = (*sizes[1:-1], sizes[0], sizes[-1])
    return (*sizes[:-2], *sizes[:-3:-1]) if swapped and len(sizes) > 1 else sizes


def _einsum(call: Call) -> Operation:
    values = [call.input(index) for index in range(len(call.inputs))]
    labelled = Labelled.of(call.attribute("equation"), [value.sizes for value in values])
    for index, value in enumerate(values):
        if value.weight:
            call.claim(index, "kernel", tuple(labelled.operands[index]))
    return ops.Einsum(
        operands=labelled.operands,
        output=labelled.output,
        sizes=tuple(sorted(labelled.sizes.items())),
    )


_CELLS = {"GRU": ops.Cell.GRU, "LSTM": ops.Cell.LSTM, "RNN": ops.Cell.SIMPLE}
_ACTIVATIONS = {
    "Affine": "affine",
    "Elu": "elu",
    "HardSigmoid": "hard sigmoid",
    "LeakyRelu": "leaky relu",
    "Relu": "relu",
    "ScaledTanh": "scaled tanh",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
    "ThresholdedRelu": "threshold",
}
_ACTIVATIONS_BY_LOWER = {name.lower(): ours for name, ours in _ACTIVATIONS.items()}


def _recurrent(call: Call) -> Operation | None:
    """Translate ``(steps, batch, inputs)``, or with ``layout=1`` ``(batch, steps, inputs)``."""
    return recurrent(call, call.op_type)


def recurrent(call: Call, kind: str, *, swapped: bool = False) -> Operation | None:
    """Return a recurrent layer; a ``swapped`` kernel is ``(directions, inputs, gates · hidden)``.

    An activation that is none of ours, or another one in each direction, gives None.
    """
    weight = call.input(1).sizes
    if swapped:
        weight = (weight[0], weight[2], weight[1])
    x = call.x.sizes
    steps, batch = (x[1], x[0]) if call.attribute("layout", 0) else (x[0], x[1])
    directions, hidden = weight[0], weight[1] // _CELLS[kind].gates
    named = call.attribute("activations")
    functions = [
        _ACTIVATIONS_BY_LOWER.get(name.decode().lower() if isinstance(name, bytes) else name)
        for name in named or _default_activations(kind)
    ]
    kinds = len(_default_activations(kind))
    one_direction = functions[:kinds]
    # Of an LSTM the last two are one to us: of the candidate and of the cell state.
    if (
        None in functions
        or len(set(one_direction[1:])) > 1
        or functions != one_direction * (len(functions) // kinds)
    ):
        return None
    gate_activation, activation = str(one_direction[0]), str(one_direction[-1])
    for index, role, features in ((1, "kernel", "inputs"), (2, "recurrent kernel", "hidden")):
        gates = ("gates × hidden", features)
        call.claim(index, role, ("directions", *(gates[::-1] if swapped else gates)))
    if call.has(3):
        _claim_biases(call, call.input(3), directions)
    peepholes = kind == "LSTM" and call.has(7)
    if peepholes:
        call.claim(7, "peephole")
    return ops.Recurrent(
        cell=_CELLS[kind],
        batch=batch,
        steps=steps,
        input_size=weight[2],
        hidden_size=hidden,
        biases=2 if call.has(3) else 0,
        directions=directions,
        reset_after=bool(call.attribute("linear_before_reset", 0)),
        peepholes=peepholes,
        activation=activation,
        gate_activation=gate_activation,
        clipped=call.attribute("clip") is not None,
        coupled=kind == "LSTM" and bool(call.attribute("input_forget", 0)),
    )


def _default_activations(kind: str) -> list[str]:
    return {"GRU": ["sigmoid", "tanh"], "LSTM": ["sigmoid", "tanh", "tanh"], "RNN": ["tanh"]}[kind]


def _claim_biases(call: Call, value: Value, directions: int) -> None:
    """One tensor holds both biases of every direction; where it is joined from parts, each."""
    call.claim(3, "bias + recurrent bias", ("directions", "both biases × gates × hidden"))
    if len(value.stored) == 2 * directions:
        for at, stored in enumerate(value.stored):
            role = "recurrent bias" if at % 2 else "bias"
            stored.claims[-1] = stored.claims[-1]._replace(role=role)


TABLE: dict[str, Mapper] = {
    "Conv": convolution,
    "ConvTranspose": _transposed_convolution,
    "Einsum": _einsum,
    "GRU": _recurrent,
    "Gemm": general_product,
    "LSTM": _recurrent,
    "MatMul": matrix_product,
    "RNN": _recurrent,
}
"""Standard operators that contract, to the functions that translate them."""
