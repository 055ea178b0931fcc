"""Layers of files as exporters, converters and optimizers name their nodes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
import torch
import torchvision
from onnx import helper
from torch import nn

import analyzer
from tests.onnx_runs import model, stored
from tests.test_onnx_roles import integers

Layers = dict[str, tuple[str, int]]


def layers(proto: onnx.ModelProto | str) -> Layers:
    """Return type and calls of each layer."""
    return {layer.path: (layer.type, layer.calls) for layer in analyzer.analyze(proto).layers[1:]}


def chain(
    names: list[str],
    *,
    operators: list[str] | None = None,
    weight: str = "{}",
    producer: str = "",
    metadata: dict[str, str] | None = None,
) -> onnx.ModelProto:
    """A chain of nodes with these names; ``operators`` are products with a weight unless told."""
    nodes, weights = [], []
    for at, name in enumerate(names):
        operator = operators[at] if operators else "MatMul"
        reads = ["x" if not at else f"t{at - 1}"]
        if operator == "MatMul":
            reads.append(weight.format(at))
            weights.append(stored(reads[1], 4, 4))
        made = helper.make_node(operator, reads, [f"t{at}"], name)
        if metadata and name in metadata:
            made.metadata_props.add(key="namespace", value=metadata[name])
        nodes.append(made)
    unique = {one.name: one for one in weights}
    proto = model(nodes, {"x": [3, 4]}, [f"t{len(names) - 1}"], list(unique.values()))
    proto.producer_name = producer
    return proto


class Twice(nn.Module):
    """One layer called twice, blocks in a list, and an activation that is shared."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(4, 4)
        self.act = nn.ReLU()
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.GELU()) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.act(self.stem(self.act(self.stem(x))))
        for block in self.blocks:
            x = block(x) + x
        return x


class Perceptron(nn.Module):
    """What ONNX Runtime fuses: products with biases, GELU, a normalised sum."""

    def __init__(self) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(32, 64), nn.Linear(64, 32)
        self.norm1, self.norm2 = nn.LayerNorm(32), nn.LayerNorm(32)
        self.act = nn.GELU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.linear2(self.act(self.linear1(self.norm1(x))))
        y: torch.Tensor = self.norm2(x + hidden)
        return y


