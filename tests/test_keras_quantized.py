"""Quantised layers: the work of what was learned, stored in fewer bits; and LoRA beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras.quantizers import AWQConfig, GPTQConfig

from analyzer import analyze
from tests.keras_truth import graph_macs

layers = keras.layers

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"  # what Keras does with NumPy 2
)

QUANTIZED: dict[str, tuple[tuple[int, ...], str, Callable[[], Any]]] = {
    "Dense": ((16,), "float32", lambda: layers.Dense(8)),
    "EinsumDense": (
        (7, 16),
        "float32",
        lambda: layers.EinsumDense("abc,cd->abd", output_shape=(7, 8), bias_axes="d"),
    ),
    "Embedding": ((5,), "int32", lambda: layers.Embedding(50, 8)),
    "ReversibleEmbedding": ((5,), "int32", lambda: layers.ReversibleEmbedding(50, 8)),
}


def model_of(name: str) -> Any:
    shape, dtype, make = QUANTIZED[name]
    model = keras.Sequential([layers.Input(shape, dtype=dtype), make()])
    assert model.built
    return model


def stored_bytes(model: Any, *names: str) -> int:
    return sum(
        np.prod(variable.shape) * np.dtype(variable.dtype).itemsize
        for variable in model.variables
        if variable.name in names
    )


@pytest.mark.parametrize("mode", ["int8", "int4"])
@pytest.mark.parametrize("name", sorted(QUANTIZED))
def test_fewer_bits_are_as_many_weights_and_as_many_products(name: str, mode: str) -> None:
    model = model_of(name)
    before = analyze(model)
    model.layers[0].quantize(mode)
    after = analyze(model)

    assert after.coverage.complete
    assert after.totals.macs == before.totals.macs
    assert after.totals.parameters.total == before.totals.parameters.total
    assert after.totals.parameters.trainable == sum(
        np.prod(w.shape) for w in model.trainable_weights
    )
    kernels = [one for one in after.model.parameters if one.role in ("kernel", "embedding")]
    assert {one.dtype for one in kernels if one.name.endswith(("kernel", "embeddings"))} == {mode}
    everything = sum(one.stored_bytes for one in after.model.parameters)
    assert everything == stored_bytes(model, *(variable.name for variable in model.variables))
    if mode == "int4":  # TensorFlow has a product of its own for 8 bits
        shape, dtype, _ = QUANTIZED[name]
        assert after.totals.macs == graph_macs(model, (1, *shape), dtype=dtype)


@pytest.mark.parametrize("name", ["Dense", "EinsumDense"])
def test_scales_of_float8_are_state(name: str) -> None:
    """Keras calls them trainable, but no optimizer learns them: they are overwritten."""
    model = model_of(name)
    before = analyze(model).totals
    model.layers[0].quantize("float8")
    after = analyze(model)
    parameters = after.totals.parameters
    assert after.coverage.complete
    assert after.totals.macs == before.macs
    assert parameters.total == before.parameters.total
    assert parameters.total + parameters.state == model.count_params()
    assert parameters.trainable == sum(
        np.prod(w.shape) for w in model.trainable_weights if not w.overwrite_with_gradient
    )


@pytest.mark.parametrize(("mode", "settings"), [("awq", AWQConfig), ("gptq", GPTQConfig)])
def test_packed_weights_count_as_if_unpacked(mode: str, settings: Any) -> None:
    model = model_of("Dense")
    dense = model.layers[0]
    products = analyze(model).totals.macs
    config = settings(dataset=None, tokenizer=None, weight_bits=4, group_size=8)
    dense.quantize(mode, config=config)
    setattr(dense, f"is_{mode}_calibrated", True)  # calibration itself wants data
    report = analyze(model)
    assert report.coverage.complete
    assert report.totals.macs == products
    (packed,) = [one for one in report.model.parameters if one.dtype == "int4"]
    assert packed.elements == 16 * 8
    assert packed.stored_bytes == packed.elements // 2


def low_rank(name: str) -> Any:
    model = model_of(name)
    model.layers[0].enable_lora(2)
    return model


@pytest.mark.parametrize("name", sorted(set(QUANTIZED) - {"ReversibleEmbedding"}))
def test_low_rank_weights_are_learned_and_the_others_frozen(name: str) -> None:
    model = low_rank(name)
    report = analyze(model)
    shape, dtype, _ = QUANTIZED[name]
    assert report.coverage.complete
    assert report.totals.parameters.total == model.count_params()
    assert report.totals.parameters.trainable == sum(
        np.prod(w.shape) for w in model.trainable_weights
    )
    assert report.totals.macs == graph_macs(model, (1, *shape), dtype=dtype)


def test_a_convolution_has_low_rank_weights_too() -> None:
    model = keras.Sequential([layers.Input((9, 16)), layers.Conv1D(8, 3)])
    assert model.built
    model.layers[0].enable_lora(2)
    report = analyze(model)
    assert report.totals.parameters.total == model.count_params()
    assert report.totals.macs == graph_macs(model, (1, 9, 16))


def test_low_rank_weights_beside_quantised_ones() -> None:
    model = low_rank("Dense")
    model.layers[0].quantize("int8")
    report = analyze(model)
    assert report.coverage.complete
    assert report.totals.macs == 16 * 8 + 16 * 2 + 2 * 8
    assert report.totals.parameters.trainable == sum(
        np.prod(w.shape) for w in model.trainable_weights
    )
