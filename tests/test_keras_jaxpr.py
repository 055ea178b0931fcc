"""The reader of JAX's equations, held to JAX's own primitives and to what JAX computes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from math import prod
from typing import Any

import jax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from jax import numpy as jnp
from jax.extend.core import Primitive

from analyzer import Bound, Model, ModelBuilder, Report, analyze
from analyzer.ops import Branch, Elementwise, Embedding, Linear, Pooling, Repeat, Unknown
from analyzer_keras.jaxpr import CONTROL, Reader
from analyzer_keras.jaxpr_call import Stored, Value
from analyzer_keras.jaxpr_mapping import INLINED, TABLE
from analyzer_keras.jaxpr_uncounted import UNCOUNTED, why_uncounted

MODULES = (
    "jax.experimental.checkify", "jax.experimental.sparse", "jax.experimental.sparse.linalg",
    "jax.export", "jax.extend.core.primitives", "jax.image", "jax.lax.linalg", "jax.nn",
    "jax.random", "jax.scipy.linalg", "jax.scipy.special", "jax.scipy.stats",
)  # fmt: skip
"""What brings primitives with it."""


def shaped(*shape: int, dtype: str = "float32") -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)  # type: ignore[no-untyped-call]


def model_of(function: Callable[..., Any], *args: Any, stored: Sequence[int] = ()) -> Model:
    """Return what a function does to arguments, of which some are parameters of a model."""
    builder = ModelBuilder(name="f", framework="JAX", framework_version="1", source="tests")
    builder.layer("", type="Function")
    values = []
    for at, one in enumerate(jax.tree.leaves(args)):
        if at in stored:
            builder.parameter(f"w{at}", shape=one.shape, dtype=str(one.dtype))
            kept = Stored(f"w{at}", "", vector=max(one.shape) == prod(one.shape))
            values.append(Value(shape=one.shape, stored=kept))
        else:
            tensor = builder.tensor(one.shape, str(one.dtype))
            values.append(Value(shape=one.shape, tensor=tensor))
    closed = jax.make_jaxpr(function)(*args)
    reader = Reader(builder)
    results = reader.read(closed, values)
    outputs = [
        reader.tensor(one, variable.aval)
        for one, variable in zip(results, closed.jaxpr.outvars, strict=True)
    ]
    inputs = [one.tensor for one in values if one.tensor is not None]
    return builder.build(inputs=inputs, outputs=outputs)


def report_of(function: Callable[..., Any], *args: Any) -> Report:
    return analyze(model_of(function, *args))


def kinds(model: Model) -> list[str]:
    assert model.nodes is not None
    return [node.operation.kind for node in model.nodes]


def all_primitives() -> Iterator[str]:
    for name in MODULES:
        import_module(name)
    for path, module in list(sys.modules.items()):
        if path.startswith("jax") and ".pallas" not in path:
            for value in list(vars(module).values()):
                if isinstance(value, Primitive):
                    yield value.name


# The tables


def test_every_primitive_has_its_place() -> None:
    every = set(all_primitives())
    left = every - TABLE.keys() - INLINED.keys() - CONTROL.keys()
    unexplained = sorted(name for name in left if not why_uncounted(name))
    assert not unexplained, "in no table: map them, or name them in jaxpr_uncounted"
    assert len(every) > 250
    useless = [
        pattern
        for pattern in UNCOUNTED
        if not any(why_uncounted(name) == UNCOUNTED[pattern] for name in left)
    ]
    assert not useless


def test_what_is_counted_is_not_called_uncounted() -> None:
    counted = {*TABLE, *INLINED, *CONTROL}
    assert not [name for name in counted if why_uncounted(name)]
    assert len(counted) == len(TABLE) + len(INLINED) + len(CONTROL)
    assert list(UNCOUNTED) == sorted(UNCOUNTED)
    assert list(INLINED) == sorted(INLINED)


def test_an_uncounted_primitive_is_unknown_by_its_name() -> None:
    model = model_of(lambda x: jnp.linalg.svd(x)[1] + 1, shaped(3, 3))
    assert model.nodes is not None
    assert any(node.operation == Unknown(name="jax.svd") for node in model.nodes)
    assert analyze(model).coverage.bound is Bound.LOWER


# Contractions: on ones, the sum of the results is the number of products.


def products(function: Callable[..., Any], *args: jax.ShapeDtypeStruct) -> int:
    """Return how many products JAX's own result is the sum of."""
    return round(float(jnp.sum(function(*(jnp.ones(one.shape, one.dtype) for one in args)))))


