"""The truth about JAX code is what loops over scalars multiply."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import jax
import pytest
from jax import lax
from jax import numpy as jnp

from benchmarks.peers.xla import xla
from benchmarks.truth.jax import count

Sizes = tuple[int, ...]


def macs(function: Callable[..., Any], *shapes: Sizes) -> int:
    return count(function, *map(jnp.zeros, shapes), learned=()).macs


def loops(*sizes: int) -> int:
    """Count the steps of nested loops, one by one."""
    return sum(1 for _ in product(*map(range, sizes)))


def taps(size: int, around: Sizes, width: int, stride: int, dilation: int) -> tuple[int, int]:
    """Slide a window over a line, and count its taps: all of them, and those not on padding."""
    first, last = -around[0], size + around[1]
    found = inside = 0
    for start in range(first, last - dilation * (width - 1), stride):
        for tap in range(width):
            found += 1
            inside += 0 <= start + tap * dilation < size
    return found, inside


LAYOUTS = [("NHWC", "HWIO", "NHWC"), ("NCHW", "OIHW", "NCHW"), ("CWNH", "OHIW", "NHWC")]


def arranged(layout: str, **sizes: int) -> Sizes:
    return tuple(sizes[letter] for letter in layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("padding", [((0, 0), (0, 0)), ((1, 2), (3, 0)), ((-1, 0), (2, -1))])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2)])
def test_convolutions(
    layout: tuple[str, str, str], padding: Any, stride: int, dilation: int
) -> None:
    def run(x: Any, w: Any) -> Any:
        return lax.conv_general_dilated(
            x,
            w,
            (stride, stride),
            padding,
            rhs_dilation=(dilation, dilation),
            dimension_numbers=layout,
            feature_group_count=2,
        )

    image = arranged(layout[0], N=2, H=9, W=8, C=6)
    kernel = arranged(layout[1], H=3, W=2, I=3, O=4)
    found = count(run, jnp.zeros(image), jnp.zeros(kernel), learned=())
    (rows, some_rows), (columns, some_columns) = (
        taps(size, around, width, stride, dilation)
        for size, around, width in zip((9, 8), padding, (3, 2), strict=True)
    )
    assert found.macs == loops(2, rows, columns, 3, 4)
    assert found.unpadded == loops(2, some_rows, some_columns, 3, 4)


@pytest.mark.parametrize("padding", ["SAME", "VALID", ((0, 1), (5, 0))])
def test_transposed_convolutions_spread_every_element(padding: Any) -> None:
    def run(x: Any, w: Any) -> Any:
        return lax.conv_transpose(x, w, (2, 3), padding)

    image, kernel = jnp.zeros((2, 5, 4, 3)), jnp.zeros((3, 4, 3, 6))
    found = count(run, image, kernel, learned=())
    assert found.macs == loops(2, 5, 4, 3, 3, 4, 6)
    assert found.unpadded is not None
    assert xla(run, image, kernel).flops == 2 * found.unpadded  # without what is cropped

    def grouped(x: Any, w: Any) -> Any:
        return lax.conv_general_dilated(
            x,
            w,
            (1,),
            [(1, 2)],
            lhs_dilation=(2,),
            rhs_dilation=(2,),
            dimension_numbers=("NHC", "HIO", "NHC"),
            feature_group_count=2,
        )

    assert macs(grouped, (1, 5, 4), (3, 2, 6)) == loops(5, 4, 3, 3)


def test_products() -> None:
    assert macs(jnp.matmul, (3, 4), (4, 5)) == loops(3, 5, 4)
    assert macs(lambda a, b: a.T @ b.T, (4, 3), (5, 4)) == loops(3, 5, 4)
    assert macs(jnp.matmul, (2, 1, 3, 4), (6, 4, 5)) == loops(2, 6, 3, 5, 4)
    assert macs(lambda a, b: jnp.tensordot(a, b, 2), (3, 4, 5), (4, 5, 2)) == loops(3, 2, 4, 5)
    assert macs(jnp.dot, (4,), (4,)) == loops(4)
    attended = loops(2, 3, 7, 7, 4) + loops(2, 3, 7, 4, 7)
    assert macs(jax.nn.dot_product_attention, *[(2, 7, 3, 4)] * 3) == attended


def test_einsums() -> None:
    def einsum(equation: str, *shapes: Sizes) -> int:
        return macs(lambda *operands: jnp.einsum(equation, *operands), *shapes)

    assert einsum("bik,bkj->bij", (2, 3, 4), (2, 4, 5)) == loops(2, 3, 5, 4)
    assert einsum("...ik,kj->...ij", (2, 3, 4), (4, 5)) == loops(2, 3, 5, 4)
    assert einsum("i,j->ij", (3,), (4,)) == 0
    assert einsum("bi,bi->bi", (3, 4), (3, 4)) == 0
    assert einsum("ab->ba", (3, 4)) == 0
    assert einsum("ab,bc,cd->ad", (2, 3), (3, 4), (4, 5)) in (
        loops(2, 3, 4) + loops(2, 4, 5),
        loops(3, 4, 5) + loops(2, 3, 5),
    )


def test_the_matrices_of_groups() -> None:
    sizes = jnp.array([1, 0, 3])
    made = sum(loops(int(rows), 8, 6) for rows in sizes)
    assert macs(lambda x, w: lax.ragged_dot(x, w, sizes), (5, 8), (3, 8, 6)) == made


def test_whole_numbers_are_multiplied_as_often() -> None:
    x, w = jnp.full((300, 7), 100, jnp.int8), jnp.full((7, 3), 100, jnp.int8)
    found = count(lambda x: lax.dot(x, w, preferred_element_type=jnp.int32), x, learned=())
    assert found.macs == loops(300, 7, 3)


SQUARE = jnp.eye(3)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_is_run_step_by_step(reverse: bool) -> None:
    def run(start: Any, rows: Any) -> Any:
        return lax.scan(lambda x, row: (x @ SQUARE + row, x @ x.T), start, rows, reverse=reverse)

    assert macs(run, (2, 3), (5, 2, 3)) == 5 * (loops(2, 3, 3) + loops(2, 3, 2))
    assert macs(lambda *given: run(*given)[0], (2, 3), (5, 2, 3)) == 5 * loops(2, 3, 3)


def test_a_scan_gives_what_jax_gives() -> None:
    """Which way it goes shows in how often a loop runs that depends on it."""

    def run(rows: Any) -> Any:
        last, sums = lax.scan(lambda x, row: (x + row, x + row), 0.0, rows, reverse=True)
        return lax.fori_loop(0, (last + sums[0]).astype(int), lambda _, x: x @ SQUARE, SQUARE)

    assert count(run, jnp.arange(4.0), learned=()).macs == 12 * loops(3, 3, 3)


def test_a_loop_runs_until_its_condition_fails() -> None:
    def step(state: tuple[Any, Any]) -> tuple[Any, Any]:
        return state[0] * 2, state[1] + state[0]

    def run(x: Any) -> Any:
        return lax.while_loop(lambda state: (state[0] @ SQUARE).sum() < 10, step, (x, x))[1]

    trips, total = 0, 3.0
    while total < 10:
        trips, total = trips + 1, total * 2
    assert count(run, jnp.ones((1, 3)), learned=()).macs == (trips + 1) * loops(3, 3)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_branch_that_is_taken_is_run(value: float) -> None:
    def run(x: Any) -> Any:
        return lax.cond(x.sum() > 0, lambda x: x @ SQUARE @ SQUARE, lambda x: x @ SQUARE, x)

    made = (2 if value else 1) * loops(2, 3, 3)
    assert count(run, jnp.full((2, 3), value), learned=()).macs == made
    chosen = [lambda x: x, lambda x: x @ SQUARE]
    assert macs(lambda x: lax.switch(7, chosen, x), (2, 3)) == loops(2, 3, 3)


def test_what_holds_other_equations_is_gone_into() -> None:
    @jax.custom_vjp
    def derived(x: Any) -> Any:
        return x @ SQUARE

    derived.defvjp(lambda x: (x @ SQUARE, x), lambda x, change: (change,))
    for run in (derived, jax.checkpoint(derived), jax.jit(derived), jax.vmap(derived)):
        assert macs(run, (2, 3)) == loops(2, 3, 3)
    assert macs(jax.nn.gelu, (2, 3)) == 0


def test_what_nobody_needs_is_left_out() -> None:
    def run(x: Any) -> Any:
        both = jax.jit(lambda x: (x @ SQUARE, x @ SQUARE @ SQUARE))(x)
        return both[0]

    assert macs(run, (2, 3)) == loops(2, 3, 3)


def test_what_is_learned_counts_once() -> None:
    table = jnp.zeros((7, 3))
    found = count(lambda x: x @ table.T, jnp.ones((2, 3)), learned={"a": table, "b": [table]})
    assert (found.macs, found.parameters) == (loops(2, 7, 3), loops(7, 3))


def test_what_may_multiply_and_is_not_known_is_an_error() -> None:
    for function in (jnp.linalg.cholesky, jnp.fft.fft, jnp.linalg.qr):
        with pytest.raises(NotImplementedError, match="may multiply"):
            count(function, jnp.eye(3), learned=())
