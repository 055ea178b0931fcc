"""Attention in all its spellings, positions turned into it, and its linear relatives."""

from __future__ import annotations

from math import prod

from analyzer import Operation, ops
from analyzer_onnx.call import Call, Mapper

__all__ = ["TABLE", "attention", "rotated"]

Sizes = tuple[int, ...]


def attention(
    call: Call,
    query: Sizes,
    key: Sizes,
    v_width: int,
    *,
    mask: ops.Mask,
    softcap: float = 0.0,
) -> tuple[Operation, ...]:
    """Return attention over ``(batch, heads, queries, width)`` and ``(batch, kv heads, keys, …)``.

    With ``softcap`` every score x becomes c·tanh(x / c) before the mask.
    """
    scores = query[0] * query[1] * query[2] * key[2]
    capped = ("divide", "tanh", "multiply") if softcap else ()
    return (
        ops.Attention(
            batch=query[0],
            heads=query[1],
            kv_heads=key[1],
            queries=query[2],
            keys=key[2],
            qk_width=query[3],
            v_width=v_width,
            mask=mask,
        ),
        *(ops.Elementwise(function=name, elements=scores) for name in capped),
    )


def rotated(elements: int) -> Operation:
    """Return a rotary embedding: each pair of elements is turned, a product of complex numbers."""
    return ops.Elementwise(function="complex multiply", elements=elements // 2)


def mask_of(call: Call, index: int, *, causal: bool) -> ops.Mask:
    """Return what an optional mask does to the scores; added to a causal one it is what costs."""
    if call.has(index) and call.input(index).floating:
        return ops.Mask.ADDITIVE
    if causal:
        return ops.Mask.CAUSAL
    return ops.Mask.BOOLEAN if call.has(index) else ops.Mask.NONE


def _attention(call: Call) -> Operation:
    """``(b, h, n, d)``, or ``(b, n, h·d)`` with a number of heads."""
    query, key, value = (_heads_first(call, index) for index in range(3))
    past = call.input(4).sizes[2] if call.has(4) else 0
    windowed = any(call.attribute(f"{side}_window_size", -1) >= 0 for side in ("left", "right"))
    mask = mask_of(call, 3, causal=bool(call.attribute("is_causal", 0)))
    if mask is ops.Mask.NONE and (windowed or call.has(6)):
        mask = ops.Mask.BOOLEAN
    return call.fused(
        *attention(
            call,
            query,
            (*key[:2], key[2] + past, key[3]),
            value[3],
            mask=mask,
            softcap=call.attribute("softcap", 0.0),
        )
    )


def _heads_first(call: Call, index: int) -> Sizes:
    sizes = call.input(index).sizes
    if len(sizes) == 4:
        return sizes
    heads = call.attribute("kv_num_heads" if index else "q_num_heads")
    return (sizes[0], heads, sizes[1], sizes[2] // heads)


def _flexible(call: Call) -> Operation | None:
    """Attention whose scores and weights no subgraph changes: with one it is walked as defined."""
    if call.attribute("score_mod") is not None or call.attribute("prob_mod") is not None:
        return None
    query, key, value = (call.input(index).sizes for index in range(3))
    return call.fused(*attention(call, query, key, value[3], mask=ops.Mask.NONE))


def _rotary(call: Call) -> Operation:
    """``(b, h, n, d)`` or ``(b, n, h·d)``: the first ``rotary_embedding_dim`` of each d, or all."""
    x = call.x.sizes
    width, heads = call.attribute("rotary_embedding_dim", 0), call.attribute("num_heads", 0)
    if len(x) == 3 and not heads and call.has(2):  # the tables are as wide as half a head
        table = call.input(2 if "::" in call.op_type else 1).sizes[-1] * 2
        width = width or table
        heads = x[2] // table
    if not width:
        return rotated(prod(x))
    rows = prod(x[:3]) if len(x) == 4 else prod(x[:2]) * heads
    return rotated(rows * width)


def _linear_attention(call: Call) -> Operation:
    """Keep a state of ``d_k × d_v`` a head, to which each token adds, and from which it reads.

    ``"linear"``: S + k⊗v; ``"gated"``: exp(g)·S + k⊗v; ``"delta"``: S + k⊗(β·(v − Sᵀk));
    ``"gated_delta"``: the last with exp(g)·S. Each product of a vector with the state, and the
    outer product, is a matrix product; the result is scaled, q·S by head of a query.
    """
    query, key, value = (call.input(index).sizes for index in range(3))
    rule = call.attribute("update_rule", "gated_delta")
    heads, kv_heads = call.attribute("q_num_heads"), call.attribute("kv_num_heads")
    batch, tokens = query[0], query[1]
    width, v_width = key[2] // kv_heads, value[2] // kv_heads
    states = batch * kv_heads * tokens
    gated, corrected = rule.startswith("gated"), rule.endswith("delta")
    decays = call.input(4).elements if gated else 0
    return call.fused(
        ops.Elementwise(function="exp", elements=decays) if gated else None,
        _times(states * width * v_width) if gated else None,
        ops.MatrixProduct(batch=states, m=1, k=width, n=v_width) if corrected else None,
        ops.Elementwise(function="subtract", elements=states * v_width) if corrected else None,
        _times(states * v_width) if corrected else None,
        ops.MatrixProduct(batch=states, m=width, k=1, n=v_width),
        ops.Elementwise(function="add", elements=states * width * v_width),
        ops.MatrixProduct(batch=batch * heads * tokens, m=1, k=width, n=v_width),
        _times(batch * heads * tokens * v_width),
    )


def _times(elements: int) -> Operation:
    return ops.Elementwise(function="multiply", elements=elements)


def _causal_convolution(call: Call) -> Operation | None:
    """``(batch, channels, length)`` by one filter a channel, over what came before and now."""
    if any(call.attribute(name, 0) for name in _OTHER_LAYOUTS) or len(call.x.sizes) != 3:
        return None
    x, weight = call.x.sizes, call.input(1).sizes
    channels, taps = weight[0], weight[-1]
    call.claim(1, "kernel", ("filters", "input channels", "kernel length"))
    bias = call.bias(2, "filters")
    activation = call.attribute("activation", "none")
    convolution = ops.Convolution(
        batch=x[0],
        in_channels=channels,
        out_channels=channels,
        groups=channels,
        in_spatial=x[2:],
        out_spatial=x[2:],
        kernel=(taps,),
        stride=(1,),
        dilation=(1,),
        padding=((taps - 1, 0),),
        bias=bias,
    )
    if activation in ("silu", "swish"):
        return call.fused(convolution, ops.Elementwise(function="silu", elements=prod(x)))
    return convolution


_OTHER_LAYOUTS = (
    "channels_last",
    "input_channel_offset",
    "input_channels",
    "state_update_capacity",
)
"""Attributes of ONNX Runtime's own convolution with a state that ONNX's has not."""

TABLE: dict[str, Mapper] = {
    "Attention": _attention,
    "CausalConvWithState": _causal_convolution,
    "LinearAttention": _linear_attention,
    "RotaryEmbedding": _rotary,
    "ai.onnx.preview::FlexAttention": _flexible,
    "com.microsoft::CausalConvWithState": _causal_convolution,
    "com.microsoft::LinearAttention": _linear_attention,
    "com.microsoft::MRotaryEmbedding": _rotary,
    "com.microsoft::RotaryEmbedding": _rotary,
}
"""Operators of attention, to the functions that translate them."""
