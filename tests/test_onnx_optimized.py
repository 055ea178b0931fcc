"""Files that ONNX Runtime's own tools make: fused, quantised, packed. What is counted stays."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model

import analyzer
from analyzer import Report
from analyzer.comparing.reasons import CONSTANTS, FOLDED_CONSTANTS, MASKS, QUANTISED
from tests.onnx_spelled import build, numbers, op

WIDTH, HEADS, TOKENS = 32, 4, 8


def layer(source: str, name: str, wide: int) -> tuple[list[Any], dict[str, Any]]:
    """Return a dense layer with GELU and one back, their sum with the source, normalised."""
    nodes = [
        op("MatMul", f"{source} {name}.a", f"{name}.1"),
        op("Add", f"{name}.1 {name}.b", f"{name}.2"),
        op("Div", f"{name}.2 root", f"{name}.3"),
        op("Erf", f"{name}.3", f"{name}.4"),
        op("Add", f"{name}.4 one", f"{name}.5"),
        op("Mul", f"{name}.2 {name}.5", f"{name}.6"),
        op("Mul", f"{name}.6 half", f"{name}.7"),
        op("MatMul", f"{name}.7 {name}.c", f"{name}.8"),
        op("Add", f"{name}.8 {name}.d", f"{name}.9"),
        op("Add", f"{name}.9 {source}", f"{name}.10"),
        op("LayerNormalization", f"{name}.10 {name}.g {name}.o", name, epsilon=1e-5),
    ]
    weights = {
        f"{name}.a": numbers(WIDTH, wide), f"{name}.b": numbers(wide),
        f"{name}.c": numbers(wide, WIDTH), f"{name}.d": numbers(WIDTH),
        f"{name}.g": numbers(WIDTH, seed=1), f"{name}.o": numbers(WIDTH, seed=2),
        "root": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5),
    }  # fmt: skip
    return nodes, weights


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with embeddings and two layers, spelled out."""
    nodes, weights = [op("Gather", "table i", "x")], {"table": numbers(100, WIDTH)}
    for source, name, wide in (("x", "first", 64), ("first", "y", 96)):
        more, stored = layer(source, name, wide)
        nodes += more
        weights |= stored
    model = build(nodes, {"i": numbers(2, TOKENS, dtype=np.int64)}, weights, ["y"], opset=17)
    path = tmp_path_factory.mktemp("optimized") / "network.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with two convolutions, a sum, a pooling and a dense layer."""
    nodes = [
        op("Conv", "x a ab", "1", pads=[1] * 4),
        op("Relu", "1", "2"),
        op("Conv", "2 b bb", "3", pads=[1] * 4, group=2),
        op("Add", "2 3", "4"),
        op("Sigmoid", "4", "5"),
        op("Mul", "4 5", "6"),
        op("GlobalAveragePool", "6", "7"),
        op("Flatten", "7", "8"),
        op("Gemm", "8 c cb", "y", transB=1),
    ]
    weights = {
        "a": numbers(8, 3, 3, 3), "ab": numbers(8), "b": numbers(8, 4, 3, 3),
        "bb": numbers(8, seed=1), "c": numbers(5, 8), "cb": numbers(5),
    }  # fmt: skip
    model = build(nodes, {"x": numbers(1, 3, 16, 16)}, weights, ["y"], opset=17)
    path = tmp_path_factory.mktemp("optimized") / "images.onnx"
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


