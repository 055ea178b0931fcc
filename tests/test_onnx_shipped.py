"""Files that ``onnx`` and ``onnxruntime`` carry for their own tests, held to a run of them.

The nine large graphs among them have a test of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from onnxruntime.capi import onnxruntime_pybind11_state as state

import analyzer
from analyzer_onnx.signature import declared_inputs
from tests.onnx_watched import Ran, all_are_counted, macs, ran, specs_for, wrong_shapes

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
SHIPPED = sorted(
    path
    for folder in ("pytorch-converted", "pytorch-operator", "simple")
    for path in (DATA / folder).glob("*/model.onnx")
)
SHIPPED += sorted((Path(onnxruntime.__file__).parent / "datasets").glob("*.onnx"))
# Sizes that follow from elements of an input: of how a text reads, of where a tensor is cut.
OF_ELEMENTS = frozenset({"SplitToSequence", "StringNormalizer"})


def stored(path: Path, which: str, names: list[str]) -> dict[str, Any]:
    """Return the tensors that a file's package keeps beside it, by name; others are left out."""
    found: dict[str, Any] = {}
    for at, name in enumerate(names):
        file = path.parent / "test_data_set_0" / f"{which}_{at}.pb"
        if file.exists():
            tensor = onnx.TensorProto.FromString(file.read_bytes())
            found[name] = numpy_helper.to_array(tensor)
    return found


def feeds_for(path: Path, model: onnx.ModelProto) -> dict[str, Any]:
    """Return the inputs that come with a file, or some of the sizes that it declares."""
    feeds = stored(path, "input", [item.name for item in model.graph.input])
    for item in declared_inputs(model.graph):
        sizes = [size if isinstance(size, int) else 3 for size in item.sizes or ()]
        if item.name not in feeds:
            feeds[item.name] = np.ones(sizes, object if item.dtype == "string" else item.dtype)
    return feeds


def truth(path: Path, model: onnx.ModelProto, feeds: dict[str, Any]) -> tuple[Ran, bool]:
    """Return all shapes of a run, or of the stored outputs where there is no kernel for one."""
    try:
        return ran(model, feeds), True
    except (state.Fail, state.NotImplemented):
        outputs = stored(path, "output", [item.name for item in model.graph.output])
        return {((), name): [array.shape] for name, array in outputs.items()}, False


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_shipped(path: Path) -> None:
    model = onnx.load(path)
    feeds = feeds_for(path, model)
    shapes, complete = truth(path, model, feeds)
    assert shapes
    wrong = wrong_shapes(model, feeds, shapes)
    report = analyzer.analyze(str(path), specs_for(feeds))
    if not OF_ELEMENTS.isdisjoint(node.op_type for node in model.graph.node):
        return
    assert not wrong
    if complete:
        all_are_counted(model)
        assert report.totals.macs == macs(model, shapes)
        assert report.coverage.complete


def test_they_are_there() -> None:
    assert len(SHIPPED) > 100
