"""XLA's cost analysis: what it says of each convolution and product of Keras models on JAX."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

import analyzer
from analyzer.engine import Bound
from analyzer.ops import Linear, Repeat
from benchmarks.peers import xla as peers
from tests.graphs import Graph

SMALL = ("1-d", "3-d", "attention", "convolutions", "dense", "transposed")
APPLICATIONS = ("EfficientNetB0", "MobileNet", "MobileNetV2", "ResNet50", "VGG16")


def said(*names: str) -> dict[str, tuple[int, int]]:
    """Run Keras on JAX, in a process of its own: ours and XLA's by name."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.xla_truth", *names],
        env=dict(os.environ, KERAS_BACKEND="jax", TF_CPP_MIN_LOG_LEVEL="3"),
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    found: dict[str, tuple[int, int]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_small_models() -> None:
    found = said(*SMALL)
    assert set(found) == set(SMALL)
    assert not {name: both for name, both in found.items() if both[0] != both[1]}


@pytest.mark.slow
def test_applications() -> None:
    found = said(*APPLICATIONS)
    assert not {name: both for name, both in found.items() if both[0] != both[1]}


def test_the_body_of_a_loop_is_counted_once() -> None:
    """So of recurrent layers the convention says nothing."""
    weight = jax.numpy.zeros((4, 4))

    def steps(times: int) -> int | None:
        def body(state: jax.Array, _: None) -> tuple[jax.Array, None]:
            return state @ weight, None

        start = jax.numpy.zeros((1, 4))
        return peers.xla(lambda x: jax.lax.scan(body, x, length=times)[0], start).flops

    assert steps(2) == steps(200)
    lstm = "torch.nn:LSTM"
    report = analyzer.analyze(
        lstm, (5, 1, 4), arguments={"input_size": 4, "hidden_size": 3}, convention="xla"
    )
    assert not report.coverage.complete


def test_what_is_in_a_loop_is_not_told() -> None:
    """Keras' ConvLSTM2D and SavedModels of recurrent layers run convolutions and products so."""
    dense = Linear(rows=1, in_features=3, out_features=3, bias=False)
    for times, exact in ((3, True), (1, False), (1, True)):
        net = Graph()
        with net.builder.body() as inner:
            net.run(dense, [net.tensor(1, 3)], [net.tensor(1, 3)])
        net.run(Repeat(body=tuple(inner), times=times, exact=exact))
        net.run(dense, [net.tensor(1, 3)], [net.tensor(1, 3)])
        told = analyzer.reconcile(net.build(), conventions=["xla"])["xla"]
        if (times, exact) == (1, True):
            assert (told.number, told.bound) == (2 * 2 * 9, Bound.EXACT)
        else:
            assert told.number == 2 * 9
            assert Bound.LOWER in told.bound