def exported(module: nn.Module, example: torch.Tensor, path: Path, **how: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.onnx.export(module.eval(), (example,), str(path), verbose=False, **how)
    return str(path)


@pytest.mark.parametrize("dynamo", [True, False])
def test_calls_of_a_layer_that_is_used_twice(dynamo: bool, tmp_path: Path) -> None:
    found = layers(exported(Twice(), torch.zeros(1, 4), tmp_path / "m.onnx", dynamo=dynamo))
    calls = {path: times for path, (_, times) in found.items()}
    assert calls == {
        "stem": 2,
        "act": 2,
        "blocks.0": 1,
        "blocks.0/blocks.0.0": 1,
        "blocks.0/blocks.0.1": 1,
        "blocks.1": 1,
        "blocks.1/blocks.1.0": 1,
        "blocks.1/blocks.1.1": 1,
    }
    if dynamo:
        assert found["stem"][0] == "Linear"
        assert found["blocks.1"][0] == "Sequential"


def test_a_folded_batch_norm_leaves_the_convolution_its_name(tmp_path: Path) -> None:
    module = torchvision.models.resnet18(weights=None)
    modules = {name for name, one in module.named_modules() if isinstance(one, nn.Conv2d)}
    path = exported(module, torch.zeros(1, 3, 64, 64), tmp_path / "m.onnx", dynamo=True)
    report = analyzer.analyze(path)
    named = {layer.path.rpartition("/")[2] for layer in report.layers if layer.type == "Conv"}
    assert named == {name.rpartition(".")[2] for name in modules} - {"0"} | {"downsample.0"}
    assert sum(layer.type == "Conv" for layer in report.layers) == len(modules)
    assert not any(layer.type == "BatchNorm2d" for layer in report.layers)
    assert report["layer1/layer1.0/relu"].calls == 2


@pytest.mark.parametrize("dynamo", [True, False])
def test_files_that_onnx_runtime_optimised(dynamo: bool, tmp_path: Path) -> None:
    """Fused nodes are in the layers that they were in, with all their MACs."""
    module = Perceptron()
    with torch.no_grad():  # exporters keep one of several equal tensors
        for parameter in module.parameters():
            parameter.normal_()
    path = exported(module, torch.zeros(2, 10, 32), tmp_path / "m.onnx", dynamo=dynamo)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    before, after = analyzer.analyze(path), analyzer.analyze(str(tmp_path / "optimised.onnx"))
    assert after.totals.macs == before.totals.macs
    assert after.coverage.complete
    for name in ("linear1", "linear2"):
        assert after[name].macs == before[name].macs
        assert after[name].calls == 1
    assert not any("Fusion" in layer.path or "fused" in layer.path for layer in after.layers)


FILES: dict[str, tuple[onnx.ModelProto, Layers]] = {
    "TensorFlow": (
        chain(
            [
                "model/block/conv/Conv2D",
                "model/block/conv/Relu",
                "Transpose__7",
                "model/out/MatMul",
            ],
            operators=["MatMul", "Relu", "Identity", "MatMul"],
            producer="tf2onnx",
        ),
        {
            "model": ("Scope", 1),
            "model/block": ("Scope", 1),
            "model/block/conv": ("MatMul", 1),
            "model/out": ("MatMul", 1),
        },
    ),
    "a saved model": (
        chain(
            [
                "StatefulPartitionedCall/net/a/MatMul",
                "StatefulPartitionedCall/net/b/MatMul;net/b/Add",
            ],
            producer="tf2onnx",
        ),
        {"net": ("Scope", 1), "net/a": ("MatMul", 1), "net/b": ("MatMul", 1)},
    ),
    "Keras numbers layers, and they stay apart": (
        chain(
            ["m/flatten/Relu", "m/flatten_1/Relu"], operators=["Relu", "Relu"], producer="tf2onnx"
        ),
        {"m": ("Scope", 1), "m/flatten": ("Scope", 1), "m/flatten_1": ("Scope", 1)},
    ),
    "PaddlePaddle": (
        chain(["p2o.MatMul.0", "p2o.MatMul.1"], weight="linear_{}.w_0", producer="PaddlePaddle"),
        {"linear_0": ("MatMul", 1), "linear_1": ("MatMul", 1)},
    ),
    "PaddlePaddle's dotted names": (
        chain(["MatMul.0", "MatMul.1"], weight="blocks.{}.fc.weight"),
        {
            "blocks": ("Scope", 1),
            "blocks/blocks.0": ("Scope", 1),
            "blocks/blocks.0/fc": ("MatMul", 1),
            "blocks/blocks.1": ("Scope", 1),
            "blocks/blocks.1/fc": ("MatMul", 1),
        },
    ),
    "scikit-learn": (
        chain(["MatMul", "MatMul1"], weight="coefficient{}"),
        {"MatMul": ("MatMul", 1), "MatMul1": ("MatMul", 1)},
    ),
    "MXNet": (
        chain(["stage1_fc1", "stage1_fc2"], weight="stage1_fc{}_weight", producer="MXNet"),
        {"stage1_fc0": ("MatMul", 1), "stage1_fc1": ("MatMul", 1)},
    ),
    "Core ML": (
        chain(["Dense_0", "Dense_1"], weight="dense_{}_W", producer="OnnxMLTools"),
        {"dense_0": ("MatMul", 1), "dense_1": ("MatMul", 1)},
    ),
    "no names at all": (
        chain(["", ""]),
        {"MatMul_0": ("MatMul", 1), "MatMul_1": ("MatMul", 1)},
    ),
    "an optimizer's own nodes": (
        chain(
            ["fused /enc/fc0/Gemm", "Attention_0", "/enc/fc2/MatMul/MatMulAddFusion"],
            weight="enc.fc{}.weight",
            producer="pytorch",
        ),
        {
            "enc": ("Scope", 1),
            "enc/fc0": ("MatMul", 1),
            "enc/fc1": ("MatMul", 1),
            "enc/fc2": ("MatMul", 1),
        },
    ),
    "PyTorch's exporter before it wrote lists": (
        chain(
            ["node_a", "node_b"],
            metadata={
                "node_a": ": net.Net/enc: net.Encoder/enc.fc: torch.nn.Linear/linear: aten.linear",
                "node_b": ": net.Net/head: torch.nn.Linear/linear_1: aten.linear",
            },
        ),
        {"enc": ("Encoder", 1), "enc/fc": ("Linear", 1), "head": ("Linear", 1)},
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_names(name: str) -> None:
    proto, expected = FILES[name]
    assert layers(proto) == expected


def test_every_mac_is_in_a_layer_and_depth_cuts_the_tree() -> None:
    report = analyzer.analyze(FILES["TensorFlow"][0])
    assert report["model"].macs == report.totals.macs == 2 * 3 * 4 * 4
    assert "block/conv" not in report.render("csv", depth=2)
    assert "block/conv" in report.render("csv", depth=3)


def test_modules_that_an_older_exporter_kept_as_functions() -> None:
    """Each call of such a function is a layer, with those inside its body in it."""
    inner = helper.make_node("MatMul", ["a", "w"], ["b"], "fc/MatMul")
    function = helper.make_function(
        "pkg.torch.2.3.0", "torch_nn_Block", ["a", "w"], ["b"], [inner],
        [helper.make_opsetid("", 17)],
    )  # fmt: skip
    calls = [
        helper.make_node("torch_nn_Block", ["x", "k"], ["h"], "block_1", domain="pkg.torch.2.3.0"),
        helper.make_node("torch_nn_Block", ["h", "k"], ["y"], "block_2", domain="pkg.torch.2.3.0"),
    ]
    proto = model(calls, {"x": [3, 4]}, ["y"], [stored("k", 4, 4)])
    proto.opset_import.append(helper.make_opsetid("pkg.torch.2.3.0", 1))
    proto.functions.append(function)
    assert layers(proto) == {
        "block_1": ("torch_nn_Block", 1),
        "block_1/fc": ("MatMul", 1),
        "block_2": ("torch_nn_Block", 1),
        "block_2/fc": ("MatMul", 1),
    }


def test_what_a_loop_holds_is_in_the_layer_of_the_loop() -> None:
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["again"]),
            helper.make_node("MatMul", ["h", "k"], ["h2"]),
        ],
        "body",
        [helper.make_tensor_value_info(name, kind, ()) for name, kind in (("i", 7), ("go", 9))]
        + [helper.make_tensor_value_info("h", 1, None)],
        [onnx.ValueInfoProto(name=name) for name in ("again", "h2")],
    )
    made = helper.make_node("Loop", ["m", "", "x"], ["y"], "net/rnn/while", body=body)
    proto = model([made], {"x": [3, 4]}, ["y"], [integers("m", 5), stored("k", 4, 4)])
    report = analyzer.analyze(proto)
    assert report["net/rnn"].macs == report.totals.macs == 5 * 3 * 4 * 4
