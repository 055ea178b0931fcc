"""Products with weights of few bits, packed and scaled in blocks, and mixtures of experts."""

from __future__ import annotations

from math import prod

from analyzer import Operation, ops
from analyzer_onnx.call import Call, Mapper
from analyzer_onnx.mapping_contrib import activated, gated
from analyzer_onnx.mapping_quantized import dequantized

__all__ = ["TABLE"]

_FEATURES = ("output features", "input features")


def _packed(
    call: Call,
    index: int,
    features: tuple[int, int],
    *,
    rows: int,
    bits: int = 0,
    bias: int | None = None,
) -> tuple[Operation, ...]:
    """Return a product with a stored ``(out, in)``: its numbers get their scale, then a layer."""
    outputs, inputs = features
    call.unpack(index, features, "kernel", _FEATURES, bits)
    biased = bias is not None and call.bias(bias, "output features")
    return (
        dequantized(outputs * inputs),
        ops.Linear(rows=rows, in_features=inputs, out_features=outputs, bias=biased),
    )


def _rows(call: Call) -> int:
    x = call.x.sizes
    return prod(x[:-1])


def _of_bits(call: Call) -> Operation:
    """``(…, K), packed (N, K), scales, zero points, order, bias → (…, N)``."""
    features = (call.attribute("N"), call.attribute("K"))
    bits = call.attribute("bits", 4)
    return call.fused(*_packed(call, 1, features, rows=_rows(call), bits=bits, bias=5))


def _of_nibbles(call: Call) -> Operation:
    """``(…, K), packed (N·K), scales → (…, N)``; without ``transB`` ``(…, N) → (…, K)``."""
    outputs, inputs = call.attribute("N"), call.attribute("K")
    call.unpack(1, (outputs, inputs), "kernel", _FEATURES, 4)
    swapped = bool(call.attribute("transB", 1))
    return call.fused(
        dequantized(outputs * inputs),
        ops.Linear(
            rows=_rows(call),
            in_features=inputs if swapped else outputs,
            out_features=outputs if swapped else inputs,
            bias=False,
        ),
    )


def _of_shape(call: Call) -> Operation | None:
    """``(…, K), packed, (K, N) → (…, N)``: the shape is an input."""
    shape = call.numbers(2)
    if shape is None:
        return None
    return call.fused(*_packed(call, 1, (shape[1], shape[0]), rows=_rows(call), bits=4))


def _of_floats(bits: int, bias: int) -> Mapper:
    """``(…, K), (N, K) of floats of few bits, scales → (…, N)``: each number times its scale."""

    def make(call: Call) -> Operation:
        outputs, inputs = call.y.sizes[-1], call.x.sizes[-1]
        _, layer = _packed(call, 1, (outputs, inputs), rows=_rows(call), bits=bits, bias=bias)
        return call.fused(ops.Elementwise(function="multiply", elements=outputs * inputs), layer)

    return make


def _gate_and_up(call: Call) -> Operation | None:
    """``x, skip, γ, gate, up``: a norm if there is a γ, two products, one activates the other.

    A packed weight, its scales and its bias follow each other.
    """
    outputs, inputs = call.attribute("N"), call.attribute("K")
    bits, rows = call.attribute("bits", 4), _rows(call)
    try:
        activation = activated(call.attribute("activation"), rows * outputs)
    except KeyError:
        return None
    return call.fused(
        *_normalized(call, rows, inputs),
        *_packed(call, 3, (outputs, inputs), rows=rows, bits=bits, bias=5),
        *_packed(call, 6, (outputs, inputs), rows=rows, bits=bits, bias=8),
        activation,
        ops.Elementwise(function="multiply", elements=rows * outputs),
    )


