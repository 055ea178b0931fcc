"""Every operation that TensorFlow registers, and what the graphs of many of them read as."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from analyzer import Bound, analyze
from analyzer_tensorflow import mapping
from analyzer_tensorflow.mapping_uncounted import UNCOUNTED, why_uncounted
from analyzer_tensorflow.shapes import LARGEST
from analyzer_tensorflow.special import SPECIAL
from tests.keras_truth import contractions_of
from tests.tensorflow_graphs import work_of
from tests.tensorflow_operations import EXAMPLES

PLUGIN = Path(mapping.__file__).parent


LISTED = """
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session

buffer = pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList())
print(*(one.name for one in op_def_pb2.OpList.FromString(buffer).op))
"""


@pytest.fixture(scope="module")
def registered() -> set[str]:
    """The types of all operations that TensorFlow registers; here other packages add theirs."""
    done = subprocess.run(
        [sys.executable, "-c", LISTED], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_every_operation_is_counted_free_read_or_named(registered: set[str]) -> None:
    known = {*mapping.TABLE, *SPECIAL}
    missing = sorted(name for name in registered - known if not why_uncounted(name))
    assert not missing


def test_tables_name_what_there_is_and_each_once(registered: set[str]) -> None:
    families = [set(table) for table in mapping.FAMILIES]
    assert sum(map(len, families)) == len(mapping.TABLE)
    assert not mapping.TABLE.keys() & SPECIAL.keys()
    assert {*mapping.TABLE, *SPECIAL} <= registered
    assert {*mapping.KEEPS_STORED, *mapping.SAME_STORAGE, *mapping.SIZES, *mapping.DRAWN} <= (
        mapping.TABLE.keys()
    )
    rest = registered - mapping.TABLE.keys() - SPECIAL.keys()
    useless = [one for one in UNCOUNTED if not any(fnmatchcase(name, one) for name in rest)]
    assert not useless


@pytest.mark.parametrize("path", sorted(PLUGIN.glob("*.py")), ids=lambda path: path.name)
def test_tables_are_sorted(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Dict) and len(node.keys) > 8:
            keys = [str(key.value) for key in node.keys if isinstance(key, ast.Constant)]
            assert keys == sorted(keys)


NOT_ON_EVERY_PROCESSOR = {
    "Conv2DBackpropInputV2", "CudnnRNNV3", "FFTND", "IRFFTND", "RFFTND", "SegmentMaxV2",
    "SegmentMinV2", "SegmentProdV2", "SegmentSumV2",
}  # fmt: skip
"""Operations that only a GPU, or nobody, has an implementation of: they cannot be run here."""
SETTLED = {
    "BroadcastArgs", "DataFormatVecPermute", "Fill", "InvertPermutation", "LinSpace", "OnesLike",
    "Range", "Rank", "Shape", "ShapeN", "Size", "ZerosLike",
}  # fmt: skip
"""What follows from sizes alone, and is done when a graph is read: no operation is left of it."""
OPEN = {"DecodeRaw"}
"""Operations whose sizes follow from numbers in a way that nobody can bound."""


def traced(name: str) -> tuple[Any, list[Any]]:
    """Return the graph of an operation and the arrays to run it on; lists are constants in it."""
    inputs, attributes = EXAMPLES[name]
    native = getattr(tf.raw_ops, name)
    arguments = list(inspect.signature(native).parameters)[: len(inputs)]
    arrays: list[Any] = []

    def collect(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            arrays.append(value)
            return len(arrays) - 1, "array"
        if isinstance(value, list) and any(isinstance(one, np.ndarray) for one in value):
            return [collect(one) for one in value]
        return value, "constant"

    places = [collect(value) for value in inputs]

    def call(*given: Any) -> Any:
        def fill(place: Any) -> Any:
            if isinstance(place, list):
                return [fill(one) for one in place]
            value, kind = place
            return given[value] if kind == "array" else value

        return native(**dict(zip(arguments, map(fill, places), strict=True)), **attributes)

    specs = [
        tf.TensorSpec(array.shape, tf.string if array.dtype == object else array.dtype)
        for array in arrays
    ]
    return tf.function(call, autograph=False).get_concrete_function(*specs), arrays


EXAMPLES_OF_ALL = [
    pytest.param(name, marks=() if at % 8 == 0 else pytest.mark.slow)
    for at, name in enumerate(sorted(EXAMPLES))
]


@pytest.mark.parametrize("name", EXAMPLES_OF_ALL)
def test_an_operation_reads_with_the_shapes_that_a_run_has(name: str) -> None:
    function, arrays = traced(name)
    report = analyze(function)
    assert not report.coverage.unknown
    assert bool(report.model.nodes) == (name not in SETTLED)
    if name in OPEN:
        assert report.coverage.bound is not Bound.EXACT or not report.totals.flops
    elif name not in NOT_ON_EVERY_PROCESSOR:
        ran = tf.nest.flatten(function(*map(tf.constant, arrays)))
        for told, found in zip(report.model.outputs, ran, strict=False):
            shape = tuple(found.shape)
            assert len(told.shape) == len(shape)
            assert all(one >= other for one, other in zip(told.shape, shape, strict=True))
            assert told.shape == shape or name in LARGEST
    if name in CONTRACTIONS:
        assert report.totals.macs == contractions_of(function.graph) > 0


CONTRACTIONS = {
    "BatchMatMulV2", "Conv2D", "Conv2DBackpropInput", "Conv3D", "Conv3DBackpropInputV2",
    "DepthwiseConv2dNative", "Einsum", "MatMul",
}  # fmt: skip


def test_the_same_work_is_the_same_operation_as_elsewhere() -> None:
    """Hold operations to the layers of Keras that are known to be right, kind by kind."""
    batch, spatial = 2, (8, 7)
    x = keras.Input((*spatial, 4))
    pairs = {
        "AvgPool": layers.AveragePooling2D((3, 2), (2, 1)),
        "MaxPool": layers.MaxPooling2D((3, 2), (2, 1)),
        "Mean": layers.GlobalAveragePooling2D(),
        "Max": layers.GlobalMaxPooling2D(),
    }
    for name, layer in pairs.items():
        known = analyze(keras.Model(x, layer(x)), batch_size=batch)
        found = analyze(traced(name)[0])
        assert work_of(found) == work_of(known), name
        assert found.totals.flops == known.totals.flops, name
