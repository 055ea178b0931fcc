"""Files that ONNX Runtime's own tools quantised, packed or optimised, held to a run of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnxruntime import quantization

import analyzer
from tests.onnx_models import EXPORTERS, NO_OLDER, export, make
from tests.onnx_watched import all_are_counted, feeds_of, macs, ran, specs_for, wrong_shapes

Feeds = dict[str, np.ndarray]
Rewrite = Callable[[Path, Path, Feeds], None]


class Calibration(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Gives the same inputs twice."""

    def __init__(self, feeds: Feeds) -> None:
        self.left: Iterator[Feeds] = iter([feeds, feeds])

    def get_next(self) -> Feeds | None:
        return next(self.left, None)


def dynamic(source: Path, target: Path, feeds: Feeds) -> None:
    quantization.quantize_dynamic(source, target, weight_type=quantization.QuantType.QInt8)


def qdq(source: Path, target: Path, feeds: Feeds) -> None:
    form = quantization.QuantFormat.QDQ
    quantization.quantize_static(
        source, target, Calibration(feeds), quant_format=form, per_channel=True
    )


def qoperator(source: Path, target: Path, feeds: Feeds) -> None:
    form = quantization.QuantFormat.QOperator
    quantization.quantize_static(source, target, Calibration(feeds), quant_format=form)


def four_bits(source: Path, target: Path, feeds: Feeds) -> None:
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    quantizer = MatMulNBitsQuantizer(onnx.load(source), block_size=16, is_symmetric=True)
    quantizer.process()
    quantizer.model.save_model_to_file(str(target))


def optimised(level: str) -> Rewrite:
    def rewrite(source: Path, target: Path, feeds: Feeds) -> None:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        options.optimized_model_filepath = str(target)
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])

    return rewrite


def fused(source: Path, target: Path, feeds: Feeds) -> None:
    from onnxruntime.transformers import optimizer

    made = optimizer.optimize_model(str(source), "bert", num_heads=4, hidden_size=32, opt_level=0)
    made.save_model_to_file(str(target))


def then(first: Rewrite, second: Rewrite) -> Rewrite:
    def rewrite(source: Path, target: Path, feeds: Feeds) -> None:
        between = target.with_suffix(".between.onnx")
        first(source, between, feeds)
        second(between, target, feeds)

    return rewrite


extended = optimised("ORT_ENABLE_EXTENDED")
WAYS: dict[str, Rewrite] = {
    "all": optimised("ORT_ENABLE_ALL"),
    "dynamic": dynamic,
    "dynamic, extended": then(dynamic, extended),
    "extended": extended,
    "qdq": qdq,
    "qdq, extended": then(qdq, extended),
    "qoperator": qoperator,
    "qoperator, extended": then(qoperator, extended),
}
ATTENTION_WAYS: dict[str, Rewrite] = {"four bits": four_bits, "fused": fused}
FOLDS_TABLES = {("bert", way) for way in WAYS if way.endswith(("all", "extended"))}
"""Constant positions are looked up once and for all: what is left of a table is what was found.

Elsewhere every weight is left, in whatever type.
"""

QUICK = [
    *[("classifier", way) for way in WAYS],
    *[("encoder", way) for way in ("dynamic", "extended", "four bits", "fused", "qdq")],
]
OTHERS = [
    (name, way)
    for name in ("bert", "classifier", "encoder", "gpt2", "llama", "tagger")
    for way in (*WAYS, *(ATTENTION_WAYS if name not in ("classifier", "tagger") else ()))
    if (name, way) not in QUICK
]


def rewritten(name: str, way: str, folder: Path) -> tuple[Path, Path, Feeds]:
    """Return a file, what became of it, and inputs for both."""
    module, inputs = make(name)
    exporter = "optimized" if name in NO_OLDER else "older folding"
    source = export(module, inputs, folder / "source.onnx", **EXPORTERS[exporter])
    feeds = feeds_of(onnx.load(source), [tensor.numpy() for tensor in inputs])
    target = folder / "rewritten.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tools' own, about masks of −∞
        (WAYS | ATTENTION_WAYS)[way](source, target, feeds)
    return source, target, feeds


def check(name: str, way: str, folder: Path) -> None:
    source, target, feeds = rewritten(name, way, folder)
    model = onnx.load(target)
    all_are_counted(model)
    shapes = ran(model, feeds)
    assert not wrong_shapes(model, feeds, shapes)
    specs: Any = specs_for(feeds)
    report = analyzer.analyze(str(target), specs)
    before = analyzer.analyze(str(source), specs)
    assert report.coverage.complete
    assert not report.notes
    assert report.totals.macs == macs(model, shapes)
    # Maps of this domain have more channels than the model's, for none is a multiple of the block.
    padded = any(node.domain == "com.microsoft.nchwc" for node in model.graph.node)
    assert (report.totals.macs == before.totals.macs) is not padded
    if (name, way) not in FOLDS_TABLES:
        assert report.totals.parameters.total == before.totals.parameters.total


@pytest.mark.parametrize(("name", "way"), QUICK)
def test_quick(name: str, way: str, tmp_path: Path) -> None:
    check(name, way, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "way"), OTHERS)
def test_slow(name: str, way: str, tmp_path: Path) -> None:
    check(name, way, tmp_path)
