"""Attention of ONNX Runtime: fused with its projections, its caches, its positions, its norms."""

from __future__ import annotations

from itertools import pairwise
from math import prod

from analyzer import Operation, ops
from analyzer_onnx.call import Call, Mapper
from analyzer_onnx.mapping_attention import attention, mask_of, rotated
from analyzer_onnx.mapping_quantized import dequantized, quantized

__all__ = ["TABLE", "heads_of"]

Sizes = tuple[int, ...]


def heads_of(call: Call) -> tuple[Sizes, Sizes, int]:
    """Return ``(batch, heads, queries, width)``, ``(batch, heads, keys, width)`` and values' width.

    Query, key and value are ``(batch, length, heads · width)`` each; or the last two axes part
    three of a query (``(batch, length, heads, 3, width)``), or two of a key; or keys and values
    are ``(batch, heads, length, width)`` already.
    """
    heads = call.attribute("num_heads")
    x = call.x.sizes
    if len(x) == 5:
        sizes = (x[0], heads, x[1], x[4])
        return sizes, sizes, x[4]
    query = (x[0], heads, x[1], x[2] // heads)
    if not call.has(1):  # all three in one
        return (*query[:3], query[3] // 3), (*query[:3], query[3] // 3), query[3] // 3
    key = call.input(1).sizes
    if len(key) == 5:
        return query, (key[0], heads, key[1], key[4]), key[4]
    if len(key) == 4:
        return query, key, call.input(2).sizes[3]
    value = call.input(2).sizes
    return query, (key[0], heads, key[1], key[2] // heads), value[2] // heads


def keys_with_past(call: Call, new: int, past: int, length: int | None = None) -> int:
    """Return how many keys there are with those of a cache.

    ``past`` is its input; where the cache is longer than what is in it, input ``length`` tells how
    much that is, and where that is not known, it is taken to be full.
    """
    if not call.has(past):
        return new
    held = call.input(past).sizes[-2]
    if length is None or not call.has(length):
        return held + new
    told = call.numbers(length)
    return told[0] + new if told else held


def _projection(call: Call, *, rows: int, weight: int = 1, bias: int | None = 2) -> ops.Linear:
    """Return the dense layer that makes queries, keys and values of the input."""
    inputs, outputs = call.input(weight).sizes
    call.claim(weight, "kernel", ("input features", "output features"))
    biased = bias is not None and call.bias(bias, "output features")
    return ops.Linear(rows=rows, in_features=inputs, out_features=outputs, bias=biased)


def _widths(call: Call, outputs: int) -> tuple[int, int]:
    """Return the widths of all queries and of all values."""
    told = call.attribute("qkv_hidden_sizes")
    return (told[0], told[2]) if told else (outputs // 3, outputs // 3)


def _projected(
    call: Call, *, mask: int, past: int, bias: int | None, length: int | None = None
) -> tuple[ops.Linear, tuple[Operation, ...]]:
    """``(batch, length, inputs)``, projected and attended to."""
    batch, queries, _ = call.x.sizes
    layer = _projection(call, rows=batch * queries)
    heads = call.attribute("num_heads")
    width, v_width = (size // heads for size in _widths(call, layer.out_features))
    causal = bool(call.attribute("unidirectional", 0))
    kind = mask_of(call, mask, causal=causal)
    if bias is not None and call.has(bias):
        kind = ops.Mask.ADDITIVE
    keys = keys_with_past(call, queries, past, length)
    turned = 2 * batch * queries * heads * call.attribute("rotary_embedding_dim", 0)
    if call.attribute("do_rotary", 0):
        turned = turned or 2 * batch * queries * heads * width
        rotation: tuple[Operation, ...] = (rotated(turned),)
    else:
        rotation = ()
    query = (batch, heads, queries, width)
    key = (batch, heads, keys, width)
    return layer, (*rotation, *attention(call, query, key, v_width, mask=kind))


def _attention(call: Call) -> Operation:
    """``x, weights, bias, mask, past, what is added to the scores, length of the past``."""
    shared = call.attribute("past_present_share_buffer", 0)
    layer, rest = _projected(call, mask=3, past=4, bias=5, length=6 if shared else None)
    return call.fused(layer, *rest)


def _quantized_attention(call: Call) -> Operation:
    """``x, weights, bias, both scales, mask, zero points, past``: the projection is of integers."""
    layer, rest = _projected(call, mask=5, past=8, bias=None)
    projected = ops.Elementwise(function="multiply", elements=layer.rows * layer.out_features)
    return call.fused(layer, projected, *rest)


def _ordered_attention(call: Call) -> Operation:
    """``x, its scale, scales of q, k, v, their weights, …``: integers in, integers out."""
    batch, queries, _ = call.x.sizes
    rows = batch * queries
    layers = [_projection(call, rows=rows, weight=at, bias=at + 6) for at in (5, 6, 7)]
    heads = call.attribute("num_heads")
    query, key = ((batch, heads, queries, one.out_features // heads) for one in layers[:2])
    results = [step for one in layers for step in (one, quantized(rows * one.out_features))]
    kind = ops.Mask.BOOLEAN if call.has(17) else ops.Mask.NONE
    kind = ops.Mask.ADDITIVE if call.has(19) else kind
    v_width = layers[2].out_features // heads
    return call.fused(
        *results,
        *attention(call, query, key, v_width, mask=kind),
        quantized(prod(call.y.sizes)),
    )


def _multi_head(*, mask: int, added: int, past: int, length: int, bias: int) -> Mapper:
    """Attention of projected inputs; the arguments are the places of its optional ones."""

    def make(call: Call) -> Operation:
        query, key, v_width = heads_of(call)
        shared = call.attribute("past_present_share_buffer", 0) or call.has(length)
        keys = keys_with_past(call, key[2], past, length if shared else None)
        kind = mask_of(call, mask, causal=bool(call.attribute("unidirectional", 0)))
        kind = ops.Mask.ADDITIVE if call.has(added) else kind
        biased = None
        if call.has(bias):
            stored = call.claim(bias, "bias", ("output features",))
            columns = query[1] * (query[2] * query[3] + key[2] * (key[3] + v_width))
            biased = ops.Elementwise(function="add", elements=query[0] * columns, bias=stored)
        key = (*key[:2], keys, key[3])
        return call.fused(biased, *attention(call, query, key, v_width, mask=kind))

    return make


def _grouped(call: Call) -> Operation:
    """``q, k, v, past k, past v, lengths, length in all, cos, sin, positions, …``.

    Queries alone hold all three where there are no keys. Heads may be normalised before they are
    turned, and scores capped; a sink adds one more term to the sum of each softmax.
    """
    heads, kv_heads = call.attribute("num_heads"), call.attribute("kv_num_heads")
    batch, queries, columns = call.x.sizes
    width = columns // (heads if call.has(1) else heads + 2 * kv_heads)
    new = call.input(1).sizes[-2] if call.has(1) else queries
    told = call.numbers(6)
    keys = told[0] if told else keys_with_past(call, new, 3)
    turned = call.input(7).sizes[-1] * 2 if call.has(7) else width
    each = batch * (queries * heads + new * kv_heads)
    norms = []
    for index, rows in ((14, queries * heads), (15, new * kv_heads)):
        if call.has(index):
            call.claim(index, "scale", ("features",))
            norms.append(
                ops.Normalization(
                    style="RMS",
                    groups=batch * rows,
                    size=width,
                    features=width,
                    scale=True,
                    centered=False,
                )
            )
    causal = bool(call.attribute("causal", 1))
    kind = ops.Mask.ADDITIVE if call.has(10) else mask_of(call, 10, causal=causal)
    sunk = call.has(11) or call.attribute("smooth_softmax", 0) == 1
    sums = batch * heads * queries
    return call.fused(
        *norms,
        rotated(each * turned) if call.attribute("do_rotary", 0) else None,
        dequantized(2 * batch * kv_heads * keys * width) if call.has(12) else None,
        *attention(
            call,
            (batch, heads, queries, width),
            (batch, kv_heads, keys, width),
            width,
            mask=kind,
            softcap=call.attribute("softcap", 0.0),
        ),
        *(
            ops.Elementwise(function=name, elements=sums)
            for name in (("maximum", "exp", "add") if sunk else ())
        ),
    )


def _lengths(call: Call, index: int) -> list[int]:
    """Return the lengths of packed sequences: as it is known where each begins, else the longest.

    The input before says where each token was, in sequences that were all as long as the longest.
    """
    begins = call.numbers(index)
    if begins is not None:
        return [after - before for before, after in pairwise(begins)]
    batch, longest = call.input(index - 1).sizes
    call.at_most = "how long its sequences are, numbers say; all count as the longest"
    return [longest] * batch


def _packed(call: Call) -> Operation:
    """``(tokens, inputs), weights, bias, places, where each sequence begins``."""
    lengths = _lengths(call, 4)
    layer = _projection(call, rows=call.x.sizes[0])
    heads = call.attribute("num_heads")
    width, v_width = (size // heads for size in _widths(call, layer.out_features))
    return call.fused(layer, *_sequences(call, lengths, heads, width, v_width, added=5))


def _packed_multi_head(call: Call) -> Operation:
    """``q, k, v, bias, places, where each sequence begins``; or all three in ``(t, h, 3, d)``."""
    lengths = _lengths(call, 5)
    x, heads = call.x.sizes, call.attribute("num_heads")
    width = x[3] if len(x) == 4 else x[1] // heads
    v_width = width if len(x) == 4 else call.input(2).sizes[1] // heads
    biased = None
    if call.has(3):
        stored = call.claim(3, "bias", ("output features",))
        elements = x[0] * heads * (2 * width + v_width)
        biased = ops.Elementwise(function="add", elements=elements, bias=stored)
    return call.fused(biased, *_sequences(call, lengths, heads, width, v_width, added=6))


def _sequences(
    call: Call, lengths: list[int], heads: int, width: int, v_width: int, *, added: int
) -> tuple[Operation, ...]:
    kind = ops.Mask.ADDITIVE if call.has(added) else ops.Mask.NONE
    return tuple(
        step
        for length in lengths
        for step in attention(
            call, (1, heads, length, width), (1, heads, length, width), v_width, mask=kind
        )
    )


def _gemma_rotary(call: Call) -> Operation:
    """``angles, q, q half turned, k, k half turned``: x·cos + x half turned·sin, for both."""
    elements = call.input(1).elements + call.input(3).elements
    return call.fused(
        ops.Elementwise(function="sin", elements=call.x.elements),
        ops.Elementwise(function="cos", elements=call.x.elements),
        ops.Elementwise(function="multiply", elements=2 * elements),
        ops.Elementwise(function="add", elements=elements),
    )


_MICROSOFT: dict[str, Mapper] = {
    "Attention": _attention,
    "DecoderMaskedMultiHeadAttention": _multi_head(mask=3, added=4, past=5, length=7, bias=10),
    "DecoderMaskedSelfAttention": _attention,
    "GemmaRotaryEmbedding": _gemma_rotary,
    "GroupQueryAttention": _grouped,
    "MultiHeadAttention": _multi_head(mask=4, added=5, past=6, length=8, bias=3),
    "PackedAttention": _packed,
    "PackedMultiHeadAttention": _packed_multi_head,
    "QAttention": _quantized_attention,
    "QOrderedAttention": _ordered_attention,
}

TABLE: dict[str, Mapper] = {f"com.microsoft::{name}": make for name, make in _MICROSOFT.items()}
"""Attention of ONNX Runtime, to the functions that translate it."""
