"""Shapes and types of ONNX Runtime's attention: of results, of caches, of scores."""

from __future__ import annotations

from analyzer_onnx.call import Call
from analyzer_onnx.inferred import Inferred, Shaper
from analyzer_onnx.mapping_attention_fused import heads_of, keys_with_past

__all__ = ["TABLE"]


def _same(call: Call) -> list[Inferred]:
    return [Inferred(call.x.sizes, call.x.dtype)]


def _projected(past: int, length: int | None = None) -> Shaper:
    """``(batch, length, inputs), weights → (batch, length, values)``, and the cache after."""

    def shape(call: Call) -> list[Inferred]:
        batch, queries = call.x.sizes[:2]
        told = call.attribute("qkv_hidden_sizes")
        columns = call.input(1).sizes[1]
        width, v_width = (told[0], told[2]) if told else (columns // 3, columns // 3)
        heads = call.attribute("num_heads")
        shared = call.attribute("past_present_share_buffer", 0) and call.has(past)
        keys = call.input(past).sizes[3] if shared else keys_with_past(call, queries, past, length)
        dtype = call.input(3).dtype if call.op_type.endswith("QAttention") else call.x.dtype
        present = (2, batch, heads, keys, width // heads)
        return [Inferred((batch, queries, v_width), dtype), Inferred(present, dtype)]

    return shape


def _ordered_attention(call: Call) -> list[Inferred]:
    return [Inferred((*call.x.sizes[:2], call.input(7).sizes[1]), call.x.dtype)]


def _multi_head(past: int, length: int) -> Shaper:
    """Give the values of all heads, the caches after, and the scores."""

    def shape(call: Call) -> list[Inferred]:
        query, key, v_width = heads_of(call)
        batch, heads, queries, _ = query
        shared = call.attribute("past_present_share_buffer", 0) or call.has(length)
        held = call.input(past).sizes[2] if call.has(past) else 0
        keys = held if shared and call.has(past) else held + key[2]
        dtype = call.x.dtype
        return [
            Inferred((batch, queries, heads * v_width), dtype),
            Inferred((batch, heads, keys, key[3]), dtype),
            Inferred((batch, heads, keys, v_width), dtype),
            Inferred((batch, heads, queries, keys), dtype),
        ]

    return shape


def _grouped(call: Call) -> list[Inferred]:
    """Give queries their own width, without keys and values; the cache is as long as all keys."""
    heads, kv_heads = call.attribute("num_heads"), call.attribute("kv_num_heads")
    batch, queries, columns = call.x.sizes
    width = columns // (heads if call.has(1) else heads + 2 * kv_heads)
    out = Inferred((batch, queries, heads * width), call.x.dtype)
    told = call.numbers(6)
    held = call.input(3).sizes[2] if call.has(3) else 0
    keys = max(told[0], held) if told else held + queries
    cache = call.input(3).dtype if call.has(3) else call.x.dtype
    stored = call.input(3).sizes[3] if call.has(3) else width
    present = Inferred((batch, kv_heads, keys, stored), cache)
    return [out, present, present, Inferred((batch, heads, queries, keys), call.x.dtype)]


def _packed(call: Call) -> list[Inferred]:
    told = call.attribute("qkv_hidden_sizes")
    columns = call.input(1).sizes[1]
    return [Inferred((call.x.sizes[0], told[2] if told else columns // 3), call.x.dtype)]


def _packed_multi_head(call: Call) -> list[Inferred]:
    x = call.x.sizes
    columns = x[1] * x[3] if len(x) == 4 else call.input(2).sizes[1]
    return [Inferred((x[0], columns), call.x.dtype)]


def _cached(call: Call) -> list[Inferred]:
    """Sparse attention: the caches are as long as they were."""
    return [Inferred(call.input(index).sizes, call.input(index).dtype) for index in (0, 3, 4)]


def _linear_attention(call: Call) -> list[Inferred]:
    heads, kv_heads = call.attribute("q_num_heads"), call.attribute("kv_num_heads")
    batch, tokens = call.x.sizes[:2]
    width = call.input(1).sizes[2] // kv_heads
    v_width = call.input(2).sizes[2] // kv_heads
    dtype = call.input(3).dtype if call.has(3) else call.x.dtype
    return [
        Inferred((batch, tokens, max(heads, kv_heads) * v_width), call.x.dtype),
        Inferred((batch, kv_heads, width, v_width), dtype),
    ]


def _causal_convolution(call: Call) -> list[Inferred]:
    x = call.x.sizes
    state = (*x[:2], call.input(1).sizes[-1] - 1)
    return [Inferred(x, call.x.dtype), Inferred(state, call.x.dtype)]


def _rotated(call: Call) -> list[Inferred]:
    return [Inferred(call.input(index).sizes, call.input(index).dtype) for index in (1, 3)]


_MICROSOFT: dict[str, Shaper] = {
    "Attention": _projected(4),
    "CausalConvWithState": _causal_convolution,
    "DecoderMaskedMultiHeadAttention": _multi_head(5, 7),
    "DecoderMaskedSelfAttention": _projected(4),
    "DynamicSparseAttention": _cached,
    "GemmaRotaryEmbedding": _rotated,
    "GroupQueryAttention": _grouped,
    "LinearAttention": _linear_attention,
    "LongformerAttention": _same,
    "MRotaryEmbedding": _same,
    "MultiHeadAttention": _multi_head(6, 8),
    "PackedAttention": _packed,
    "PackedMultiHeadAttention": _packed_multi_head,
    "PagedAttention": _cached,
    "QAttention": _projected(8),
    "QOrderedAttention": _ordered_attention,
    "QOrderedLongformerAttention": _same,
    "RotaryEmbedding": _same,
    "SparseAttention": _cached,
    "SparsePagedAttention": _cached,
}

TABLE: dict[str, Shaper] = {f"com.microsoft::{name}": shape for name, shape in _MICROSOFT.items()}
"""Attention of ONNX Runtime, to what finds the shapes of its results."""
