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

FLAX = """
from flax import linen
from keras import layers

class Layer(linen.Module):
    @linen.compact
    def __call__(self, inputs, training):
        x = linen.Dropout(0.5, deterministic=not training)(linen.Dense(4)(inputs))
        return linen.tanh(x)

foreign = layers.FlaxLayer(Layer())
"""

UNBUILT = """
import json
import random
import keras
import numpy as np
from flax import linen
from analyzer import analyze

class Layer(linen.Module):
    @linen.compact
    def __call__(self, inputs, training):
        x = linen.Conv(4, (3,), use_bias=False)(inputs)
        return linen.BatchNorm(use_running_average=not training)(x)

class Model(keras.Model):
    def __init__(self):
        super().__init__()
        self.foreign = keras.layers.FlaxLayer(Layer(), name="foreign")
        self.head = keras.layers.Dense(3, name="head")

    def call(self, x):
        return self.head(self.foreign(x))

def states():
    seeds = keras.src.backend.common.global_state.get_global_attribute("global_seed_generator")
    return random.getstate(), seeds

model, before = Model(), states()
image = np.ones((2, 9, 5), "float32")
report = analyze(model, image)
assert states() == before
assert model.foreign.params is None
model(image)
print(json.dumps({
    "macs": report.totals.macs,
    "again": analyze(model, image).totals.macs,
    "counted": model.count_params(),
    "roles": {parameter.name: parameter.role for parameter in report.model.parameters},
    "parameters": report.totals.parameters.total,
    "state": report.totals.parameters.state,
}))
"""

TORCH = """
import torch
from keras import layers

module = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.Tanh(), torch.nn.Dropout())
foreign = layers.TorchModuleWrapper(module, output_shape=(None, 4))
"""


def on_backend(backend: str, code: str) -> dict[str, Any]:
    return run(backend, code + REPORT + (UNTOUCHED if code is TORCH else ""))


def run(backend: str, code: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "code"), [("jax", JAX), ("jax", FLAX), ("torch", TORCH)])
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
def test_a_module_of_flax_is_built_where_it_stands_and_its_variables_are_called_as_it_does() -> (
    None
):
    found = run("jax", UNBUILT)
    assert found["macs"] == found["again"] == 2 * 9 * (3 * 5 * 4 + 4 * 3)
    assert found["parameters"] + found["state"] == found["counted"]
    assert found["roles"] == {
        "foreign/BatchNorm_0/bias": "bias",
        "foreign/BatchNorm_0/scale": "scale",
        "foreign/Conv_0/kernel": "kernel",
        "foreign/batch_stats/BatchNorm_0/mean": "running mean",
        "foreign/batch_stats/BatchNorm_0/var": "running variance",
        "head/bias": "bias",
        "head/kernel": "kernel",
    }


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
