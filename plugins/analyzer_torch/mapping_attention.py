"""Attention: the operator, the kernels of devices that exported programs name, and whole layers."""

from __future__ import annotations

from itertools import pairwise
from math import prod

import torch
from torch import Tensor

from analyzer import Operation
from analyzer.ops import Attention, Elementwise, Fused, Linear, Mask, Normalization
from analyzer_torch.call import Call, Maker
from analyzer_torch.mapping_common import fused, unknown

__all__ = ["ATTENTION"]


def _attention(call: Call) -> Operation:
    """``(…, heads, queries, width), (…, kv heads, keys, width), (…, kv heads, keys, width)``.

    Axes of one element are stretched over those of the others. Where the mask or the values alone
    stretch the result, there are fewer scores than weights, and what that costs is not settled.
    """
    query, key, value = (tuple(tensor.shape) for tensor in list(call.arguments.values())[:3])
    result = tuple(call.output.shape)
    heads, kv_heads = (shape[-3] if len(shape) > 3 else 1 for shape in (result, key))
    shared = (*key[:-3], 1) if len(query) > 3 and query[-3] > 1 else key[:-2]
    scores = torch.broadcast_shapes(query[:-2], shared)  # type: ignore[no-untyped-call]
    if prod(scores) != prod(result[:-2]):
        return unknown(call, query=query, key=key, value=value, result=result)
    return Attention(
        batch=prod(result[:-3] if len(result) > 3 else result[:-2]),
        heads=heads,
        kv_heads=kv_heads,
        queries=query[-2],
        keys=key[-2],
        qk_width=query[-1],
        v_width=value[-1],
        mask=_mask(call),
        scaled=call.get("scale") != 1.0,
        dropout=bool(call.get("dropout_p")),
    )


def _mask(call: Call) -> Mask:
    mask = next(
        (call[name] for name in ("attn_mask", "attn_bias", "bias") if call.get(name) is not None),
        None,
    )
    if call.get("is_causal") or call.get("custom_mask_type"):
        return Mask.CAUSAL
    if mask is None:
        return Mask.NONE
    return Mask.ADDITIVE if mask.is_floating_point() else Mask.BOOLEAN


def _kernel(call: Call) -> Operation:
    """``(batch, queries, heads, width)``; or ``(tokens, heads, width)``, sequences one by one.

    Where sequences begin must be known, for each token sees only those of its own.
    """
    query, key, value = call["query"], call["key"], call["value"]
    begins = call.get("cum_seq_q", call.get("cu_seqlens_q"))
    if begins is None:
        batch, queries, keys = query.shape[0], query.shape[1], key.shape[1]
        return _of_heads(call, batch, queries, keys, query, key, value)
    others = call.get("cum_seq_k", call.get("cu_seqlens_k"))
    if begins.is_meta or others is None or others.is_meta:
        return unknown(call, sequences=begins.numel() - 1)
    lengths = zip(_lengths(begins), _lengths(others), strict=True)
    each = tuple(_of_heads(call, 1, q, k, query, key, value) for q, k in lengths)
    return Fused(name="Attention", steps=each)


def _of_heads(
    call: Call, batch: int, queries: int, keys: int, query: Tensor, key: Tensor, value: Tensor
) -> Attention:
    return Attention(
        batch=batch,
        heads=query.shape[-2],
        kv_heads=key.shape[-2],
        queries=queries,
        keys=keys,
        qk_width=query.shape[-1],
        v_width=value.shape[-1],
        mask=_mask(call),
        scaled=call.get("scale") != 1.0,
        dropout=bool(call.get("dropout_p")),
    )


def _lengths(begins: Tensor) -> list[int]:
    values: list[int] = begins.tolist()
    return [after - before for before, after in pairwise(values)]


def _linear(call: Call, rows: int, weight: str, bias: str) -> Linear:
    kernel: Tensor = call[weight]
    call.plays(kernel, "kernel", ("output features", "input features"))
    call.plays(call[bias], "bias", ("output features",))
    return Linear(
        rows=rows,
        in_features=kernel.shape[1],
        out_features=kernel.shape[0],
        bias=call[bias] is not None,
    )


def _heads(call: Call, source: Tensor, keys: int, heads: int) -> tuple[Operation, ...]:
    """Return the projections in, attention, and the projection out, of one layer."""
    batch, queries, width = source.shape
    mask = call["mask"]
    return (
        _linear(call, batch * queries, "qkv_weight", "qkv_bias"),
        Attention(
            batch=batch,
            heads=heads,
            kv_heads=heads,
            queries=queries,
            keys=keys,
            qk_width=width // heads,
            v_width=width // heads,
            mask=Mask.NONE if mask is None else Mask.BOOLEAN,
        ),
        _linear(call, batch * queries, "proj_weight", "proj_bias"),
    )


def _split_heads(call: Call) -> Operation:
    """Add the bias, part queries, keys and values, and scale the queries by ``1 / √width``."""
    call.plays(call["qkv_bias"], "bias", ("output features",))
    return fused(
        call,
        Elementwise(function="add", elements=call["qkv"].numel(), bias=True),
        Elementwise(function="multiply", elements=call.output.numel()),
    )


def _self_attention(call: Call) -> Operation:
    """``(batch, tokens, width)`` thrice; what differs for other keys is not known."""
    query, key, value = call["query"], call["key"], call["value"]
    if query.is_nested or not query.shape == key.shape == value.shape:
        return unknown(call)
    steps = _heads(call, query, key.shape[1], call["num_head"])
    return Fused(name="MultiheadAttention", steps=steps)


def _encoder_layer(call: Call) -> Operation:
    """Attention and two dense layers, each with what came before it added, and normalised."""
    source: Tensor = call["src"]
    if source.is_nested:
        return unknown(call)
    rows, width = source.shape[0] * source.shape[1], source.shape[2]
    hidden = call["ffn_weight_1"].shape[0]
    for number in ("1", "2"):
        call.plays(call[f"norm_weight_{number}"], "scale", ("features",))
        call.plays(call[f"norm_bias_{number}"], "offset", ("features",))
    norm = Normalization(
        style="layer", groups=rows, size=width, features=width, scale=True, offset=True
    )
    added = Elementwise(function="add", elements=rows * width)
    activation = "gelu" if call["use_gelu"] else "relu"
    return Fused(
        name="TransformerEncoderLayer",
        steps=(
            *_heads(call, source, source.shape[1], call["num_heads"]),
            added,
            norm,
            _linear(call, rows, "ffn_weight_1", "ffn_bias_1"),
            Elementwise(function=activation, elements=rows * hidden),
            _linear(call, rows, "ffn_weight_2", "ffn_bias_2"),
            added,
            norm,
        ),
    )


ATTENTION: dict[str, Maker] = {
    "_cudnn_attention_forward": _kernel,
    "_efficient_attention_forward": _kernel,
    "_flash_attention_forward": _kernel,
    "_native_multi_head_attention": _self_attention,
    "_scaled_dot_product_attention_math": _attention,
    "_scaled_dot_product_attention_math_for_mps": _attention,
    "_scaled_dot_product_cudnn_attention": _attention,
    "_scaled_dot_product_efficient_attention": _attention,
    "_scaled_dot_product_flash_attention": _attention,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_fused_attention_overrideable": _attention,
    "_transform_bias_rescale_qkv": _split_heads,
    "_transformer_encoder_layer_fwd": _encoder_layer,
    "_triton_scaled_dot_attention": _attention,
    "scaled_dot_product_attention": _attention,
}
"""ATen name → function that makes our operation, for attention."""
