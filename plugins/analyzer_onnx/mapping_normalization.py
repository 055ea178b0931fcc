"""Normalisations of ONNX Runtime, with what is added, looked up, activated or gated beside."""

from __future__ import annotations

from math import prod

from analyzer import Operation, ops
from analyzer_onnx.call import Call, Mapper
from analyzer_onnx.mapping_quantized import dequantized

__all__ = ["TABLE"]


def _each(function: str, elements: int) -> Operation:
    return ops.Elementwise(function=function, elements=elements)


def _layer(call: Call, scale: int, offset: int | None = None) -> Operation:
    """Return layer normalisation over the last axis; without an offset's place it is RMS."""
    x = call.x.sizes
    width = call.y.sizes[-1]
    call.claim(scale, "scale", ("features",))
    centered = offset is not None
    biased = offset is not None and call.has(offset)
    if offset is not None:
        call.claim(offset, "offset", ("features",))
    return ops.Normalization(
        style="layer" if centered else "RMS",
        groups=prod(x[:-1]),
        size=width,
        features=width,
        scale=True,
        offset=biased,
        centered=centered,
    )


def _skipped(scale: int, offset: int | None, bias: int) -> Mapper:
    """Add a second input, and a bias where there is one, then normalise."""

    def make(call: Call) -> Operation:
        elements = call.x.elements
        biased = None
        if call.has(bias):
            stored = call.claim(bias, "bias", ("channels",))
            biased = ops.Elementwise(function="add", elements=elements, bias=stored)
        return call.fused(biased, _each("add", elements), _layer(call, scale, offset))

    return make


def _simplified(call: Call) -> Operation:
    """RMS normalisation over all axes from one on."""
    x = call.x.sizes
    axis = call.attribute("axis", -1) % len(x)
    size = prod(x[axis:])
    call.claim(1, "scale", ("features",) if axis == len(x) - 1 else ())
    return ops.Normalization(
        style="RMS",
        groups=prod(x[:axis]),
        size=size,
        features=size,
        scale=True,
        centered=False,
    )


def _groups(call: Call) -> Operation:
    """``(batch, …, channels)`` or ``(batch, channels, …)``, perhaps a sum, perhaps activated."""
    x = call.x.sizes
    channels = x[-1] if call.attribute("channels_last", 1) else x[1]
    groups = call.attribute("groups")
    call.claim(1, "scale", ("channels",))
    call.claim(2, "offset", ("channels",))
    biased = None
    if call.has(4):
        stored = call.claim(4, "bias", ("channels",))
        biased = ops.Elementwise(function="add", elements=prod(x), bias=stored)
    return call.fused(
        biased,
        _each("add", prod(x)) if call.has(3) else None,
        ops.Normalization(
            style="group",
            groups=x[0] * groups,
            size=prod(x[1:]) // groups,
            features=channels,
            scale=True,
            offset=True,
        ),
        _each("silu", prod(x)) if call.attribute("activation", 0) else None,
    )


def _branches(call: Call) -> Operation:
    """``(…, branches · width)`` or ``(…, branches, width)``: each branch is normalised."""
    x = call.x.sizes
    branches = call.attribute("num_branches", 0)
    width = x[-1] // branches if branches else x[-1]
    scaled = call.has(1)
    call.claim(1, "scale")
    return ops.Normalization(
        style="RMS",
        groups=prod(x) // width if width else 0,
        size=width,
        features=call.input(1).elements if scaled else 0,
        scale=scaled,
        centered=False,
    )


def _gated(call: Call) -> Operation:
    """``x, γ, gate``: RMS normalisation times an activated gate."""
    gate = "sigmoid" if call.attribute("activation", "silu") == "sigmoid" else "silu"
    elements = call.x.elements
    return call.fused(_layer(call, 1), _each(gate, elements), _each("multiply", elements))


def _embedded(call: Call) -> Operation:
    """Look words, positions and segments up, add them, and normalise.

    With scales (``Q…``) the tables are of integers, as are γ and β.
    """
    rows, width = prod(call.x.sizes), call.input(2).sizes[1]
    packed = "QEmbed" in call.op_type
    tables: list[Operation] = []
    for index in (2, 3, 4):
        if call.has(index):
            call.claim(index, "embedding", ("vocabulary", "width"))
            vocabulary = call.input(index).sizes[0]
            tables.append(ops.Embedding(look_ups=rows, vocabulary=vocabulary, width=width))
            if packed:
                tables.append(dequantized(rows * width))
    summed = sum(isinstance(step, ops.Embedding) for step in tables) - 1
    call.claim(5, "scale", ("features",))
    call.claim(6, "offset", ("features",))
    return call.fused(
        *tables,
        *([_each("add", rows * width)] * summed),
        dequantized(2 * width) if packed else None,
        ops.Normalization(
            style="layer", groups=rows, size=width, features=width, scale=True, offset=True
        ),
    )


TABLE: dict[str, Mapper] = {
    "SimplifiedLayerNormalization": _simplified,
    "com.microsoft::BranchwiseRMSNorm": _branches,
    "com.microsoft::EmbedLayerNormalization": _embedded,
    "com.microsoft::GatedRMSNorm": _gated,
    "com.microsoft::GroupNorm": _groups,
    "com.microsoft::QEmbedLayerNormalization": _embedded,
    "com.microsoft::SkipGroupNorm": _groups,
    "com.microsoft::SkipLayerNormalization": _skipped(2, 3, 4),
    "com.microsoft::SkipSimplifiedLayerNormalization": _skipped(2, None, 3),
}
"""Normalisations of ONNX Runtime, to the functions that translate them."""
