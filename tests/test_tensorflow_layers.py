"""Every layer of Keras both ways: by its operations, and by the graph that TensorFlow makes."""

from __future__ import annotations

from typing import Any

import keras
import pytest
import tensorflow as tf

from analyzer import analyze
from tests.keras_all_layers import BUILT, built
from tests.tensorflow_graphs import counts, work_of

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="Keras makes graphs with TensorFlow"
)

QUICK = {"Conv1D, dilated", "EinsumDense", "GRU", "LayerNormalization"}
SPELLED = {
    "AdaptiveAveragePooling", "AdaptiveMaxPooling", "BatchNormalization", "GlobalMaxPooling",
    "GroupNormalization", "L2Normalization", "LayerNormalization", "RMSNormalization", "gelu",
    "leaky relu", "log sum exp", "prelu", "stft",
}  # fmt: skip
"""What TensorFlow's graph writes as smaller operations; it costs what it writes."""
SPELLED_LAYERS = {
    "ContrastLimitedAdaptiveHistogramEqualization": "limits are two operations, and rounding one",
    "Normalization": "the deviation is worked out from the variance in the graph",
}
OTHERWISE = {
    "StringLookup, weighted counts": "nothing tells its weights from learned ones",
    "TextVectorization": "the graph splits a text, which has as many words as it has",
    "TextVectorization, counts": "the graph splits a text, which has as many words as it has",
    "TextVectorization, open": "the graph splits a text, which has as many words as it has",
}


def traced(model: Any, shapes: list[tuple[int, ...]]) -> Any:
    """Return the graph of a model's call."""
    places = model.inputs
    specs = [tf.TensorSpec(shape, place.dtype) for shape, place in zip(shapes, places, strict=True)]
    call = tf.function(lambda *x: model(x[0] if len(x) == 1 else list(x), training=False))
    return call.get_concrete_function(*specs)


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=() if one in QUICK else pytest.mark.slow) for one in sorted(BUILT)],
)
def test_a_layer_reads_the_same_by_its_graph(name: str) -> None:
    model = built(BUILT[name])
    known = analyze(model)
    found = analyze(traced(model, [(1, *shape) for shape in BUILT[name].shapes]))
    assert not found.coverage.unknown
    if name in OTHERWISE:
        return
    assert found.coverage.complete == known.coverage.complete
    # Variables that only training reads are in no graph of inference.
    assert {**counts(found), "state": 0} == {**counts(known), "state": 0}
    assert counts(found)["state"] <= counts(known)["state"]
    if not SPELLED.intersection(work_of(known)) and name not in SPELLED_LAYERS:
        assert found.totals.flops == known.totals.flops