@st.composite
def dot_cases(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    """Draw two shapes with axes of the batch, summed ones and others, in any order."""
    size = st.integers(1, 4)
    batch = draw(st.lists(size, max_size=2))
    summed = draw(st.lists(size, min_size=1, max_size=2))

    def side() -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        free = draw(st.lists(size, max_size=2))
        sizes = [*batch, *summed, *free]
        order = draw(st.permutations(range(len(sizes))))
        places = [order.index(at) for at in range(len(sizes))]
        shape = tuple(sizes[at] for at in order)
        return shape, tuple(places[len(batch) :][: len(summed)]), tuple(places[: len(batch)])

    left, left_summed, left_batch = side()
    right, right_summed, right_batch = side()
    return left, right, ((left_summed, right_summed), (left_batch, right_batch))


@settings(max_examples=15, deadline=None)
@given(dot_cases())
def test_products(case: tuple[Any, Any, Any]) -> None:
    left, right, numbers = case
    args = shaped(*left), shaped(*right)

    def dot(a: Any, b: Any) -> Any:
        return lax.dot_general(a, b, numbers)

    expected = products(dot, *args)
    assert analyze(model_of(dot, *args)).totals.macs == expected
    assert analyze(model_of(dot, *args, stored=[1])).totals.macs == expected
    assert analyze(model_of(dot, *args, stored=[0])).totals.macs == expected


LAYOUTS = {
    1: (("NCH", "OIH", "NCH"), ("NHC", "HIO", "NHC"), ("HNC", "IHO", "CHN")),
    2: (("NCHW", "OIHW", "NCHW"), ("NHWC", "HWIO", "NHWC"), ("CWNH", "OHIW", "NHWC")),
    3: (("NCHWD", "OIHWD", "NCHWD"), ("NHWDC", "HWDIO", "NHWDC")),
}


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Any, Any, dict[str, Any]]:
    """Draw a convolution without padding, plain, grouped, dilated, or transposed and full."""
    rank = draw(st.integers(1, 3))
    left, kernel, out = draw(st.sampled_from(LAYOUTS[rank]))
    groups, per_group, multiplier = (draw(st.integers(1, 3)) for _ in range(3))
    sizes = {"N": draw(st.integers(1, 2)), "C": groups * per_group}
    taps = {"I": per_group, "O": groups * multiplier}
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(rank))
    transposed = draw(st.booleans())
    strides, spread, padding = [1] * rank, [1] * rank, [(0, 0)] * rank
    for axis, letter in enumerate("HWD"[:rank]):
        taps[letter] = draw(st.integers(1, 3))
        sizes[letter] = draw(st.integers(1, 3)) + dilation[axis] * (taps[letter] - 1)
        step = draw(st.integers(2, 3)) if transposed else draw(st.integers(1, 2))
        if transposed:
            spread[axis], reach = step, dilation[axis] * (taps[letter] - 1)
            padding[axis] = (reach, reach)
        else:
            strides[axis] = step
    settings = {
        "window_strides": tuple(strides),
        "padding": tuple(padding),
        "lhs_dilation": tuple(spread),
        "rhs_dilation": dilation,
        "dimension_numbers": (left, kernel, out),
        "feature_group_count": groups,
    }
    return (
        shaped(*(sizes[letter] for letter in left)),
        shaped(*(taps[letter] for letter in kernel)),
        settings,
    )


