"""What is read of KerasHub's backbones, and what PyTorch counts when they run.

Run as a program under a ``KERAS_BACKEND``, with names of models or none for all; it writes what it
found as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import keras
import keras_hub

from analyzer import analyze
from tests.keras_hub_models import MODELS, input_shapes
from tests.keras_torch_truth import counted_macs


def found(name: str) -> dict[str, Any]:
    """Return what is read of a model, and what is counted of its run where that works."""
    model = MODELS[name](keras_hub)
    shapes = input_shapes(name, model)
    report = analyze(model, shapes)
    parameters = report.totals.parameters
    result = {
        "macs": report.totals.macs,
        "unknown": [one.operation for one in report.coverage.unknown],
        "parameters": parameters.total + parameters.state,
        "count_params": model.count_params(),
        "trainable": parameters.trainable,
        "trainable_params": sum(one.size for one in map(_array, model.trainable_variables)),
    }
    if keras.backend.backend() == "torch" and not result["unknown"]:
        inputs = [
            keras.ops.ones(shapes[one._keras_history.operation.name], dtype=one.dtype)
            for one in model.inputs
        ]
        structure = keras.tree.pack_sequence_as(model._inputs_struct, inputs)
        result["counted"] = counted_macs(model, structure)
    return result


def _array(variable: Any) -> Any:
    return keras.ops.convert_to_numpy(variable)


if __name__ == "__main__":
    json.dump({name: found(name) for name in sys.argv[1:] or MODELS}, sys.stdout)