def _three_projections(call: Call) -> Operation:
    """``x, skip, γ, q, k, v``: a norm, and three products with its result."""
    inputs, rows, bits = call.attribute("K"), _rows(call), call.attribute("bits", 4)
    widths = (call.attribute("Nq"), call.attribute("Nkv"), call.attribute("Nkv"))
    products = (
        step
        for at, width in zip((3, 6, 9), widths, strict=True)
        for step in _packed(call, at, (width, inputs), rows=rows, bits=bits, bias=at + 2)
    )
    return call.fused(*_normalized(call, rows, inputs), *products)


def _normalized(call: Call, rows: int, width: int) -> tuple[Operation, ...]:
    """Return the sum with an optional second input, and RMS normalisation where it has a γ."""
    if not call.has(2):
        return ()
    call.claim(2, "scale", ("features",))
    norm = ops.Normalization(
        style="RMS", groups=rows, size=width, features=width, scale=True, centered=False
    )
    summed = ops.Elementwise(function="add", elements=rows * width)
    return (summed, norm) if call.has(1) else (norm,)


def _adapted(call: Call) -> Operation:
    """``x, W, scales, A, scales, B, scales``: ``x·Wᵀ + (x·Aᵀ)·Bᵀ``, the rank being the scales'."""
    outputs, inputs = call.attribute("N"), call.attribute("K")
    rank, rows = call.input(3).sizes[0], _rows(call)
    bits = call.attribute("bits", 4)
    small = call.attribute("lora_bits", bits)
    return call.fused(
        *_packed(call, 1, (outputs, inputs), rows=rows, bits=bits),
        *_packed(call, 3, (rank, inputs), rows=rows, bits=small),
        *_packed(call, 5, (outputs, rank), rows=rows, bits=small),
        ops.Elementwise(function="add", elements=rows * outputs),
    )