@settings(max_examples=15, deadline=None)
@given(convolutions())
def test_convolutions(case: tuple[Any, Any, dict[str, Any]]) -> None:
    image, kernel, numbers = case

    def convolve(x: Any, w: Any) -> Any:
        return lax.conv_general_dilated(x, w, **numbers)

    expected = products(convolve, image, kernel)
    assert analyze(model_of(convolve, image, kernel, stored=[1])).totals.macs == expected


def test_a_convolution_of_groups_of_the_batch() -> None:
    def convolve(x: Any, w: Any) -> Any:
        return lax.conv_general_dilated(x, w, (1,), "VALID", batch_group_count=2)

    args = shaped(4, 3, 7), shaped(6, 3, 2)
    assert report_of(convolve, *args).totals.macs == products(convolve, *args)


def test_a_product_of_groups_of_rows() -> None:
    def dot(x: Any, w: Any) -> Any:
        return lax.ragged_dot(x, w, jnp.array([1, 0, 4]))

    args = shaped(5, 8), shaped(3, 8, 6)
    assert report_of(dot, *args).totals.macs == products(dot, *args)


def test_a_stored_matrix_makes_a_dense_layer() -> None:
    model = model_of(
        lambda x, w, b: x @ w + b, shaped(7, 4), shaped(4, 3), shaped(3), stored=[1, 2]
    )
    assert model.nodes is not None
    linear, _, bias = (node.operation for node in model.nodes)
    assert linear == Linear(rows=7, in_features=4, out_features=3, bias=False)
    assert bias == Elementwise(function="add", elements=21, bias=True)
    kernel, offset = model.parameters
    assert (kernel.role, kernel.axes) == ("kernel", ("input features", "output features"))
    assert offset.role == "bias"


def test_a_transposed_matrix_is_still_the_parameter() -> None:
    model = model_of(lambda x, w: x @ w.T, shaped(7, 4), shaped(3, 4), stored=[1])
    assert model.nodes is not None
    assert model.nodes[-1].parameters == ("w1",)
    assert model.nodes[-1].operation == Linear(rows=7, in_features=4, out_features=3, bias=False)


def test_a_look_up_in_a_stored_table_is_an_embedding() -> None:
    for look_up in (lambda w, i: w[i], lambda w, i: jnp.take(w, i, axis=0)):
        model = model_of(look_up, shaped(100, 8), shaped(5, 2, dtype="int32"), stored=[0])
        assert model.nodes is not None
        found = [node.operation for node in model.nodes if isinstance(node.operation, Embedding)]
        assert found == [Embedding(look_ups=10, vocabulary=100, width=8)]


def test_a_window_of_maxima_is_a_pooling() -> None:
    def pool(x: Any) -> Any:
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME")

    model = model_of(pool, shaped(1, 8, 8, 5))
    assert model.nodes is not None
    (operation,) = (node.operation for node in model.nodes)
    assert isinstance(operation, Pooling)
    assert (operation.channels, operation.kernel, operation.out_spatial) == (5, (3, 3), (4, 4))


# Control flow


def step(x: Any) -> Any:
    return jnp.tanh(x @ x)


def macs_of(function: Callable[..., Any], *args: Any) -> int:
    macs = report_of(function, *args).totals.macs
    assert macs is not None
    return macs


def macs_of_steps(steps: int) -> int:
    def run(x: Any) -> Any:
        for _ in range(steps):
            x = step(x)
        return x

    return macs_of(run, shaped(3, 3))


