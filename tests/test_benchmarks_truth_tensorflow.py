"""The truth about TensorFlow code is what loops over scalars multiply."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.truth.tensorflow import count
from benchmarks.truth.tensorflow_graphs import node_by_node, served

Sizes = tuple[int, ...]


def macs(function: Callable[..., Any], *shapes: Sizes) -> int:
    return count(function, *map(tf.zeros, shapes), learned=()).macs


def loops(*sizes: int) -> int:
    """Count the steps of nested loops, one by one."""
    return sum(1 for _ in product(*map(range, sizes)))


def starts(size: int, width: int, stride: int, dilation: int, same: bool) -> Iterator[int]:
    """Yield where a window begins; with ``same`` at every stride, whatever hangs over."""
    for at in range(0, size, stride):
        if same or at + dilation * (width - 1) < size:
            yield at


def convolved(
    image: Sizes, kernel: Sizes, stride: int, dilation: int = 1, *, same: bool = False
) -> int:
    """Slide a kernel over an image without its channels, tap by tap."""
    *window, seen, filters = kernel
    places = [
        starts(size, width, stride, dilation, same)
        for size, width in zip(image, window, strict=True)
    ]
    return sum(loops(*window, seen, filters) for _ in product(*places))


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("stride", [1, 3])
def test_convolutions(padding: str, stride: int) -> None:
    same = padding == "SAME"

    def run(x: Any) -> Any:
        return tf.nn.conv2d(x, tf.zeros((4, 3, 5, 6)), stride, padding)

    assert macs(run, (1, 9, 8, 5)) == convolved((9, 8), (4, 3, 5, 6), stride, same=same)

    def grouped(x: Any) -> Any:
        return tf.nn.conv2d(x, tf.zeros((4, 3, 2, 6)), stride, padding)

    assert macs(grouped, (1, 9, 8, 4)) == convolved((9, 8), (4, 3, 2, 6), stride, same=same)

    def depthwise(x: Any) -> Any:
        return tf.nn.depthwise_conv2d(x, tf.zeros((4, 3, 5, 2)), (1, stride, stride, 1), padding)

    assert macs(depthwise, (2, 9, 8, 5)) == 2 * convolved((9, 8), (4, 3, 1, 10), stride, same=same)

    def volume(x: Any) -> Any:
        strides = (1, stride, stride, stride, 1)
        return tf.nn.conv3d(x, tf.zeros((2, 3, 1, 3, 2)), strides, padding)

    assert macs(volume, (1, 5, 7, 4, 3)) == convolved((5, 7, 4), (2, 3, 1, 3, 2), stride, same=same)

    def line(x: Any) -> Any:
        return tf.nn.conv1d(x, tf.zeros((4, 3, 2)), stride, padding)

    assert macs(line, (1, 9, 3)) == convolved((9,), (4, 3, 2), stride, same=same)


def test_dilated_convolutions_and_what_they_crop() -> None:
    def run(x: Any) -> Any:
        return tf.nn.atrous_conv2d(x, tf.zeros((3, 3, 5, 6)), 2, "VALID")

    assert macs(run, (1, 10, 8, 5)) == convolved((10, 8), (3, 3, 5, 6), 1, 2)
    with pytest.raises(NotImplementedError, match="cropped away"):
        macs(run, (1, 9, 8, 5))


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_transposed_convolutions_spread_every_element(padding: str) -> None:
    shape = (1, 10, 8, 5) if padding == "SAME" else (1, 11, 9, 5)

    def run(x: Any) -> Any:
        return tf.nn.conv2d_transpose(x, tf.zeros((3, 3, 5, 4)), shape, 2, padding)

    assert macs(run, (1, 5, 4, 4)) == loops(5, 4, 4, 3, 3, 5)

    def volume(x: Any) -> Any:
        output = (1, 6, 4, 4, 2) if padding == "SAME" else (1, 7, 5, 5, 2)
        return tf.nn.conv3d_transpose(x, tf.zeros((3, 3, 3, 2, 3)), output, 2, padding)

    assert macs(volume, (1, 3, 2, 2, 3)) == loops(3, 2, 2, 3, 3, 3, 3, 2)


def test_products() -> None:
    assert macs(tf.matmul, (3, 4), (4, 5)) == loops(3, 5, 4)
    turned = macs(lambda a, b: tf.matmul(a, b, transpose_a=True, transpose_b=True), (4, 3), (5, 4))
    assert turned == loops(3, 5, 4)
    assert macs(tf.matmul, (2, 1, 3, 4), (6, 4, 5)) == loops(2, 6, 3, 5, 4)
    assert macs(lambda a, b: tf.tensordot(a, b, 2), (3, 4, 5), (4, 5, 2)) == loops(3, 2, 4, 5)
    assert macs(tf.linalg.matvec, (2, 3, 4), (2, 4)) == loops(2, 3, 4)


def test_einsums() -> None:
    def einsum(equation: str, *shapes: Sizes) -> int:
        return macs(lambda *operands: tf.einsum(equation, *operands), *shapes)

    assert einsum("bik,bkj->bij", (2, 3, 4), (2, 4, 5)) == loops(2, 3, 5, 4)
    assert einsum("...ik,kj->...ij", (2, 3, 4), (4, 5)) == loops(2, 3, 5, 4)
    assert einsum("i,j->ij", (3,), (4,)) == 0
    assert einsum("ab->ba", (3, 4)) == 0
    assert einsum("ab,bc,cd->ad", (2, 3), (3, 4), (4, 5)) in (
        loops(2, 3, 4) + loops(2, 4, 5),
        loops(3, 4, 5) + loops(2, 3, 5),
    )
    with pytest.raises(NotImplementedError, match="more, or less"):
        macs(lambda a, b: tf.raw_ops.Einsum(inputs=[a, b], equation="ab,bc->c"), (3, 4), (4, 5))


def test_loops_are_run_step_by_step_and_one_branch_of_two() -> None:
    square = tf.zeros((3, 3))

    @tf.function  # type: ignore[untyped-decorator]
    def looped(x: Any) -> Any:
        return tf.while_loop(
            lambda step, _: step < 4, lambda step, y: (step + 1, y @ square), (0, x)
        )[1]

    assert macs(looped, (2, 3)) == 4 * loops(2, 3, 3)

    @tf.function  # type: ignore[untyped-decorator]
    def branched(x: Any) -> Any:
        return tf.cond(tf.reduce_sum(x) > 0, lambda: x @ square @ square, lambda: x @ square)

    assert macs(branched, (2, 3)) == loops(2, 3, 3)


def test_what_nobody_needs_is_left_out_and_what_is_assigned_is_needed() -> None:
    kept = tf.Variable(tf.zeros((2, 3)))
    square = tf.zeros((3, 3))

    def run(x: Any) -> Any:
        _ = x @ square @ square
        kept.assign(x @ square)
        return kept + 1.0

    assert macs(run, (2, 3)) == loops(2, 3, 3)


def test_recurrent_layers_of_keras() -> None:
    lstm = keras.layers.LSTM(5, return_sequences=True)
    gru = keras.layers.GRU(4)
    model = keras.Sequential([keras.Input((7, 6)), keras.layers.Bidirectional(lstm), gru])
    found = count(model, np.zeros((1, 7, 6), "float32"), learned=model.trainable_variables)
    steps = sum(
        2 * (loops(6, 4, 5) + loops(5, 4, 5)) + loops(10, 3, 4) + loops(4, 3, 4) for _ in range(7)
    )
    assert found.macs == steps
    assert found.parameters == model.count_params()


def test_learned_variables_count_once() -> None:
    table = tf.Variable(tf.zeros((7, 3)))
    found = count(
        lambda at: tf.matmul(tf.gather(table, at), table, transpose_b=True),
        tf.constant([1, 5]),
        learned=(table, table),
    )
    assert (found.macs, found.parameters) == (loops(2, 7, 3), loops(7, 3))


def test_what_may_multiply_and_is_not_known_is_an_error() -> None:
    with pytest.raises(NotImplementedError, match="MatrixTriangularSolve"):
        macs(tf.linalg.triangular_solve, (3, 3), (3, 2))
    loaded = tf.function(lambda x: x @ x).get_concrete_function(tf.TensorSpec((3, 3)))
    with pytest.raises(NotImplementedError, match="traced before"):
        macs(loaded, (3, 3))


def test_a_graph_that_was_traced_is_run_node_by_node() -> None:
    square = tf.Variable(tf.ones((3, 3)))
    inner = tf.function(lambda x: x @ square)

    @tf.function  # type: ignore[untyped-decorator]
    def run(x: Any, big: Any) -> Any:
        steps = tf.cast(tf.reduce_sum(x), tf.int32)
        x = tf.while_loop(lambda at, _: at < steps, lambda at, y: (at + 1, inner(y)), (0, x))[1]
        return tf.cond(big > 0, lambda: tf.nn.conv1d(x[None], K, 1, "SAME"), lambda: x[None] @ J)

    J, K = tf.ones((3, 5)), tf.ones((2, 3, 5))
    concrete = run.get_concrete_function(tf.TensorSpec((2, 3)), tf.TensorSpec(()))
    x = np.array([[4, 0, 0], [0, 0, 0]], "float32")
    again = node_by_node(concrete)
    for big, last in ((1.0, convolved((2,), (2, 3, 5), 1, same=True)), (0.0, loops(2, 3, 5))):
        assert count(again, x, big, learned=()).macs == 4 * loops(2, 3, 3) + last
        np.testing.assert_array_equal(again(x, big)[0], concrete(tf.constant(x), tf.constant(big)))


def test_a_saved_model_is_what_was_saved(tmp_path: Path) -> None:
    start = keras.Input((7, 6))
    lines = keras.layers.GRU(4, return_sequences=True)(start)
    model = keras.Model(start, keras.layers.Conv1D(2, 3)(lines))
    model.export(str(tmp_path), verbose=False)
    run, x = served(tmp_path), np.ones((1, 7, 6), "float32")
    found = count(run, x, learned=()).macs
    assert found == sum(loops(6, 3, 4) + loops(4, 3, 4) for _ in range(7)) + loops(5, 3, 4, 2)
    assert found == count(model, x, learned=()).macs
    np.testing.assert_allclose(run(x)[0], model(x), rtol=1e-5)
