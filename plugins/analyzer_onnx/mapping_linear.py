"""Contractions: convolutions, matrix products, einsum, attention, recurrent layers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from analyzer import Operation, ops
from analyzer_onnx.call import Call, Mapper
from analyzer_onnx.einsum import Labelled
from analyzer_onnx.values import Value
from analyzer_onnx.windows import Window

__all__ = ["TABLE"]


def _convolution(*, transposed: bool) -> Mapper:
    def make(call: Call) -> Operation:
        x, weight = call.x.sizes, call.input(1).sizes
        groups = call.attribute("group", 1)
        first, second = (
            ("input channels", "filters") if transposed else ("filters", "input channels")
        )
        call.claim(1, "kernel", (first, second, *ops.spatial_axes("kernel", len(weight) - 2)))
        bias = call.bias(2, "filters")
        window = Window.of(call, kernel=weight[2:], transposed=transposed)
        outer, inner = weight[0], weight[1] * groups  # the file divides the second by the groups
        return ops.Convolution(
            batch=x[0],
            in_channels=outer if transposed else inner,
            out_channels=inner if transposed else outer,
            groups=groups,
            in_spatial=x[2:],
            out_spatial=call.y.sizes[2:],
            kernel=weight[2:],
            stride=window.stride,
            dilation=window.dilation,
            padding=window.padding,
            bias=bias,
            transposed=transposed,
        )

    return make


def _gemm(call: Call) -> Sequence[Operation]:
    a, b = call.x, call.input(1)
    rows, inner = a.sizes[::-1] if call.attribute("transA", 0) else a.sizes
    swapped = bool(call.attribute("transB", 0))
    columns = b.sizes[0] if swapped else b.sizes[1]
    features = ("output features", "input features")
    kernel = call.claim(1, "kernel", features if swapped else features[::-1])
    addend = call.inputs[2] if call.has(2) else None
    bias = addend is not None and addend.weight
    call.claim(2, "bias", ("output features",))
    work: list[Operation] = []
    if kernel or not a.weight:
        work.append(
            ops.Linear(rows=rows, in_features=inner, out_features=columns, bias=bias)
            if kernel
            else ops.MatrixProduct(batch=1, m=rows, k=inner, n=columns, addend=bias)
        )
    else:
        call.claim(0, "kernel")
        work.append(ops.Linear(rows=columns, in_features=inner, out_features=rows, bias=bias))
    if addend is not None and not bias:
        work.append(ops.Elementwise(function="add", elements=rows * columns))
    if call.attribute("alpha", 1.0) != 1.0:
        work.append(ops.Elementwise(function="multiply", elements=rows * columns))
    if addend is not None and call.attribute("beta", 1.0) != 1.0:
        work.append(ops.Elementwise(function="multiply", elements=addend.elements))
    return work


def _matmul(call: Call) -> Operation:
    """``(…, m, k) @ (…, k, n) → (…, m, n)``; a vector is a matrix of one row or column."""
    a, b = call.x, call.input(1)
    inner = a.sizes[-1]
    m = a.sizes[-2] if len(a.sizes) > 1 else 1
    n = b.sizes[-1] if len(b.sizes) > 1 else 1
    batch = prod(call.y.sizes) // (m * n) if m * n else 0
    features = ("input features", "output features")
    if b.weight and not a.weight:
        call.claim(1, "kernel", features)
        if prod(b.sizes[:-2]) == 1:
            return ops.Linear(rows=batch * m, in_features=inner, out_features=n, bias=False)
    elif a.weight:
        call.claim(0, "kernel", features[::-1])
        call.claim(1, "kernel", features)
        if prod(a.sizes[:-2]) == 1:
            return ops.Linear(rows=batch * n, in_features=inner, out_features=m, bias=False)
    return ops.MatrixProduct(batch=batch, m=m, k=inner, n=n)


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


def _attention(call: Call) -> Operation:
    """Attention of operator set 23: ``(b, h, n, d)``, or ``(b, n, h·d)`` with a number of heads."""
    query, key, value = (_heads_first(call, index) for index in range(3))
    past = call.inputs[4].sizes[2] if call.has(4) and call.inputs[4] is not None else 0
    mask = ops.Mask.NONE
    if call.has(3):
        mask = ops.Mask.ADDITIVE if call.input(3).floating else ops.Mask.BOOLEAN
    elif call.attribute("is_causal", 0):
        mask = ops.Mask.CAUSAL
    return ops.Attention(
        batch=query[0],
        heads=query[1],
        kv_heads=key[1],
        queries=query[2],
        keys=key[2] + past,
        qk_width=query[3],
        v_width=value[3],
        mask=mask,
    )


def _heads_first(call: Call, index: int) -> tuple[int, ...]:
    sizes = call.input(index).sizes
    if len(sizes) == 4:
        return sizes
    heads = call.attribute("q_num_heads" if index == 0 else "kv_num_heads")
    return (sizes[0], heads, sizes[1], sizes[2] // heads)


_CELLS = {"GRU": ops.Cell.GRU, "LSTM": ops.Cell.LSTM, "RNN": ops.Cell.SIMPLE}
_ACTIVATIONS = {
    "Affine": None,
    "Elu": "elu",
    "HardSigmoid": "hard sigmoid",
    "LeakyRelu": "leaky relu",
    "Relu": "relu",
    "ScaledTanh": None,
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
    "ThresholdedRelu": "threshold",
}
_ACTIVATIONS_BY_LOWER = {name.lower(): ours for name, ours in _ACTIVATIONS.items()}


def _recurrent(call: Call) -> Operation | None:
    """Translate ``(steps, batch, inputs)``, or with ``layout=1`` ``(batch, steps, inputs)``."""
    x, weight = call.x.sizes, call.input(1).sizes
    steps, batch = (x[1], x[0]) if call.attribute("layout", 0) else (x[0], x[1])
    directions, hidden = weight[0], weight[1] // _CELLS[call.op_type].gates
    named = call.attribute("activations")
    functions = [
        _ACTIVATIONS_BY_LOWER.get(name.decode().lower() if isinstance(name, bytes) else name)
        for name in named or _default_activations(call.op_type)
    ]
    one_direction = functions[: len(_default_activations(call.op_type))]
    if None in one_direction:
        return None
    gate_activation, activation = str(one_direction[0]), str(one_direction[-1])
    call.claim(1, "kernel", ("directions", "gates × hidden", "inputs"))
    call.claim(2, "recurrent kernel", ("directions", "gates × hidden", "hidden"))
    if call.has(3):
        _claim_biases(call, call.input(3), directions)
    peepholes = call.op_type == "LSTM" and call.has(7)
    if peepholes:
        call.claim(7, "peephole")
    return ops.Recurrent(
        cell=_CELLS[call.op_type],
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
    )


def _default_activations(op_type: str) -> list[str]:
    return {"GRU": ["sigmoid", "tanh"], "LSTM": ["sigmoid", "tanh", "tanh"], "RNN": ["tanh"]}[
        op_type
    ]


def _claim_biases(call: Call, value: Value, directions: int) -> None:
    """One tensor holds both biases of every direction; where it is joined from parts, each."""
    call.claim(3, "bias + recurrent bias", ("directions", "both biases × gates × hidden"))
    if len(value.stored) == 2 * directions:
        for at, stored in enumerate(value.stored):
            role = "recurrent bias" if at % 2 else "bias"
            stored.claims[-1] = stored.claims[-1]._replace(role=role)


TABLE: dict[str, Mapper] = {
    "Attention": _attention,
    "Conv": _convolution(transposed=False),
    "ConvTranspose": _convolution(transposed=True),
    "Einsum": _einsum,
    "GRU": _recurrent,
    "Gemm": _gemm,
    "LSTM": _recurrent,
    "MatMul": _matmul,
    "MatMulInteger": _matmul,
    "RNN": _recurrent,
}
"""Standard operators that contract, to the functions that translate them."""