LOOPS = {
    "fori_loop": lambda x: lax.fori_loop(0, 7, lambda at, x: step(x), x),
    "scan": lambda x: lax.scan(lambda x, _: (step(x), x[0]), x, None, length=7)[0],
    "scan over rows": lambda x: lax.scan(lambda x, r: (step(x), r), x, jnp.zeros((7, 2)))[0],
    "while": lambda x: lax.while_loop(
        lambda s: s[0] < 21, lambda s: (s[0] + 3, step(s[1])), (0, x)
    )[1],
    "while by halves": lambda x: lax.while_loop(
        lambda s: s[0] > 0, lambda s: (s[0] // 2, step(s[1])), (64, x)
    )[1],
    "while with a limit from outside": lambda x: lax.fori_loop(
        0, jnp.arange(8).max(), lambda at, x: step(x), x
    ),
    "map": lambda x: lax.map(step, jnp.broadcast_to(x, (7, 3, 3))),
    "vmap": lambda x: jax.vmap(step)(jnp.broadcast_to(x, (7, 3, 3))),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOPS)
def test_loops(name: str) -> None:
    report = report_of(LOOPS[name], shaped(3, 3))
    assert report.totals.macs == macs_of_steps(7)
    assert report.coverage.bound is Bound.EXACT


def test_a_loop_in_a_loop() -> None:
    def run(x: Any) -> Any:
        inner = lambda at, x: lax.scan(lambda x, _: (step(x), None), x, None, length=4)[0]  # noqa: E731
        return lax.fori_loop(0, 3, inner, x)

    assert report_of(run, shaped(3, 3)).totals.macs == macs_of_steps(12)


def test_a_loop_that_depends_on_what_flows_is_a_lower_bound() -> None:
    def run(x: Any) -> Any:
        return lax.while_loop(lambda x: jnp.sum(x) < 9, step, x)

    report = report_of(run, shaped(3, 3))
    assert report.totals.macs == macs_of_steps(1)
    assert report.coverage.bound is Bound.LOWER


def test_a_loop_without_end_is_a_lower_bound() -> None:
    def run(x: Any) -> Any:
        return lax.while_loop(lambda s: s[0] < 1, lambda s: (s[0] * 1, step(s[1])), (0, x))[1]

    assert report_of(run, shaped(3, 3)).coverage.bound is Bound.LOWER


def test_branches() -> None:
    def run(x: Any, taken: Any) -> Any:
        return lax.cond(taken, lambda x: x + 1, step, x)

    report = report_of(run, shaped(3, 3), shaped(dtype="bool"))
    assert report.totals.macs == macs_of_steps(1)
    assert report.coverage.bound is Bound.UPPER


@pytest.mark.parametrize("taken", [False, True])
def test_a_branch_that_is_known(taken: bool) -> None:
    def run(x: Any) -> Any:
        return lax.cond(jnp.asarray(3) > (2 if taken else 4), step, lambda x: x, x)

    model = model_of(run, shaped(3, 3))
    assert model.nodes is not None
    (branch,) = (node.operation for node in model.nodes if isinstance(node.operation, Branch))
    assert branch.taken == int(taken)
    assert analyze(model).totals.macs == taken * macs_of_steps(1)


def test_what_is_held_by_others_is_read_as_it_stands_there() -> None:
    @jax.custom_vjp
    def own(x: Any) -> Any:
        return step(x)

    own.defvjp(lambda x: (step(x), x), lambda x, g: (g,))
    for function in (jax.jit(step), jax.checkpoint(step), own, jax.named_call(step)):
        assert report_of(function, shaped(3, 3)).totals.macs == macs_of_steps(1)


def test_a_reduction_of_ones_own() -> None:
    def run(x: Any) -> Any:
        return lax.reduce(x, 0.0, lambda a, b: a * b + 1, (1,))

    model = model_of(run, shaped(3, 8))
    assert model.nodes is not None
    (loop,) = (node.operation for node in model.nodes)
    assert isinstance(loop, Repeat)
    assert loop.times == 3 * 7
    assert analyze(model).totals.flops == 2 * 3 * 7


def test_views_take_no_memory() -> None:
    def run(x: Any) -> Any:
        return lax.stop_gradient(x.reshape(2, 8)[None]) + 1

    report = report_of(run, shaped(4, 4))
    assert report.totals.memory.peak_activation_bytes == 16 * 4


def test_complex_numbers() -> None:
    args = shaped(3, 4, dtype="complex64"), shaped(4, 5, dtype="complex64")
    real = shaped(3, 4), shaped(4, 5)
    assert macs_of(jnp.matmul, *args) == 4 * macs_of(jnp.matmul, *real)
