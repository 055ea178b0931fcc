"""Layers alone: convolutions, products, attention, recurrence."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.accuracy.cases import Case
from benchmarks.accuracy.onnx.building import File, file
from benchmarks.accuracy.onnx.exported import exported

__all__ = ["CASES"]


def _one_convolution(attributes: str, kernel: tuple[int, ...], *sizes: int) -> File:
    """Build a convolution of an image of eight channels, with a bias."""
    result = ", ".join(map(str, sizes))
    return file(
        f"(float[1, 8, 16, 16] x) => (float[1, 12, {result}] y)"
        f"{{ y = Conv <{attributes}> (x, w, b) }}",
        (1, 8, 16, 16),
        w=kernel,
        b=(12,),
    )


def _convolutions() -> Iterator[Case]:
    case = partial(Case, covers="convolution")
    yield case(
        name="convolution",
        build=lambda: _one_convolution(
            "kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]", (12, 8, 3, 3), 8, 8
        ),
    )
    yield case(
        name="convolution, padding same",
        build=lambda: _one_convolution(
            'kernel_shape=[4, 3], auto_pad="SAME_UPPER"', (12, 8, 4, 3), 16, 16
        ),
    )
    yield case(
        name="convolution, grouped",
        build=lambda: _one_convolution("kernel_shape=[3, 3], group=4", (12, 2, 3, 3), 14, 14),
    )
    yield case(
        name="convolution, depthwise separable",
        build=lambda: file(
            """(float[1, 8, 16, 16] x) => (float[1, 12, 16, 16] y) {
                each = Conv <kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=8> (x, w, b)
                y = Conv <kernel_shape=[1, 1]> (each, v, c)
            }""",
            (1, 8, 16, 16),
            w=(8, 1, 3, 3),
            b=(8,),
            v=(12, 8, 1, 1),
            c=(12,),
        ),
    )
    yield case(
        name="convolution, dilated",
        build=lambda: _one_convolution(
            "kernel_shape=[3, 3], dilations=[2, 3]", (12, 8, 3, 3), 12, 10
        ),
    )
    yield case(
        name="convolution, transposed",
        build=lambda: file(
            """(float[1, 8, 16, 16] x) => (float[1, 12, 32, 32] y) {
                y = ConvTranspose <kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1],
                    output_padding=[1, 1]> (x, w, b)
            }""",
            (1, 8, 16, 16),
            w=(8, 12, 3, 3),
            b=(12,),
        ),
    )
    yield case(
        name="convolution, 1d",
        build=lambda: file(
            """(float[1, 8, 40] x) => (float[1, 12, 18] y) {
                y = Conv <kernel_shape=[5], strides=[2]> (x, w, b)
            }""",
            (1, 8, 40),
            w=(12, 8, 5),
            b=(12,),
        ),
    )
    yield case(
        name="convolution, 3d",
        build=lambda: file(
            """(float[1, 4, 8, 10, 10] x) => (float[1, 6, 6, 8, 8] y) {
                y = Conv <kernel_shape=[3, 3, 3]> (x, w, b)
            }""",
            (1, 4, 8, 10, 10),
            w=(6, 4, 3, 3, 3),
            b=(6,),
        ),
    )


def _products() -> Iterator[Case]:
    case = partial(Case, covers="matrix products")
    yield case(
        name="MLP",
        build=lambda: file(
            """(float[1, 16] x) => (float[1, 10] y) {
                hidden = Gemm <transB=1> (x, w, b)
                active = Relu (hidden)
                product = MatMul (active, v)
                y = Add (product, c)
            }""",
            (1, 16),
            w=(32, 16),
            b=(32,),
            v=(32, 10),
            c=(10,),
        ),
    )
    yield case(
        name="einsum",
        build=lambda: file(
            """(float[1, 5, 8] x) => (float[1, 3, 5, 5] y) {
                q = Einsum <equation="bsd,dhk->bhsk"> (x, wq)
                k = Einsum <equation="bsd,dhk->bhsk"> (x, wk)
                y = Einsum <equation="bhqk,bhlk->bhql"> (q, k)
            }""",
            (1, 5, 8),
            wq=(8, 3, 4),
            wk=(8, 3, 4),
        ),
    )
    yield case(
        name="matrix products as functions",
        build=lambda: file(
            """(float[2, 3, 4, 5] a, float[3, 5, 6] b, float[6] c) => (float[2, 3, 4] y) {
                ab = MatMul (a, b)
                y = MatMul (ab, c)
            }""",
            (2, 3, 4, 5),
            (3, 5, 6),
            (6,),
        ),
    )
    yield case(
        name="batch of four",
        covers="batch",
        build=lambda: file(
            """(float[4, 3, 16, 16] x) => (float[4, 10] y) {
                image = Conv <kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]> (x, w, b)
                active = Relu (image)
                pooled = GlobalAveragePool (active)
                flat = Flatten (pooled)
                y = Gemm <transB=1> (flat, v, c)
            }""",
            (4, 3, 16, 16),
            w=(8, 3, 3, 3),
            b=(8,),
            v=(10, 8),
            c=(10,),
        ),
    )


def _attention(heads: int, shared: int) -> File:
    narrow = 4 * shared
    return file(
        f"""(float[1, 10, 32] x) => (float[1, 10, 32] y) {{
            q = MatMul (x, wq)
            k = MatMul (x, wk)
            v = MatMul (x, wv)
            a = Attention <q_num_heads={heads}, kv_num_heads={shared}> (q, k, v)
            y = MatMul (a, wo)
        }}""",
        (1, 10, 32),
        wq=(32, 32),
        wk=(32, narrow),
        wv=(32, narrow),
        wo=(32, 32),
    )


def _attentions() -> Iterator[Case]:
    case = partial(Case, covers="attention")
    yield case(name="attention", build=lambda: _attention(8, 8))
    yield case(name="attention, spelled out", build=lambda: exported("attention"))
    yield case(name="attention, grouped queries", build=lambda: _attention(8, 2))


def _recurrences() -> Iterator[Case]:
    case = partial(Case, covers="recurrence")
    yield case(
        name="LSTM, two layers, both directions",
        build=lambda: file(
            """(float[7, 1, 6] x) => (float[7, 1, 10] y) {
                first = LSTM <hidden_size=5, direction="bidirectional"> (x, w0, r0, b0)
                turned = Transpose <perm=[0, 2, 1, 3]> (first)
                joined = Reshape (turned, sizes)
                second = LSTM <hidden_size=5, direction="bidirectional"> (joined, w1, r1, b1)
                again = Transpose <perm=[0, 2, 1, 3]> (second)
                y = Reshape (again, sizes)
            }""",
            (7, 1, 6),
            w0=(2, 20, 6),
            r0=(2, 20, 5),
            b0=(2, 40),
            w1=(2, 20, 10),
            r1=(2, 20, 5),
            b1=(2, 40),
            sizes=np.array([0, 0, -1]),
        ),
    )
    yield case(
        name="GRU",
        build=lambda: file(
            """(float[7, 1, 6] x) => (float[7, 1, 1, 5] y) {
                y = GRU <hidden_size=5, linear_before_reset=1> (x, w, r, b)
            }""",
            (7, 1, 6),
            w=(1, 15, 6),
            r=(1, 15, 5),
            b=(1, 30),
        ),
    )


CASES = (*_convolutions(), *_products(), *_attentions(), *_recurrences())
