"""What is read of tasks of KerasHub, quantised or not, and of one step of their generation.

Run as a program under a ``KERAS_BACKEND``; it writes what it found as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import keras
import keras_hub

from analyzer import analyze
from tests.keras_hub_models import MODELS, input_shapes

TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "BartSeq2SeqLM": ("BART", {}),
    "BertTextClassifier": ("BERT", {"num_classes": 3}),
    "GPT2CausalLM": ("GPT-2", {}),
    "GemmaCausalLM": ("Gemma", {}),
    "LlamaCausalLM": ("Llama", {}),
    "ResNetImageClassifier": ("ResNet", {"num_classes": 3}),
    "ViTImageClassifier": ("ViT", {"num_classes": 3}),
}
"""Name of the class → its backbone, and what else it takes."""

GENERATING = ("BartSeq2SeqLM", "GPT2CausalLM", "GemmaCausalLM", "LlamaCausalLM")
MODES = ("", "int8", "int4", "float8")


class Generating(keras.Model):  # type: ignore[misc]
    """A model that makes words until a sequence is full."""

    def __init__(self, task: Any) -> None:
        super().__init__(name="generating")
        self.task = task
        self.built = True

    def call(self, inputs: Any) -> Any:
        return self.task.generate_step(inputs, stop_token_ids=None)


def made(name: str) -> tuple[Any, dict[str, tuple[int, ...]]]:
    backbone, settings = TASKS[name]
    task = getattr(keras_hub.models, name)(MODELS[backbone](keras_hub), **settings)
    return task, input_shapes(backbone, task)


def found(model: Any, shapes: Any) -> dict[str, Any]:
    report = analyze(model, shapes)
    parameters = report.totals.parameters
    return {
        "macs": report.totals.macs,
        "unknown": [one.operation for one in report.coverage.unknown],
        "total": parameters.total,
        "total and state": parameters.total + parameters.state,
        "count_params": model.count_params(),
    }


def main() -> None:
    results = {}
    every = keras.backend.backend() == "torch"
    for name in TASKS if every else ("LlamaCausalLM",):
        for mode in MODES:
            task, shapes = made(name)
            if mode:
                task.quantize(mode)
            results[f"{name} {mode}".strip()] = found(task, shapes)
    for name in GENERATING:
        task, shapes = made(name)
        task.compile(sampler="greedy")
        results[f"{name} generating"] = found(Generating(task), shapes)
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
