"""Models of many operations, and of layers deep inside each other."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import pytest

import analyzer
from analyzer import Model, ModelBuilder, ModelError, Node, Use, ops

LAYERS = 3000


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Hold the processor time to what a quadratic step would pass many times over."""
    start = time.process_time()
    yield
    assert time.process_time() - start < seconds


def dense_layers(count: int, *, deep: bool = False, without_bias: Collection[int] = ()) -> Model:
    """Make ``count`` dense layers with a function after each, side by side or inside each other."""
    builder = ModelBuilder(name="large", framework="mine", framework_version="1", source="")
    builder.layer("", type="Model")
    first = last = builder.tensor((1, 8, 16), "float32")
    above = ""
    for at in range(count):
        path = f"dense{at}"
        bias = at not in without_bias
        builder.layer(path, type="Dense", parent=above)
        builder.parameter(f"{path}.kernel", shape=(16, 16), dtype="float32")
        builder.parameter(f"{path}.bias", shape=(16,), dtype="float32")
        uses = [Use(f"{path}.kernel", "kernel"), Use(f"{path}.bias", "bias")]
        result, active = (builder.tensor((1, 8, 16), "float32") for _ in range(2))
        builder.add(
            ops.Linear(rows=8 + at % 7, in_features=16, out_features=16, bias=bias),
            inputs=[last],
            outputs=[result],
            uses=uses if bias else uses[:1],
            layer=path,
            native="dense",
        )
        builder.add(
            ops.Elementwise(function="relu", elements=128),
            inputs=[result],
            outputs=[active],
            layer=path,
            native="relu",
        )
        above, last = path if deep else "", active
    return builder.build(inputs=[first], outputs=[last])


def test_many_operations() -> None:
    model = dense_layers(LAYERS)
    with within(20):
        report = analyzer.analyze(model)
        assert len(report.to_dict()["layers"]) == LAYERS + 1
        for layer in report.layers[1:]:
            assert report[layer.path].explain().learnable.value == 16 * 16 + 16


def test_comparing_many_operations() -> None:
    changed = frozenset(range(0, LAYERS, 9))
    a, b = (analyzer.analyze(dense_layers(LAYERS, without_bias=some)) for some in ((), changed))
    with within(30):
        assert analyzer.compare(a, a).verdict == "identical"
        comparison = analyzer.compare(a, b)
    assert comparison.only_a == 0
    assert not comparison.remainder


def test_comparing_two_hundred_layers_takes_no_two_seconds() -> None:
    a, b = (analyzer.analyze(dense_layers(200, without_bias=some)) for some in ((), {1, 90, 198}))
    with within(2):
        found = analyzer.compare(a, b)
    assert found.matched >= 400
    assert not found.remainder


def test_layers_deep_inside_each_other() -> None:
    report = analyzer.analyze(dense_layers(LAYERS, deep=True))
    assert report.layers[1].parameters.total == LAYERS * (16 * 16 + 16)
    assert report.layers[-1].depth == LAYERS
    explanation = report.explain()
    assert sum(1 for _ in explanation.walk()) == LAYERS + 1
    layers = json.loads(explanation.render("json"))["layers"]
    parents = [layer["parent"] for layer in layers]
    assert parents == [None, "", *(layer["path"] for layer in layers[1:-1])]


def test_loops_deep_inside_each_other() -> None:
    builder = ModelBuilder(name="loops", framework="mine", framework_version="1", source="")
    builder.layer("", type="Model")
    x, y = builder.tensor((4,), "float32"), builder.tensor((4,), "float32")
    node: Node | None = None
    for _ in range(LAYERS):
        with builder.body() as nodes:
            operation = (
                ops.Elementwise(function="relu", elements=4)
                if node is None
                else ops.Repeat(body=(node,), times=1)
            )
            builder.add(operation, inputs=[x], outputs=[y], native="any")
        (node,) = nodes
    assert node is not None
    builder.add(node.operation, inputs=[x], outputs=[y], native="any")
    with pytest.raises(ModelError, match="loops: its loops and branches lie deeper"):
        analyzer.analyze(builder.build(inputs=[x], outputs=[y]))