def _packed_embedding(call: Call) -> Operation:
    """Look rows of packed numbers up, and give each number its scale."""
    results = call.y.elements
    look_ups = call.input(1).elements
    vocabulary, *rest = call.x.sizes
    if call.attribute("gather_axis", 0) % len(call.x.sizes) or not look_ups:
        return call.fused(ops.free(call.node.op_type, because=ops.LOOK_UP), dequantized(results))
    width = results // look_ups
    shape = (vocabulary, *rest[:-1], width // prod(rest[:-1]))
    bits = call.attribute("bits", 4) if call.x.dtype == "uint8" else 0
    axes = ("vocabulary", "width") if len(shape) == 2 else ()
    call.unpack(0, shape, "embedding", axes, bits)
    of_floats = ops.Elementwise(function="multiply", elements=results)
    return call.fused(
        ops.Embedding(look_ups=look_ups, vocabulary=vocabulary, width=width),
        of_floats if call.x.floating else dequantized(results),
    )


def _table(call: Call) -> Operation:
    """``(vocabulary, width), (…) → (…, width)``."""
    vocabulary, width = call.x.sizes
    call.claim(0, "embedding", ("vocabulary", "width"))
    return ops.Embedding(look_ups=call.input(1).elements, vocabulary=vocabulary, width=width)


def _relative_positions(call: Call) -> Operation:
    """``(buckets, heads) → (1, heads, queries, keys)``: sizes alone say which bucket is read."""
    buckets, heads = call.x.sizes
    call.claim(0, "embedding", ("vocabulary", "width"))
    return ops.Embedding(look_ups=prod(call.y.sizes[2:]), vocabulary=buckets, width=heads)


def _experts(call: Call) -> Operation | None:
    """``x, router, fc1, …, fc2, …, fc3, …``: each row reaches the best k experts.

    The router's scores become shares by softmax, of which the k largest are kept; each chosen
    expert is two or three dense layers, and the results are summed by share.
    """
    packed = call.op_type.endswith("QMoE")
    stride = 3 if packed else 2
    first, second, third = 2, 2 + stride, 2 + 2 * stride
    experts = call.input(first).sizes[0]
    hidden = call.x.sizes[-1]
    rows = prod(call.x.sizes) // hidden if hidden else 0
    chosen = min(call.attribute("k", 1), experts)
    kind = call.attribute("activation_type", "relu").lower()
    both = kind in ("geglu", "swiglu") and not call.has(third)
    width = call.input(first).sizes[1] // (2 if both else 1)
    if call.attribute("use_sparse_mixer", 0):
        return None
    reached = rows * chosen
    if packed and chosen < min(experts, reached):
        call.at_most = "how many experts are unpacked, numbers say; as many as can be are counted"
    layers = [(first, "fc1", (1 + both) * width, hidden), (second, "fc2", hidden, width)]
    if call.has(third):
        layers.append((third, "fc3", width, hidden))
    products: list[Operation] = []
    for index, name, outputs, inputs in layers:
        bias = index + stride - 1
        call.claim(bias, "bias", ("experts", "output features"))
        if packed:
            inherited = call.attribute("expert_weight_bits", 4)
            bits = call.attribute(f"{name}_expert_weight_bits", inherited)
            shape = (experts, outputs, inputs)
            call.unpack(index, shape, "kernel", ("experts", *_FEATURES), bits)
            products.append(dequantized(min(experts, reached) * outputs * inputs))
        else:
            call.claim(index, "kernel", ("experts", *_FEATURES))
        for stored in (index, bias):
            call.touch(stored, chosen, experts)
        products.append(
            ops.MatrixProduct(batch=1, m=reached, k=inputs, n=outputs, addend=call.has(bias))
        )
    return call.fused(
        *_routing(call, rows, experts, chosen),
        *products,
        *_activation_of_experts(call, kind, reached * width, pair=both or call.has(third)),
        ops.Elementwise(function="multiply", elements=reached * hidden),
        ops.Reduction(function="sum", in_elements=reached * hidden, out_elements=rows * hidden)
        if chosen > 1 and rows
        else None,
    )


def _routing(call: Call, rows: int, experts: int, chosen: int) -> tuple[Operation, ...]:
    shares = (ops.Softmax(rows=rows, size=experts), ops.Sort(rows=rows, size=experts, kept=chosen))
    if not call.attribute("normalize_routing_weights", 0) or not rows:
        return shares
    return (
        *shares,
        ops.Reduction(function="sum", in_elements=rows * chosen, out_elements=rows),
        ops.Elementwise(function="divide", elements=rows * chosen),
    )


def _activation_of_experts(
    call: Call, kind: str, elements: int, *, pair: bool
) -> tuple[Operation, ...]:
    """Return the function between the layers of the experts, and the product of a gated one.

    Raises:
        KeyError: nobody knows it.
    """
    if kind == "swiglu":
        return gated(
            elements,
            alpha=call.attribute("activation_alpha", 1.0),
            beta=call.attribute("activation_beta", 0.0),
            cut=call.attribute("swiglu_limit") is not None,
        )
    function = activated("fastgelu" if kind == "geglu" else kind, elements)
    product = ops.Elementwise(function="multiply", elements=elements)
    steps = (function, product) if pair else (function,)
    return tuple(step for step in steps if step is not None)


TABLE: dict[str, Mapper] = {
    "com.microsoft::GatherBlockQuantized": _packed_embedding,
    "com.microsoft::MatMulBlockQuantizedFp4Weight": _of_floats(4, 5),
    "com.microsoft::MatMulBlockQuantizedFp8Weight": _of_floats(8, 4),
    "com.microsoft::MatMulBnb4": _of_nibbles,
    "com.microsoft::MatMulFpQ4": _of_shape,
    "com.microsoft::MatMulNBits": _of_bits,
    "com.microsoft::MatMulNBitsMlp": _gate_and_up,
    "com.microsoft::MatMulNBitsQLoRA": _adapted,
    "com.microsoft::MatMulNBitsQkv": _three_projections,
    "com.microsoft::MoE": _experts,
    "com.microsoft::QMoE": _experts,
    "com.microsoft::RelativePositionBias": _relative_positions,
    "com.microsoft::TorchEmbedding": _table,
}
"""Operators with packed weights, tables and experts, to the functions that translate them."""
