"""What is measured, each in a process of its own: reports in turns with the other tools.

Frameworks are imported in functions: each process has only what its subject needs.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.measuring import in_turns

__all__ = ["OURS", "classifiers", "keras", "large", "light", "network", "whole"]

OURS = "model-analyzer"

WITHOUT_DATA = ("flop counter, meta",)

Found = dict[str, Any]


def ours(model: Any, *inputs: Any) -> Found:
    """Make a whole report, and say what it took; then what the engine takes of that."""
    import analyzer
    from analyzer.analysis import report_on

    start = time.process_time()
    report = analyzer.analyze(model, *inputs)
    seconds = time.process_time() - start
    start = time.process_time()
    report_on(report.model, report.convention)
    engine = time.process_time() - start
    return {"seconds": seconds, "engine": engine, "macs": report.totals.macs, "failed": ""}


def theirs(tool: Callable[..., Any], *given: Any) -> Found:
    """Run another tool, and say what it took: that its model was copied before is not in it."""
    found = tool(*given)
    macs = found.macs
    if macs is None and found.flops is not None:  # what fvcore calls flops are MACs
        macs = found.flops if found.tool == "fvcore" else found.flops / 2
    return {"seconds": found.processor_seconds, "macs": macs, "failed": found.failed}


def contest(contenders: Mapping[str, Callable[[], Found]], rounds: int) -> Found:
    """Run contenders in turns; who fails in the first round is not asked again."""
    first = {name: call() for name, call in contenders.items()}
    fit = {name: call for name, call in contenders.items() if not first[name]["failed"]}
    given = in_turns(fit, rounds, warm=False)
    return {
        name: {
            **{
                what: [sample[what] for sample in given.get(name, ())]
                for what in ("seconds", "engine")
                if what in found
            },
            "macs": found["macs"],
            "failed": found["failed"],
        }
        for name, found in first.items()
    }


def network(*, name: str, rounds: int) -> Found:
    """Measure a PyTorch module beside each tool; those without data, beside what needs none."""
    from benchmarks.peers.pytorch import APART, TOOLS
    from benchmarks.truth.pytorch import count

    _alone()
    model, inputs = NETWORKS[name]()
    tools = WITHOUT_DATA if inputs.is_meta else [tool for tool in TOOLS if tool not in APART]
    contenders = {OURS: partial(ours, model, inputs)} | {
        tool: partial(theirs, TOOLS[tool], model, inputs) for tool in tools
    }
    truth = None if inputs.is_meta else count(model, inputs).macs
    return {"truth": truth, "tools": contest(contenders, rounds)}


def whole(*, name: str, tool: str) -> Found:
    """Do in a process of its own all that one answer needs: imports, the model, and the tool."""
    _alone()
    model, inputs = NETWORKS[name]()
    if tool == OURS:
        return ours(model, inputs)
    from benchmarks.peers.pytorch import TOOLS

    return theirs(TOOLS[tool], model, inputs)


def _alone() -> None:
    import torch

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)


def _small() -> tuple[Any, Any]:
    import torch
    from torch import nn

    layers = (
        *(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)),
    )
    return nn.Sequential(*layers).eval(), torch.ones(1, 3, 32, 32)


def _classifier(name: str) -> tuple[Any, Any]:
    import torch
    from torchvision.models import get_model

    return get_model(name).eval(), torch.ones(1, 3, 224, 224)


def _bert() -> tuple[Any, Any]:
    import torch
    from transformers import BertConfig, BertModel

    return BertModel(BertConfig()).eval(), torch.ones(1, 128, dtype=torch.int64)


def _llama() -> tuple[Any, Any]:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=8192,
        intermediate_size=28672,
        num_hidden_layers=80,
        num_attention_heads=64,
        num_key_value_heads=8,
        vocab_size=128256,
    )
    with torch.device("meta"):
        model = LlamaForCausalLM(config).eval()
        return model, torch.ones(1, 128, dtype=torch.int64)


NETWORKS: Mapping[str, Callable[[], tuple[Any, Any]]] = {
    "BERT-base": _bert,
    "Llama-3-70B": _llama,
    "ResNet-50": partial(_classifier, "resnet50"),
    "ViT-B/16": partial(_classifier, "vit_b_16"),
    "small CNN": _small,
}
"""Makers of PyTorch modules and of what they are called with."""


def classifiers(*, most: int | None) -> Found:
    """Measure the classifiers of torchvision, without data, once each after a first of all."""
    import torch
    import torchvision

    from benchmarks.peers.pytorch import flop_counter_on_meta

    _alone()
    found = {}
    for name in torchvision.models.list_models(module=torchvision.models)[:most]:
        with torch.device("meta"):
            model, image = _classifier(name)
        contenders = {
            OURS: partial(ours, model, image),
            "flop counter, meta": partial(theirs, flop_counter_on_meta, model, image),
        }
        found[name] = contest(contenders, 1)
    return {"models": found}


def light(*, rounds: int, most: int | None) -> Found:
    """Measure the light models that come with onnx, loaded before, beside onnx-tool."""
    import onnx

    from benchmarks.peers.onnx import onnx_tool

    spec = find_spec("onnx")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "backend/test/data/light"
    found = {}
    for path in sorted(folder.glob("*.onnx"))[:most]:
        model = onnx.load(path)
        contenders = {
            OURS: partial(ours, model),
            "onnx-tool": partial(theirs, onnx_tool, model),
        }
        found[path.stem] = contest(contenders, rounds)
    return {"models": found}


def keras(*, rounds: int) -> Found:
    """Measure ResNet50 of Keras beside TensorFlow's profiler."""
    import tensorflow as tf
    from keras.applications import ResNet50

    from benchmarks.peers.keras import tensorflow_profiler
    from benchmarks.truth.tensorflow import count

    model = ResNet50(weights=None)
    contenders = {
        OURS: partial(ours, model),
        "tensorflow profiler": partial(theirs, tensorflow_profiler, model),
    }
    image = tf.zeros((1, 224, 224, 3))
    truth = count(partial(model, training=False), image, learned=model.trainable_variables)
    return {"truth": truth.macs, "tools": contest(contenders, rounds)}


def large(*, path: str, by: str) -> Found:
    """Read a large file in one way; what it took is what the whole process took."""
    if by == OURS:
        import analyzer

        return {"macs": analyzer.analyze(path).totals.macs}
    import onnx

    onnx.load(path)
    return {"macs": None}