@contextmanager
def silence() -> Iterator[None]:
    """Keep the tools' own advice out of the tests."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def complete(path: Path) -> Report:
    report = analyzer.analyze(str(path))
    assert report.coverage.complete, report.coverage.unknown
    return report


def operators(path: Path) -> set[str]:
    return {node.op_type for node in onnx.load(path).graph.node}


def same_weights_and_macs(before: Path, after: Path) -> tuple[Report, Report]:
    plain, changed = complete(before), complete(after)
    assert changed.totals.macs == plain.totals.macs
    assert changed.totals.parameters.total == plain.totals.parameters.total
    assert changed.totals.parameters.active == plain.totals.parameters.active
    return plain, changed


def reasons(a: Report, b: Report) -> set[str]:
    """Return the reasons for what differs in parameters and work.

    A file stores as constants what an operator takes as a setting: that is none.
    """
    found = analyzer.compare(a, b)
    assert not found.remainder
    assert found.verdict == "equivalent"
    return {
        difference.reason
        for difference in found.differences
        if replace(difference.amount, constants=0, stored_bytes=0) or difference.reason == QUANTISED
    }


def optimized(before: Path, after: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(after)
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(before), options, providers=["CPUExecutionProvider"])


def test_a_file_that_the_runtime_has_optimized(network: Path, tmp_path: Path) -> None:
    after = tmp_path / "after.onnx"
    optimized(network, after)
    assert {"SkipLayerNormalization", "BiasGelu"} & operators(after)
    plain, changed = same_weights_and_macs(network, after)
    assert changed.totals.flops == plain.totals.flops
    assert not reasons(plain, changed)


def test_images_that_the_runtime_has_optimized(images: Path, tmp_path: Path) -> None:
    after = tmp_path / "after.onnx"
    optimized(images, after)
    assert "FusedConv" in operators(after)
    plain, changed = same_weights_and_macs(images, after)
    assert changed.totals.flops == plain.totals.flops
    assert not reasons(plain, changed)


def test_weights_of_eight_bits_and_activations_that_are_measured(
    network: Path, tmp_path: Path
) -> None:
    for per_channel in (False, True):
        after = tmp_path / f"after{per_channel}.onnx"
        with silence():
            quantize_dynamic(network, after, per_channel=per_channel)
        assert {"DynamicQuantizeLinear", "MatMulInteger"} <= operators(after)
        plain, changed = same_weights_and_macs(network, after)
        dense = 2 * WIDTH * (64 + 96) + 100 * WIDTH
        small = plain.totals.memory.parameter_bytes - 3 * dense
        assert changed.totals.memory.parameter_bytes == small
        # The product of the scales of a stored table and of its reader is known before any run.
        assert reasons(plain, changed) - {FOLDED_CONSTANTS} == {"quantised"}


@pytest.mark.parametrize(
    ("bits", "shape"),
    [(4, QuantFormat.QOperator), (8, QuantFormat.QOperator), (4, QuantFormat.QDQ)],
)
def test_weights_that_are_packed(
    network: Path, tmp_path: Path, bits: int, shape: QuantFormat
) -> None:
    after = tmp_path / "after.onnx"
    with silence():
        tool = MatMulNBitsQuantizer(
            onnx.load(network), bits=bits, block_size=16, quant_format=shape
        )
        tool.process()
    tool.model.save_model_to_file(str(after))
    kind = "MatMulNBits" if shape is QuantFormat.QOperator else "DequantizeLinear"
    assert kind in operators(after)
    plain, changed = same_weights_and_macs(network, after)
    dense = 2 * WIDTH * (64 + 96)
    saved = dense * 4 - dense * bits // 8
    assert changed.totals.memory.parameter_bytes == plain.totals.memory.parameter_bytes - saved
    assert reasons(plain, changed) == {"quantised"}


class _Images(CalibrationDataReader):  # type: ignore[misc]  # the tool has no types
    def __init__(self) -> None:
        self.left = iter([{"x": numbers(1, 3, 16, 16)}] * 2)

    def get_next(self) -> dict[str, Any] | None:
        return next(self.left, None)


@pytest.mark.parametrize("shape", [QuantFormat.QOperator, QuantFormat.QDQ])
@pytest.mark.parametrize("per_channel", [False, True])
def test_images_of_eight_bits(
    images: Path, tmp_path: Path, shape: QuantFormat, per_channel: bool
) -> None:
    after = tmp_path / "after.onnx"
    with silence():
        quantize_static(images, after, _Images(), quant_format=shape, per_channel=per_channel)
    if shape is QuantFormat.QOperator:
        assert {"QLinearAdd", "QLinearConv", "QGemm"} <= operators(after)
    plain, changed = same_weights_and_macs(images, after)
    assert changed.totals.parameters.constants
    kernels = 8 * 27 + 8 * 36 + 40  # biases become integers of 32 bits
    small = plain.totals.memory.parameter_bytes - 3 * kernels
    assert changed.totals.memory.parameter_bytes == small
    assert reasons(plain, changed) == {"quantised"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("attention", ["Attention", "MultiHeadAttention"])
def test_a_language_model_that_is_fused_by_its_own_tool(attention: str, tmp_path: Path) -> None:
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(
        hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS, intermediate_size=64,
        vocab_size=100, max_position_embeddings=TOKENS, attn_implementation="eager",
    )  # fmt: skip
    bert = BertModel(config, add_pooling_layer=False).eval()
    for parameter in bert.parameters():
        torch.nn.init.normal_(parameter)

    class Wrapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = bert

        def forward(self, ids: Any, mask: Any, types: Any) -> Any:
            found = self.bert(input_ids=ids, attention_mask=mask, token_type_ids=types)
            return found.last_hidden_state

    ids = torch.ones(2, TOKENS, dtype=torch.long)
    before, after = tmp_path / "before.onnx", tmp_path / "after.onnx"
    arguments: Sequence[Any] = (ids, ids, torch.zeros_like(ids))
    with silence():
        torch.onnx.export(
            Wrapped().eval(), tuple(arguments), str(before), dynamo=False, opset_version=17,
            input_names=["ids", "mask", "types"], output_names=["y"],
        )  # fmt: skip
        options = FusionOptions("bert")
        options.use_multi_head_attention = attention == "MultiHeadAttention"
        tool = optimize_model(
            str(before), model_type="bert", num_heads=HEADS, hidden_size=WIDTH, opt_level=0,
            optimization_options=options,
        )  # fmt: skip
    tool.save_model_to_file(str(after))
    assert {attention, "BiasGelu", "SkipLayerNormalization"} <= operators(after)
    plain, changed = same_weights_and_macs(before, after)
    # The exported graph adds a mask that the whole operation selects by.
    assert reasons(plain, changed) == {"Attention whole or spelled out", MASKS}
    found = analyzer.compare(analyzer.analyze(Wrapped().eval(), tuple(arguments)), changed)
    named = (CONSTANTS, FOLDED_CONSTANTS, MASKS, "whole or spelled out")
    assert all(difference.reason.endswith(named) for difference in found.differences)
