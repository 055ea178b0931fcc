"""Attention of ONNX Runtime, beside attention of ONNX with the products and turns around it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.onnx_spelled import Spelled, check, contrib, numbers, op

BATCH, TOKENS, KEYS, HEADS, WIDTH = 2, 5, 7, 4, 6
WHOLE = HEADS * WIDTH
QUERY = {"q": numbers(BATCH, TOKENS, WHOLE)}
PAIR = {"k": numbers(BATCH, KEYS, WHOLE), "v": numbers(BATCH, KEYS, WHOLE, seed=1)}
PAST = {
    "pk": numbers(BATCH, HEADS, 3, WIDTH),
    "pv": numbers(BATCH, HEADS, 3, WIDTH, seed=1),
}
PLAIN: dict[str, Any] = {"q_num_heads": HEADS, "kv_num_heads": HEADS}
GROUPED = {
    "q": numbers(1, TOKENS, 4 * 16),
    "k": numbers(1, TOKENS, 2 * 16),
    "v": numbers(1, TOKENS, 2 * 16, seed=1),
    "pk": numbers(1, 2, 3, 16),
    "pv": numbers(1, 2, 3, 16, seed=1),
}
LENGTHS = {"last": np.full(1, TOKENS + 2, np.int32), "all": np.array([TOKENS + 3], np.int32)}
TABLES = {"cos": np.cos(numbers(16, 8)), "sin": np.sin(numbers(16, 8))}
POSITIONS = {"at": np.arange(3, 3 + TOKENS, dtype=np.int64)[None]}
SOFTCAP = 5.0

CASES: dict[str, Spelled] = {
    "MultiHeadAttention": Spelled(
        whole=[contrib("MultiHeadAttention", "q k v", "y", num_heads=HEADS)],
        parts=[op("Attention", "q k v", "y", **PLAIN)],
        inputs=QUERY | PAIR,
    ),
    "MultiHeadAttention, with a bias": Spelled(
        whole=[contrib("MultiHeadAttention", "q k v b", "y", num_heads=HEADS)],
        parts=[
            op("Split", "b", "bq bk bv", axis=0, num_outputs=3),
            op("Add", "q bq", "q1"),
            op("Add", "k bk", "k1"),
            op("Add", "v bv", "v1"),
            op("Attention", "q1 k1 v1", "y", **PLAIN),
        ],
        inputs=QUERY | PAIR,
        weights={"b": numbers(3 * WHOLE)},
    ),
    "MultiHeadAttention, with a past": Spelled(
        whole=[contrib("MultiHeadAttention", "q k v - - - pk pv", "y nk nv", num_heads=HEADS)],
        parts=[op("Attention", "q k v - pk pv", "y nk nv", **PLAIN)],
        inputs=QUERY | {"k": numbers(BATCH, TOKENS, WHOLE), "v": QUERY["q"] + 1} | PAST,
        results=("y", "nk", "nv"),
    ),
    "MultiHeadAttention, with something added": Spelled(
        whole=[contrib("MultiHeadAttention", "q k v - - a", "y", num_heads=HEADS)],
        parts=[op("Attention", "q k v a", "y", **PLAIN)],
        inputs=QUERY | PAIR | {"a": numbers(1, HEADS, TOKENS, KEYS)},
    ),
    "MultiHeadAttention, causal": Spelled(
        whole=[contrib("MultiHeadAttention", "q k v", "y", num_heads=HEADS, unidirectional=1)],
        parts=[op("Attention", "q k v", "y", is_causal=1, **PLAIN)],
        inputs=QUERY | {"k": numbers(BATCH, TOKENS, WHOLE), "v": QUERY["q"] + 1},
    ),
    "MultiHeadAttention, of heads": Spelled(
        whole=[contrib("MultiHeadAttention", "q k v", "y", num_heads=HEADS)],
        parts=[
            op("Transpose", "k", "k1", perm=[0, 2, 1, 3]),
            op("Transpose", "v", "v1", perm=[0, 2, 1, 3]),
            op("Reshape", "k1 s", "k2"),
            op("Reshape", "v1 s", "v2"),
            op("Attention", "q k2 v2", "y", **PLAIN),
        ],
        inputs=QUERY
        | {"k": numbers(BATCH, HEADS, KEYS, WIDTH), "v": numbers(BATCH, HEADS, KEYS, WIDTH)},
        weights={"s": np.array([0, 0, -1])},
    ),
    "MultiHeadAttention, packed": Spelled(
        whole=[contrib("MultiHeadAttention", "x", "y", num_heads=HEADS)],
        parts=[
            op("Split", "x", "q k v", axis=3, num_outputs=3),
            op("Reshape", "q s", "q2"),
            op("Reshape", "k s", "k2"),
            op("Reshape", "v s", "v2"),
            op("Attention", "q2 k2 v2", "y", **PLAIN),
        ],
        runs=False,
        inputs={"x": numbers(BATCH, TOKENS, HEADS, 3, WIDTH)},
        weights={"s": np.array([0, 0, -1])},
    ),
    "Attention": Spelled(
        whole=[contrib("Attention", "x w b", "y", num_heads=HEADS)],
        parts=[
            op("MatMul", "x w", "p"),
            op("Add", "p b", "s"),
            op("Split", "s", "q k v", axis=-1, num_outputs=3),
            op("Attention", "q k v", "y", **PLAIN),
        ],
        inputs={"x": numbers(BATCH, TOKENS, 10)},
        weights={"w": numbers(10, 3 * WHOLE), "b": numbers(3 * WHOLE)},
    ),
    "Attention, causal, of other widths": Spelled(
        whole=[
            contrib("Attention", "x w b", "y", num_heads=HEADS, unidirectional=1,
                    qkv_hidden_sizes=[WHOLE, WHOLE, 2 * WHOLE])
        ],
        parts=[
            op("MatMul", "x w", "p"),
            op("Add", "p b", "s"),
            op("Split", "s parts", "q k v", axis=-1),
            op("Attention", "q k v", "y", is_causal=1, **PLAIN),
        ],
        inputs={"x": numbers(BATCH, TOKENS, 10)},
        weights={
            "w": numbers(10, 4 * WHOLE), "b": numbers(4 * WHOLE),
            "parts": np.array([WHOLE, WHOLE, 2 * WHOLE]),
        },
    ),
    "Attention, with a past": Spelled(
        whole=[contrib("Attention", "x w b - past", "y present", num_heads=HEADS)],
        parts=[
            op("MatMul", "x w", "p"),
            op("Add", "p b", "s"),
            op("Split", "s", "q k v", axis=-1, num_outputs=3),
            op("Split", "past", "a b1", axis=0, num_outputs=2),
            op("Squeeze", "a first", "pk"),
            op("Squeeze", "b1 first", "pv"),
            op("Attention", "q k v - pk pv", "y nk nv", **PLAIN),
            op("Unsqueeze", "nk first", "nk1"),
            op("Unsqueeze", "nv first", "nv1"),
            op("Concat", "nk1 nv1", "present", axis=0),
        ],
        inputs={"x": numbers(BATCH, TOKENS, 10), "past": numbers(2, BATCH, HEADS, 3, WIDTH)},
        weights={"w": numbers(10, 3 * WHOLE), "b": numbers(3 * WHOLE), "first": np.array([0])},
        results=("y", "present"),
    ),
    "GroupQueryAttention": Spelled(
        whole=[
            contrib("GroupQueryAttention", "q k v pk pv last all", "y nk nv", num_heads=4,
                    kv_num_heads=2)
        ],
        parts=[
            op("Attention", "q k v - pk pv", "y nk nv", q_num_heads=4, kv_num_heads=2, is_causal=1)
        ],
        inputs=GROUPED,
        weights=LENGTHS,
        results=("y", "nk", "nv"),
    ),
    "GroupQueryAttention, turned": Spelled(
        whole=[
            contrib("GroupQueryAttention", "q k v pk pv last all cos sin", "y nk nv", num_heads=4,
                    kv_num_heads=2, do_rotary=1)
        ],
        parts=[
            op("RotaryEmbedding", "q cos sin at", "q1", num_heads=4),
            op("RotaryEmbedding", "k cos sin at", "k1", num_heads=2),
            op("Attention", "q1 k1 v - pk pv", "y nk nv", q_num_heads=4, kv_num_heads=2,
               is_causal=1),
        ],
        inputs=GROUPED | POSITIONS,
        weights=LENGTHS | TABLES,
        results=("y", "nk", "nv"),
    ),
    "GroupQueryAttention, packed, capped": Spelled(
        whole=[
            contrib("GroupQueryAttention", "x - - pk pv last all", "y nk nv", num_heads=4,
                    kv_num_heads=2, softcap=SOFTCAP)
        ],
        parts=[
            op("Split", "x parts", "q k v", axis=-1),
            op("Attention", "q k v - pk pv", "y nk nv", q_num_heads=4, kv_num_heads=2, is_causal=1,
               softcap=SOFTCAP),
        ],
        inputs={"x": numbers(1, TOKENS, 8 * 16)} | {n: GROUPED[n] for n in ("pk", "pv")},
        weights=LENGTHS | {"parts": np.array([64, 32, 32])},
        results=("y", "nk", "nv"),
    ),
    "RotaryEmbedding": Spelled(
        whole=[contrib("RotaryEmbedding", "x at cos sin", "y", num_heads=4)],
        parts=[op("RotaryEmbedding", "x cos sin at", "y", num_heads=4)],
        inputs={"x": numbers(1, TOKENS, 64)} | POSITIONS,
        weights=TABLES,
    ),
    "RotaryEmbedding, half": Spelled(
        whole=[
            contrib("RotaryEmbedding", "x at cos sin", "y", num_heads=2, rotary_embedding_dim=16)
        ],
        parts=[op("RotaryEmbedding", "x cos sin at", "y", num_heads=2, rotary_embedding_dim=16)],
        inputs={"x": numbers(1, TOKENS, 64)} | POSITIONS,
        weights=TABLES,
    ),
    "RotaryEmbedding, heads first, interleaved": Spelled(
        whole=[contrib("RotaryEmbedding", "x at cos sin", "y", interleaved=1)],
        parts=[op("RotaryEmbedding", "x cos sin at", "y", interleaved=1)],
        inputs={"x": numbers(1, 3, TOKENS, 16)} | POSITIONS,
        weights=TABLES,
    ),
    "GemmaRotaryEmbedding": Spelled(
        whole=[contrib("GemmaRotaryEmbedding", "e q qr k kr", "y z")],
        parts=[
            op("Sin", "e", "s1"),
            op("Cos", "e", "c1"),
            op("Unsqueeze", "s1 one", "s"),
            op("Unsqueeze", "c1 one", "c"),
            op("Mul", "q c", "qc"),
            op("Mul", "qr s", "qs"),
            op("Add", "qc qs", "y"),
            op("Mul", "k c", "kc"),
            op("Mul", "kr s", "ks"),
            op("Add", "kc ks", "z"),
        ],
        runs=False,
        inputs={"e": numbers(BATCH, TOKENS, 8)}
        | {name: numbers(BATCH, 3, TOKENS, 8, seed=at) for at, name in enumerate(("q", "qr"))}
        | {name: numbers(BATCH, 3, TOKENS, 8, seed=at) for at, name in enumerate(("k", "kr"))},
        weights={"one": np.array([1])},
        results=("y", "z"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_attention_and_the_graph_that_spells_it_out(name: str) -> None:
    check(CASES[name])
