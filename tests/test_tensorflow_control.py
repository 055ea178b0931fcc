"""Loops, branches, lists and calls in graphs: as often as they run, with the shapes of the call."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import pytest
import tensorflow as tf

from analyzer import Bound, Report, analyze
from tests.tensorflow_graphs import work_of

W = tf.ones((4, 4))


def read(function: Callable[..., Any], *shapes: tuple[int, ...], frozen: bool = False) -> Report:
    """Analyse a function on inputs of these shapes; ``frozen`` with loops as TensorFlow 1 has."""
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    specs = [tf.TensorSpec(shape, name=f"x{at}") for at, shape in enumerate(shapes)]
    concrete = tf.function(function).get_concrete_function(*specs)
    if frozen:
        graph = convert_variables_to_constants_v2(concrete).graph.as_graph_def()
        assert any(node.op == "NextIteration" for node in graph.node)
        return analyze(graph)
    return analyze(concrete)


def counting(x: Any) -> Any:
    for _ in tf.range(7):
        x = x @ W
    return x


def stepping(x: Any) -> Any:
    at = tf.constant(20)
    while at > 3:
        x = x @ W
        at -= 5
    return x


def nested(x: Any) -> Any:
    for _ in tf.range(3):
        for _ in tf.range(4):
            x = x @ W
        x = tf.nn.relu(x)
    return x


def scanning(x: Any) -> Any:
    return tf.scan(lambda state, now: state @ W + now, x, initializer=tf.zeros((4, 4)))


def mapping(x: Any) -> Any:
    return tf.map_fn(lambda one: one @ W, x)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(
    ("function", "shape", "runs"),
    [
        (counting, (2, 4), 7),
        (mapping, (5, 2, 4), 5),
        (nested, (2, 4), 12),
        (scanning, (5, 4, 4), 5),
        (stepping, (2, 4), 4),
    ],
)
def test_loops_count_their_body_as_often_as_it_runs(
    function: Callable[..., Any], shape: tuple[int, ...], runs: int, frozen: bool
) -> None:
    report = read(function, shape, frozen=frozen)
    assert report.totals.macs == runs * shape[-2] * 4 * 4
    assert report.coverage.bound is Bound.EXACT
    assert report.coverage.complete, report.coverage.unknown
    concrete = tf.function(function).get_concrete_function(tf.TensorSpec(shape))
    assert report.model.outputs[0].shape == tuple(concrete(tf.zeros(shape)).shape)


def test_what_only_sizes_are_read_of_is_not_counted() -> None:
    def zeros(x: Any) -> Any:
        return tf.raw_ops.ZerosLike(x=tf.nn.relu(x @ W @ W)) + x @ W

    report = read(zeros, (2, 4))
    assert report.totals.macs == 2 * 4 * 4
    assert work_of(report).count("Linear") == 1

    def chosen(x: Any) -> Any:  # how many there are, the elements decide
        return tf.raw_ops.ZerosLike(x=tf.boolean_mask(x, (x @ W)[:, 0] > 0.0))

    report = read(chosen, (6, 4))
    assert report.totals.macs == 6 * 4 * 4


def test_a_limit_that_may_not_be_reached_is_an_upper_bound() -> None:
    def settling(x: Any) -> Any:
        return tf.while_loop(
            lambda y: tf.reduce_sum(y) > 1.0, lambda y: (y @ W,), (x,), maximum_iterations=9
        )[0]

    report = read(settling, (2, 4))
    assert report.totals.macs == 9 * 2 * 4 * 4
    assert report.coverage.bound is Bound.UPPER


def test_a_loop_that_nobody_can_tell_counts_once() -> None:
    def settling(x: Any) -> Any:
        while tf.reduce_sum(x) > 1.0:
            x = x @ W
        return x

    report = read(settling, (2, 4))
    assert report.totals.macs == 2 * 4 * 4
    assert report.coverage.bound is Bound.LOWER
    assert "its trip count is not known" in report.notes[0]


def test_a_loop_whose_sizes_grow_says_so() -> None:
    def growing(x: Any) -> Any:
        return tf.while_loop(
            lambda at, y: at < 4,
            lambda at, y: (at + 1, tf.concat([y, y @ W], 0)),
            (0, x),
            shape_invariants=(tf.TensorShape(()), tf.TensorShape((None, 4))),
        )[1]

    report = read(growing, (2, 4))
    assert report.coverage.bound is Bound.NEITHER
    assert "sizes change from run to run" in report.notes[0]


def test_branches() -> None:
    def either(x: Any) -> Any:
        if tf.reduce_sum(x) > 0.0:
            return x @ W
        return tf.nn.relu(x)

    report = read(either, (2, 4))
    assert report.totals.macs == 2 * 4 * 4
    assert report.coverage.bound is Bound.UPPER

    def of_size(x: Any) -> Any:
        if tf.shape(x)[0] > 3:
            return x @ W
        return tf.nn.relu(x)

    assert work_of(read(of_size, (2, 4))) == ["relu"]
    assert read(of_size, (5, 4)).totals.macs == 5 * 4 * 4
    assert read(of_size, (5, 4)).coverage.bound is Bound.EXACT

    def by_index(x: Any) -> Any:
        ways = [lambda: x, lambda: x @ W, lambda: x @ W @ W]
        return tf.switch_case(tf.cast(tf.reduce_sum(x), tf.int32), ways)

    assert read(by_index, (2, 4)).totals.macs == 2 * 2 * 4 * 4
    assert read(by_index, (2, 4)).coverage.bound is Bound.UPPER


def test_functions_are_entered_with_the_shapes_of_their_call() -> None:
    inner = tf.function(
        lambda x, repeats: tf.reshape(tf.tile(x, (repeats, 1)), (-1, 4)) @ W,
        input_signature=[tf.TensorSpec((None, 4)), tf.TensorSpec((), tf.int32)],
    )
    report = read(lambda x: inner(x, 2) + inner(x, tf.shape(x)[0] - 1), (3, 4))
    assert report.totals.macs == 2 * (2 * 3 * 4 * 4)
    assert report.coverage.bound is Bound.EXACT


def test_sizes_that_data_decide_are_bounds() -> None:
    def chosen(x: Any) -> Any:
        return tf.boolean_mask(x, x[:, 0] > 0.0) @ W

    report = read(chosen, (6, 4))
    assert report.totals.macs == 6 * 4 * 4
    assert report.coverage.bound is Bound.UPPER

    def best(boxes: Any, scores: Any) -> Any:
        return tf.gather(boxes, tf.image.non_max_suppression(boxes, scores, 5)) @ W

    report = read(best, (30, 4), (30,))
    assert report.totals.macs == 5 * 4 * 4
    assert report.coverage.bound is Bound.UPPER


def test_a_slice_that_data_cut_is_at_most_the_whole() -> None:
    def cut(x: Any) -> Any:
        end = tf.cast(tf.reduce_sum(x), tf.int32)
        return (
            tf.slice(x, (0, 0, 0), (end, 2, 4)) @ W,
            x[..., None, 1, :end],
            x[0, :end] @ W,
            x[None, end:, ..., ::2],
        )

    report = read(cut, (6, 3, 4))
    assert [one.shape for one in report.model.outputs] == [
        (6, 2, 4), (6, 1, 4), (3, 4), (1, 6, 3, 2)
    ]  # fmt: skip
    assert report.totals.macs == (6 * 2 + 3) * 4 * 4
    assert report.coverage.bound is Bound.UPPER


def test_of_branches_of_tensorflow_1_all_are_counted() -> None:
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    def either(x: Any) -> Any:
        return tf.cond(tf.reduce_sum(x) > 0.0, lambda: x @ W, lambda: tf.nn.relu(x))

    concrete = tf.function(either).get_concrete_function(tf.TensorSpec((2, 4)))
    report = analyze(convert_variables_to_constants_v2(concrete).graph.as_graph_def())
    assert report.coverage.bound is Bound.UPPER
    assert report.totals.macs == 2 * prod(W.shape)
    assert any("which one runs is not known" in note for note in report.notes)
    assert (2, 4) in [tensor.shape for tensor in report.model.outputs]


def test_loops_and_arrays_of_tensorflow_1() -> None:
    v1 = tf.compat.v1
    v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default() as graph:
            x = v1.placeholder(tf.float32, (5, 2, 4), name="x")
            y = tf.map_fn(lambda one: one @ tf.ones((4, 4)), x)
            tf.scan(lambda state, one: tf.nn.relu(state + one), y)
    finally:
        v1.enable_control_flow_v2()
    assert any(node.type == "TensorArrayV3" for node in graph.get_operations())
    report = analyze(graph)
    assert report.coverage.complete
    assert report.coverage.bound is Bound.EXACT
    assert report.totals.macs == 5 * 2 * 4 * 4
    assert report.totals.flops == 2 * report.totals.macs + 4 * 8 * (1 + 1)
    assert [one.shape for one in report.model.outputs] == [(5, 2, 4)]
