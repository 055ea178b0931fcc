"""What is between layers: experts, sharing, control flow, quantisation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.accuracy.cases import Case
from benchmarks.accuracy.onnx.building import file, with_learned

__all__ = ["CASES"]


def _structures() -> Iterator[Case]:
    yield Case(
        name="mixture of experts",
        covers="experts",
        build=lambda: file(
            """(float[5, 8] x) => (float[5, 8] y) {
                scores = MatMul (x, router)
                gates = Softmax <axis=-1> (scores)
                hidden = MatMul (x, w)
                active = Relu (hidden)
                each = MatMul (active, v)
                turned = Transpose <perm=[1, 0]> (gates)
                shares = Unsqueeze (turned, last)
                weighted = Mul (each, shares)
                y = ReduceSum <keepdims=0> (weighted, first)
            }""",
            (5, 8),
            router=(8, 4),
            w=(4, 8, 16),
            v=(4, 16, 8),
            first=np.array([0]),
            last=np.array([-1]),
        ),
    )
    yield Case(
        name="tied weights",
        covers="sharing",
        build=lambda: file(
            """(int64[1, 6] tokens) => (float[1, 6, 50] y) {
                words = Gather (table, tokens)
                hidden = MatMul (words, w)
                turned = Transpose <perm=[1, 0]> (table)
                y = MatMul (hidden, turned)
            }""",
            np.arange(6).reshape(1, 6),
            table=(50, 8),
            w=(8, 8),
        ),
    )
    yield Case(
        name="module called twice",
        covers="sharing",
        build=lambda: file(
            """(float[1, 16] x) => (float[1, 16] y) {
                once = local.layer (x, w, b)
                y = local.layer (once, w, b)
            }
            <domain: "local", opset_import: ["": 23]>
            layer (x, w, b) => (y) {
                product = MatMul (x, w)
                sum = Add (product, b)
                y = Relu (sum)
            }""",
            (1, 16),
            w=(16, 16),
            b=(16,),
        ),
    )


def _integers(*shape: int, dtype: Any = np.int8) -> np.ndarray:
    return np.ones(shape, dtype)


def _quantised() -> Iterator[Case]:
    case = partial(Case, covers="quantisation")
    few: dict[str, np.ndarray] = {"scale": np.array(0.1, np.float32), "zero": np.array(0, np.int8)}
    yield case(
        name="quantised",
        build=lambda: with_learned(
            file(
                """(float[1, 8, 16, 16] x) => (float[1, 12, 14, 14] y) {
                    q = QuantizeLinear (x, scale, zero)
                    c = QLinearConv <kernel_shape=[3, 3]>
                        (q, scale, zero, w, scale, zero, scale, zero, b)
                    y = DequantizeLinear (c, scale, zero)
                }""",
                (1, 8, 16, 16),
                w=_integers(12, 8, 3, 3),
                b=_integers(12, dtype=np.int32),
                **few,
            ),
            frozenset("wb"),
        ),
    )
    yield case(
        name="quantised, integers",
        build=lambda: with_learned(
            file(
                """(uint8[1, 8, 6, 6] x) => (int32[1, 12, 4, 10] y) {
                    c = ConvInteger <kernel_shape=[3, 3]> (x, w)
                    d = Cast <to=3> (c)
                    y = MatMulInteger (d, v)
                }""",
                _integers(1, 8, 6, 6, dtype=np.uint8),
                w=_integers(12, 8, 3, 3),
                v=_integers(4, 10),
            ),
            frozenset("wv"),
        ),
    )
    yield case(
        name="quantised, QDQ",
        build=lambda: with_learned(
            file(
                """(float[1, 8, 16, 16] x) => (float[1, 12, 14, 14] y) {
                    q = QuantizeLinear (x, scale, zero)
                    image = DequantizeLinear (q, scale, zero)
                    kernel = DequantizeLinear (w, scale, zero)
                    c = Conv <kernel_shape=[3, 3]> (image, kernel, b)
                    p = QuantizeLinear (c, scale, zero)
                    y = DequantizeLinear (p, scale, zero)
                }""",
                (1, 8, 16, 16),
                w=_integers(12, 8, 3, 3),
                b=np.ones(12, np.float32),
                **few,
            ),
            frozenset("wb"),
        ),
    )
    yield case(
        name="quantised, four bits",
        build=lambda: with_learned(
            file(
                """(float[1, 5, 64] x) => (float[1, 5, 24] y) {
                    y = com.microsoft.MatMulNBits <K=64, N=24, bits=4, block_size=32>
                        (x, packed, scales)
                }""",
                (1, 5, 64),
                packed=_integers(24, 2, 16, dtype=np.uint8),
                scales=np.ones(24 * 2, np.float32),
            ),
            64 * 24,
        ),
    )


def _control() -> Iterator[Case]:
    case = partial(Case, covers="control flow")
    yield case(
        name="control flow, loop",
        build=lambda: file(
            """(float[1, 16] x) => (float[1, 16] y) {
                times = Constant <value = int64 {5}> ()
                on = Constant <value = bool {1}> ()
                y = Loop (times, on, x) <body = step
                    (int64 at, bool before, float[1, 16] state) => (bool after, float[1, 16] next) {
                        after = Identity (before)
                        product = MatMul (state, w)
                        next = Tanh (product)
                    }>
            }""",
            (1, 16),
            w=(16, 16),
        ),
    )
    yield case(
        name="control flow, scan",
        build=lambda: file(
            """(float[7, 1, 6] x, float[1, 5] start) => (float[1, 5] end, float[7, 1, 5] y) {
                end, y = Scan <num_scan_inputs=1, body = step
                    (float[1, 5] state, float[1, 6] here) => (float[1, 5] next, float[1, 5] out) {
                        a = MatMul (here, w)
                        b = MatMul (state, r)
                        sum = Add (a, b)
                        next = Tanh (sum)
                        out = Identity (next)
                    }> (start, x)
            }""",
            (7, 1, 6),
            (1, 5),
            w=(6, 5),
            r=(5, 5),
        ),
    )
    branches = """ <
        then_branch = wide () => (float[1, 16] a) {
            up = MatMul (x, w)
            a = MatMul (up, v)
        },
        else_branch = narrow () => (float[1, 16] b) { b = MatMul (x, u) }
    >"""
    weights = {"w": (16, 32), "v": (32, 16), "u": (16, 16)}
    yield case(
        name="control flow, branch",
        build=lambda: file(
            f"""(float[1, 16] x) => (float[1, 16] y) {{
                otherwise = Constant <value = bool {{0}}> ()
                y = If (otherwise) {branches}
            }}""",
            (1, 16),
            **weights,
        ),
    )
    yield case(
        name="control flow, branch by a shape",
        build=lambda: file(
            f"""(float[1, 16] x) => (float[1, 16] y) {{
                elements = Size (x)
                limit = Constant <value = int64 {{10}}> ()
                large = Greater (elements, limit)
                y = If (large) {branches}
            }}""",
            (1, 16),
            **weights,
        ),
    )


CASES = (*_structures(), *_quantised(), *_control())
