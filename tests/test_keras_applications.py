"""Every model of ``keras.applications``: parameters by Keras's count, MACs by its graph."""

from __future__ import annotations

from inspect import isclass, isfunction
from typing import Any

import keras
import numpy as np
import pytest

from analyzer import analyze
from tests.keras_truth import graph_macs

MODELS = sorted(
    name
    for name, make in vars(keras.applications).items()
    if isfunction(make) and not isclass(make) and name[0].isupper()
)
QUICK = {"MobileNet", "MobileNetV3Small"}


def test_there_are_no_others() -> None:
    """Each of its modules makes some of them."""
    modules = [one for one in vars(keras.applications).values() if hasattr(one, "preprocess_input")]
    named = {name for module in modules for name in vars(module) if name[0].isupper()}
    assert named <= set(MODELS)


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=() if one in QUICK else pytest.mark.slow) for one in MODELS],
)
def test_an_application(name: str) -> None:
    model: Any = getattr(keras.applications, name)(weights=None)
    shape = (1, *(size or 224 for size in model.input_shape[1:]))  # some leave the size open
    report = analyze(model, shape)

    parameters = report.totals.parameters
    assert parameters.total + parameters.state == model.count_params()
    assert parameters.trainable == sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert parameters.state == sum(int(np.prod(w.shape)) for w in model.non_trainable_weights)
    assert report.totals.macs == graph_macs(model, shape)
    assert report.coverage.complete
    assert not report.notes
