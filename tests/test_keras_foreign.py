"""Layers of Keras that hold models of other frameworks, each on the backend that can run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from analyzer import analyze

layers = keras.layers

REPORT = """
import json
import keras
from keras import layers
from analyzer import analyze

model = keras.Sequential([layers.Input((8,)), foreign, layers.Dense(3)])
report = analyze(model, batch_size=2)
print(json.dumps({
    "macs": report.totals.macs,
    "flops": report.totals.flops,
    "parameters": report.totals.parameters.total,
    "state": report.totals.parameters.state,
    "counted": model.count_params(),
    "layers": sorted({node.layer for node in report.model.nodes}),
    "roles": sorted(parameter.role for parameter in report.model.parameters),
    "complete": report.coverage.complete,
    "notes": report.notes,
}))
"""

UNTOUCHED = """
assert all(one.training for one in module.modules())
"""

JAX = """
import jax.numpy as jnp
from keras import layers

def init(rng, inputs, training):
    return {"w": jnp.ones((inputs.shape[-1], 4)), "b": jnp.zeros(4)}

def call(params, inputs, training):
    return jnp.tanh(inputs @ params["w"] + params["b"])

foreign = layers.JaxLayer(call_fn=call, init_fn=init)
"""

TORCH = """
import torch
from keras import layers

module = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.Tanh(), torch.nn.Dropout())
foreign = layers.TorchModuleWrapper(module, output_shape=(None, 4))
"""


def on_backend(backend: str, code: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", code + REPORT + (UNTOUCHED if code is TORCH else "")],
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "code"), [("jax", JAX), ("torch", TORCH)])
def test_a_model_of_the_backend_is_read_as_layers_of_keras_are(backend: str, code: str) -> None:
    like = keras.Sequential(
        [layers.Input((8,)), layers.Dense(4, activation="tanh"), layers.Dense(3)]
    )
    expected = analyze(like, batch_size=2)
    found = on_backend(backend, code)
    assert found["complete"], found["notes"]
    assert found["macs"] == expected.totals.macs
    assert found["flops"] == expected.totals.flops
    assert found["parameters"] == found["counted"] == like.count_params()
    assert found["roles"] == sorted(one.role for one in expected.model.parameters)


@pytest.mark.slow
def test_a_model_of_jax_in_tensorflow_is_a_compiled_whole() -> None:
    """TensorFlow's graph holds it as one operation, which is named and not counted."""
    found = on_backend("tensorflow", JAX)
    assert not found["complete"]
    assert "XlaCallModule" in found["notes"][0]
    assert found["parameters"] == found["counted"]


def test_a_saved_model_is_a_layer(tmp_path: Path) -> None:
    saved = keras.Sequential(
        [layers.Input((8,)), layers.Dense(4, activation="tanh"), layers.BatchNormalization()]
    )
    saved.export(tmp_path, verbose=False)
    foreign = layers.TFSMLayer(str(tmp_path))
    model = keras.Sequential([layers.Input((8,)), foreign, layers.Dense(3)])
    report = analyze(model)

    assert report.coverage.complete
    assert report.totals.macs == 8 * 4 + 4 * 3
    parameters = report.totals.parameters
    assert parameters.total + parameters.state == model.count_params()
    assert parameters.trainable == sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    roles = [one.role for one in report.model.parameters if one.name.endswith("kernel:0")]
    assert roles == ["kernel"]
