"""One model written in two ways: fused, joined, stacked, masked. What answers to what is found."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

import analyzer
from analyzer import Model, ModelBuilder, Tensor, Use, ops
from analyzer.comparing.comparison import Comparison, compare_reports
from analyzer.comparing.reasons import MASKS, QUANTISED, TYING, Amount
from analyzer.ops import Cell, Operation, Recurrent

BATCH, WIDTH = 3, 8


class Graph:
    """A graph of rows of features, one operation after another."""

    def __init__(self, width: int = WIDTH) -> None:
        self.builder = ModelBuilder(name="g", framework="hand", framework_version="1", source="")
        self.builder.layer("", type="Graph")
        self.count = 0
        self.input = self.last = self.tensor(BATCH, width)

    def tensor(self, *shape: int, dtype: str = "float32") -> Tensor:
        return self.builder.tensor(shape, dtype)

    def stored(self, role: str, *shape: int, dtype: str = "float32") -> Use:
        self.count += 1
        name = f"{role} {self.count}"
        self.builder.parameter(name, shape=shape, dtype=dtype)
        return Use(name, role)

    def add(
        self, operation: Operation, read: Sequence[Tensor], written: Tensor, *uses: Use
    ) -> Tensor:
        self.builder.add(
            operation, inputs=read, outputs=[written], uses=uses, native=operation.kind
        )
        self.last = written
        return written

    def dense(self, source: Tensor, features: int, *, bias: bool = True) -> Tensor:
        width = source.shape[-1]
        uses = [self.stored("kernel", width, features)]
        uses += [self.stored("bias", features)] if bias else []
        made = ops.Linear(rows=BATCH, in_features=width, out_features=features, bias=bias)
        return self.add(made, [source], self.tensor(BATCH, features), *uses)

    def build(self, *others: Tensor) -> Model:
        return self.builder.build(inputs=[self.input, *others], outputs=[self.last])


def compared(a: Model, b: Model) -> Comparison:
    found = compare_reports(analyzer.analyze(a), analyzer.analyze(b))
    assert found.remainder == Amount()
    return found


def reasons(comparison: Comparison) -> dict[str, Amount]:
    return {difference.reason: difference.amount for difference in comparison.differences}


def assert_only_rewritten(a: Model, b: Model) -> None:
    """Nothing differs in cost, everything has its counterpart, and yet it is written otherwise."""
    found = compared(a, b)
    assert found.differences == ()
    assert (found.only_a, found.only_b) == (0, 0)
    assert found.verdict == "equivalent"
    assert compared(a, a).verdict == compared(b, b).verdict == "identical"


def test_steps_that_are_fused() -> None:
    """An addition and the norm after it; a bias, and the function after it."""
    elements = BATCH * WIDTH
    added = ops.Elementwise(function="add", elements=elements)
    norm = ops.Normalization(
        style="layer", groups=BATCH, size=WIDTH, features=WIDTH, scale=True, offset=True
    )
    bias = ops.Elementwise(function="add", elements=elements, bias=True)
    active = ops.Elementwise(function="gelu", elements=elements)

    def network(*, fused: bool) -> Model:
        graph = Graph()
        product = graph.dense(graph.input, WIDTH, bias=False)
        rows = [graph.tensor(BATCH, WIDTH) for _ in range(4)]
        if fused:
            one = ops.Fused(name="biased function", steps=(bias, active))
            last = graph.add(one, [product], rows[0], graph.stored("bias", WIDTH))
            uses = [graph.stored("scale", WIDTH), graph.stored("offset", WIDTH)]
            both = ops.Fused(name="norm of a sum", steps=(added, norm))
            graph.add(both, [last, graph.input], rows[1], *uses)
        else:
            last = graph.add(bias, [product], rows[0], graph.stored("bias", WIDTH))
            last = graph.add(active, [last], rows[1])
            last = graph.add(added, [last, graph.input], rows[2])
            uses = [graph.stored("scale", WIDTH), graph.stored("offset", WIDTH)]
            graph.add(norm, [last], rows[3], *uses)
        return graph.build()

    assert_only_rewritten(network(fused=True), network(fused=False))


@given(
    cell=st.sampled_from(list(Cell)),
    layers=st.integers(2, 4),
    directions=st.integers(1, 2),
    hidden=st.integers(1, 5),
    biases=st.integers(0, 2),
)
def test_layers_that_are_stacked(
    cell: Cell, layers: int, directions: int, hidden: int, biases: int
) -> None:
    """One operation of several layers answers to as many operations of one."""

    def network(*, stacked: bool) -> Model:
        graph = Graph()
        widths = [WIDTH] + [directions * hidden] * (layers - 1)
        each = [
            Recurrent(
                cell=cell, batch=1, steps=BATCH, input_size=width, hidden_size=hidden,
                biases=biases, directions=directions,
            )
            for width in widths
        ]  # fmt: skip
        tensors = [graph.tensor(BATCH, directions * hidden) for _ in each]
        stored = []
        for one in each:
            counts = one.parameter_counts()
            roles = [role for role in counts for _ in range(directions)]
            sizes = [counts[role].value // directions for role in roles]
            stored.append([graph.stored(*use) for use in zip(roles, sizes, strict=True)])
        if stacked:
            whole = Recurrent(
                cell=cell, batch=1, steps=BATCH, input_size=WIDTH, hidden_size=hidden,
                biases=biases, directions=directions, layers=layers,
            )  # fmt: skip
            graph.add(whole, [graph.input], tensors[-1], *(use for uses in stored for use in uses))
            return graph.build()
        last = graph.input
        for one, tensor, uses in zip(each, tensors, stored, strict=True):
            last = graph.add(one, [last], tensor, *uses)
        return graph.build()

    assert_only_rewritten(network(stacked=True), network(stacked=False))


@pytest.mark.parametrize("bias", ["of each", "stored as one", "none"])
@pytest.mark.parametrize("grouped", [False, True])
def test_queries_keys_and_values_of_one_product_or_three(bias: str, grouped: bool) -> None:
    widths = (WIDTH, WIDTH // 2, WIDTH // 2) if grouped else (WIDTH, WIDTH, WIDTH)
    whole = sum(widths)

    def network(*, joined: bool) -> Model:
        graph = Graph()
        products = [
            graph.dense(graph.input, width, bias=bias == "of each" or (joined and bias != "none"))
            for width in ((whole,) if joined else widths)
        ]
        if bias == "stored as one" and not joined:
            addition = ops.Elementwise(function="add", elements=BATCH * whole, bias=True)
            products = [
                graph.add(
                    addition, products, graph.tensor(BATCH, whole), graph.stored("bias", whole)
                )
            ]
        attention = ops.Attention(
            batch=1, heads=2, kv_heads=2, queries=BATCH, keys=BATCH, qk_width=4, v_width=4
        )
        graph.add(attention, products, graph.tensor(BATCH, WIDTH))
        return graph.build()

    assert_only_rewritten(network(joined=True), network(joined=False))


def test_masks_are_told_from_activations() -> None:
    """What is made of token ids, and added to activations, is work on masks."""
    elements = BATCH * WIDTH

    def network(*, masked: bool) -> Model:
        graph = Graph()
        ids = graph.tensor(BATCH, WIDTH, dtype="int64")
        product = graph.dense(graph.input, WIDTH)
        if masked:
            flags = graph.tensor(BATCH, WIDTH, dtype="bool")
            graph.add(ops.Elementwise(function="equal", elements=elements), [ids], flags)
            mask = graph.tensor(BATCH, WIDTH)
            graph.add(ops.Elementwise(function="multiply", elements=elements), [flags], mask)
            added = ops.Elementwise(function="add", elements=elements)
            graph.add(added, [product, mask], graph.tensor(BATCH, WIDTH))
        else:
            counted = ops.Elementwise(function="add", elements=BATCH)
            graph.add(counted, [ids], graph.tensor(BATCH, dtype="int64"))
            graph.last = product
        return graph.build(ids)

    found = compared(network(masked=True), network(masked=False))
    # A float product and a float sum; integers are compared in one, and added in the other.
    assert reasons(found) == {MASKS: Amount(flops=2 * elements, integer_ops=elements - BATCH)}


def test_weights_that_are_tied() -> None:
    def network(*, tied: bool) -> Model:
        graph = Graph()
        graph.dense(graph.input, WIDTH, bias=False)
        use = Use("kernel 1", "kernel") if tied else graph.stored("kernel", WIDTH, WIDTH)
        again = ops.Linear(rows=BATCH, in_features=WIDTH, out_features=WIDTH, bias=False)
        graph.add(again, [graph.last], graph.tensor(BATCH, WIDTH), use)
        return graph.build()

    found = compared(network(tied=True), network(tied=False))
    kernel = WIDTH * WIDTH
    assert reasons(found) == {TYING: Amount(parameters=-kernel, stored_bytes=-4 * kernel)}
    assert found.verdict == "different"


def test_a_dense_layer_of_integers() -> None:
    """It is quantised, multiplied, scaled and given its bias; what costs more or less is that."""

    def network(*, quantised: bool) -> Model:
        graph = Graph()
        if not quantised:
            graph.dense(graph.input, WIDTH)
            return graph.build()
        elements = BATCH * WIDTH
        small = graph.tensor(BATCH, WIDTH, dtype="uint8")
        large = graph.tensor(BATCH, WIDTH, dtype="int32")
        rows = [graph.tensor(BATCH, WIDTH) for _ in range(3)]
        kernel = graph.stored("kernel", WIDTH, WIDTH, dtype="int8")
        product = ops.Linear(rows=BATCH, in_features=WIDTH, out_features=WIDTH, bias=False)
        graph.add(ops.Elementwise(function="quantize", elements=elements), [graph.input], small)
        graph.add(product, [small], large, kernel)
        graph.add(ops.free("cast", because=ops.CAST), [large], rows[0])
        graph.add(ops.Elementwise(function="multiply", elements=elements), [rows[0]], rows[1])
        bias = ops.Elementwise(function="add", elements=elements, bias=True)
        graph.add(bias, [rows[1]], rows[2], graph.stored("bias", WIDTH))
        return graph.build()

    found = compared(network(quantised=False), network(quantised=True))
    places, quantize, scale = BATCH * WIDTH, ops.FUNCTIONS["quantize"].flops, 1
    assert reasons(found) == {
        QUANTISED: Amount(
            flops=(2 * WIDTH - quantize - scale) * places,
            integer_ops=-2 * WIDTH * places,
            stored_bytes=(4 - 1) * WIDTH * WIDTH,
        )
    }
    assert found.verdict == "equivalent"
