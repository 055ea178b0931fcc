"""What ONNX files multiply, found by running twins: held to loops, and to ONNX's own reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from benchmarks.accuracy.cases import Case
from benchmarks.accuracy.onnx import FRAMEWORK
from benchmarks.peers import onnx as peers
from benchmarks.truth import onnx as truth

Shape = tuple[int, ...]


def parsed(text: str) -> onnx.ModelProto:
    header = '<ir_version: 10, opset_import: ["": 23, "com.microsoft": 1]> graph'
    return onnx.parser.parse_model(f"{header} {text}")


def macs(nodes: str, **inputs: Shape) -> int:
    """Return the truth about nodes that make y of inputs of some shapes."""
    declared = (f"float[{', '.join(map(str, shape))}] {name}" for name, shape in inputs.items())
    model = parsed(f"({', '.join(declared)}) => (float y) {{ {nodes} }}")
    return truth.count(model, _zeros(inputs), 0).macs


def _zeros(inputs: Mapping[str, Shape]) -> list[np.ndarray]:
    return [np.zeros(shape, np.float32) for shape in inputs.values()]


def steps(*sizes: int) -> int:
    """Count the innermost steps of nested loops."""
    return sum(1 for _ in product(*map(range, sizes)))


@pytest.mark.parametrize(
    ("attributes", "x", "w", "loops"),
    [
        ("pads=[1, 1, 1, 1]", (1, 2, 5, 5), (3, 2, 3, 3), (3, 5, 5, 2, 3, 3)),
        ("strides=[2, 3]", (1, 2, 7, 8), (3, 2, 3, 2), (3, 3, 3, 2, 3, 2)),
        ("dilations=[2, 1]", (1, 2, 7, 5), (3, 2, 3, 3), (3, 3, 3, 2, 3, 3)),
        ("group=2", (2, 4, 5, 5), (6, 2, 3, 3), (2, 6, 3, 3, 2, 3, 3)),
        ('auto_pad="SAME_UPPER"', (1, 2, 5, 5), (3, 2, 4, 2), (3, 5, 5, 2, 4, 2)),
        ('auto_pad="SAME_LOWER", strides=[2]', (1, 2, 5), (3, 2, 2), (3, 3, 2, 2)),
        # A window that is larger than the image, and never wholly on it.
        ("pads=[3, 3]", (1, 2, 2), (3, 2, 7), (3, 2, 2, 7)),
        ("kernel_shape=[2, 3, 4]", (1, 2, 4, 4, 4), (3, 2, 2, 3, 4), (3, 3, 2, 1, 2, 2, 3, 4)),
    ],
)
def test_convolutions(attributes: str, x: Shape, w: Shape, loops: Shape) -> None:
    assert macs(f"y = Conv <{attributes}> (x, w)", x=x, w=w) == steps(*loops)


@pytest.mark.parametrize("attributes", ["strides=[2]", "strides=[3], pads=[1, 1], group=2"])
def test_what_a_transposed_convolution_crops_was_multiplied(attributes: str) -> None:
    given = {"x": (2, 4, 5), "w": (4, 3, 3)}
    assert macs(f"y = ConvTranspose <{attributes}> (x, w)", **given) == steps(2, 4, 5, 3, 3)


def test_products() -> None:
    assert macs("y = MatMul (a, b)", a=(2, 1, 3, 4), b=(5, 4, 6)) == steps(2, 5, 3, 4, 6)
    assert macs("y = MatMul (a, b)", a=(4,), b=(5, 4, 6)) == steps(5, 4, 6)
    gemm = "y = Gemm <transA=1, transB=1, alpha=0.5> (a, b, c)"
    assert macs(gemm, a=(4, 3), b=(6, 4), c=(6,)) == steps(3, 4, 6)


def test_einsum_goes_pair_by_pair_from_the_left() -> None:
    def einsum(equation: str, **inputs: Shape) -> int:
        return macs(f'y = Einsum <equation="{equation}"> ({", ".join(inputs)})', **inputs)

    assert einsum("...ij,...jk->...ik", a=(2, 3, 4), b=(2, 4, 5)) == steps(2, 3, 4, 5)
    assert einsum("ij,jk", a=(3, 4), b=(4, 5)) == steps(3, 4, 5)
    assert einsum("ij,jk,kl->il", a=(3, 4), b=(4, 5), c=(5, 6)) == steps(3, 4, 5) + steps(3, 5, 6)
    # What one operand alone has is summed first, and without a sum elements are multiplied.
    assert einsum("ij,kj->k", a=(3, 4), b=(5, 4)) == steps(5, 4)
    assert einsum("i,j->ij", a=(3,), b=(4,)) == 0


def test_bodies_are_counted_as_often_as_they_ran() -> None:
    square = "MatMul (z, z)"
    body = "(int64 i, bool c, float[3, 3] z) => (bool d, float[3, 3] r, float[3, 3] s)"
    loop = f"""
        n = Constant <value = int64 {{4}}> ()
        y, all = Loop (n, , x) <body = b {body} {{
            d = Identity (c)
            r = {square}
            s = {square}
        }}>
    """
    assert macs(loop, x=(3, 3)) == steps(4, 2, 3, 3, 3)
    nested = """
        n = Constant <value = int64 {4}> ()
        y = Loop (n, , x) <body = b (int64 i, bool c, float[3, 3] v) => (bool d, float[3, 3] r) {
            d = Identity (c)
            one = Constant <value = int64 {1}> ()
            rest = Mod (i, two)
            odd = Equal (rest, one)
            r = If (odd) <
                then_branch = t () => (float[3, 3] p) { p = MatMul (v, v) },
                else_branch = e () => (float[3, 3] q) { q = Identity (v) }>
        }>
    """
    assert macs(f"two = Constant <value = int64 {{2}}> () {nested}", x=(3, 3)) == steps(2, 3, 3, 3)
    none = loop.replace("{4}", "{0}")
    assert macs(none, x=(3, 3)) == 0
    scan = f"""
        y, all = Scan <num_scan_inputs=1, scan_output_axes=[1], body = b
            (float[3, 3] z, float[3] row) => (float[3, 3] r, float[3] s) {{
                r = {square}
                s = Identity (row)
            }}> (x, rows)
    """
    assert macs(scan, x=(3, 3), rows=(5, 3)) == steps(5, 3, 3, 3)


def test_functions_are_counted_where_they_are_called() -> None:
    model = onnx.parser.parse_model("""
        <ir_version: 10, opset_import: ["": 23, "local": 1]>
        graph (float[2, 4] x, float[4, 4] w) => (float y) {
            a = local.twice (x, w)
            y = local.twice (a, w)
        }
        <domain: "local", opset_import: ["": 23, "local": 1]>
        once (x, w) => (y) { y = MatMul (x, w) }
        <domain: "local", opset_import: ["": 23, "local": 1]>
        twice (x, w) => (y) { a = local.once (x, w) y = local.once (a, w) }
    """)
    assert truth.count(model, _zeros({"x": (2, 4), "w": (4, 4)}), 0).macs == steps(4, 2, 4, 4)


def test_packed_weights() -> None:
    nodes = "y = com.microsoft.MatMulNBits <K=40, N=6, bits=4, block_size=32> (x, w, s)"
    text = f"(float[2, 3, 40] x, uint8[6, 2, 16] w, float[12] s) => (float y) {{ {nodes} }}"
    given: list[np.ndarray] = [np.zeros((2, 3, 40), np.float32)]
    given += [np.zeros((6, 2, 16), np.uint8), np.zeros(12, np.float32)]
    assert truth.count(parsed(text), given, 0).macs == steps(2, 3, 40, 6)


class Counting(np.ndarray):
    """Arrays that make every product of theirs once more on ones."""

    products = 0

    def __array_function__(
        self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any
    ) -> Any:
        if func is np.dot:
            Counting.products += int(np.dot(*map(_ones, args)).sum())
        return super().__array_function__(func, types, args, kwargs)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc is np.matmul:
            Counting.products += int(np.matmul(*map(_ones, inputs)).sum())
        plain = (np.asarray(one) if isinstance(one, Counting) else one for one in inputs)
        out = tuple(np.asarray(one) for one in kwargs.pop("out", ()))
        result = getattr(ufunc, method)(*plain, **kwargs, **({"out": out} if out else {}))
        return result.view(Counting) if isinstance(result, np.ndarray) else result


def _ones(array: Any) -> np.ndarray:
    return np.ones(np.shape(array))


REFERENCE: dict[str, tuple[str, Sequence[Shape]]] = {
    "LSTM": ("LSTM <hidden_size=5>", ((7, 2, 6), (1, 20, 6), (1, 20, 5))),
    "LSTM, both directions": (
        'LSTM <hidden_size=5, direction="bidirectional">',
        ((7, 2, 6), (2, 20, 6), (2, 20, 5), (2, 40)),
    ),
    "RNN": ("RNN <hidden_size=5>", ((7, 2, 6), (1, 5, 6), (1, 5, 5))),
    "attention": ("Attention", ((2, 4, 7, 8), (2, 4, 9, 8), (2, 4, 9, 6))),
    "attention, causal": (
        "Attention <q_num_heads=4, kv_num_heads=4, is_causal=1>",
        ((2, 7, 32), (2, 7, 32), (2, 7, 32)),
    ),
    "attention, grouped queries": (
        "Attention <q_num_heads=8, kv_num_heads=2>",
        ((2, 7, 32), (2, 9, 8), (2, 9, 8)),
    ),
}


@pytest.mark.parametrize("name", REFERENCE)
def test_as_onnx_reference_multiplies(name: str) -> None:
    operator, shapes = REFERENCE[name]
    inputs = {f"x{at}": shape for at, shape in enumerate(shapes)}
    declared = ", ".join(
        f"float[{', '.join(map(str, shape))}] {one}" for one, shape in inputs.items()
    )
    node = f"y = {operator} ({', '.join(inputs)})"
    model = parsed(f"({declared}) => (float y) {{ {node} }}")
    Counting.products = 0
    arrays = dict(zip(inputs, (one.view(Counting) for one in _zeros(inputs)), strict=True))
    ReferenceEvaluator(model).run(None, arrays)
    assert Counting.products > 0
    assert truth.count(model, _zeros(inputs), 0).macs == Counting.products


def test_gated_units_multiply_three_times_what_a_simple_cell_does() -> None:
    """ONNX's reference makes one product of GRUs in two ways, and uses one of them."""
    simple = macs("y = RNN <hidden_size=5> (x, w, r)", x=(7, 2, 6), w=(1, 5, 6), r=(1, 5, 5))
    gated = macs("y = GRU <hidden_size=5> (x, w, r)", x=(7, 2, 6), w=(1, 15, 6), r=(1, 15, 5))
    assert gated == 3 * simple


def test_what_may_multiply_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="MultiHeadAttention may multiply"):
        macs("y = com.microsoft.MultiHeadAttention <num_heads=2> (x, x, x)", x=(1, 3, 4))


def test_learned_tensors_are_found_wherever_they_are_stored() -> None:
    found = {
        name: FRAMEWORK.truth(FRAMEWORK.case(name).build()).parameters
        for name in ("weights in Constant nodes", "weights, sparse", "weights, external data")
    }
    assert set(found.values()) == {16 * 32 + 32 + 32 * 10}


QUICK = [case for case in FRAMEWORK.cases if case.quick]


@pytest.mark.parametrize("case", QUICK, ids=[case.name for case in QUICK])
def test_ours_is_right(case: Case) -> None:
    built = case.build()
    found, said = FRAMEWORK.truth(built), FRAMEWORK.tools["analyzer"](built)
    assert not said.failed
    assert not said.bound
    assert (said.macs, said.parameters) == (found.macs, found.parameters)


def test_onnx_tool_is_given_inputs_where_sizes_are_open() -> None:
    built = FRAMEWORK.case("dynamic shapes").build()
    assert not peers.onnx_tool(built.model, built.inputs).failed
    assert "not valid" in peers.onnx_tool(built.model).failed
