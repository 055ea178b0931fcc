"""One network, its weights stored in every way that files have."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from benchmarks.accuracy.cases import Case
from benchmarks.accuracy.onnx.building import File, file, with_learned

__all__ = ["CASES"]


def _two_layers(declared: str, batch: int, length: int) -> File:
    return file(
        f"""(float[{declared}, 16] x) => (float[{declared}, 10] y) {{
            product = MatMul (x, w)
            hidden = Add (product, b)
            active = Relu (hidden)
            y = MatMul (active, v)
        }}""",
        (batch, length, 16),
        w=(16, 32),
        b=(32,),
        v=(32, 10),
    )


def _in_nodes() -> File:
    made = _two_layers("1, 4", 1, 4)
    graph = made.model.graph
    constants = [
        helper.make_node("Constant", [], [one.name], value=one) for one in graph.initializer
    ]
    nodes = [*constants, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.node.extend(nodes)
    return made


def _sparse() -> File:
    made = _two_layers("1, 4", 1, 4)
    graph = made.model.graph
    dense = next(one for one in graph.initializer if one.name == "w")
    numbers = numpy_helper.to_array(dense)
    places = np.flatnonzero(numbers > 0.5)
    values = numpy_helper.from_array(numbers.ravel()[places], "w")
    indices = numpy_helper.from_array(places, "places")
    graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, list(dense.dims)))
    graph.initializer.remove(dense)
    return made


def _external() -> File:
    made = _two_layers("1, 4", 1, 4)
    folder = tempfile.mkdtemp()
    path = str(Path(folder, "network.onnx"))
    onnx.save(made.model, path, save_as_external_data=True, location="weights", size_threshold=0)
    stored = File(path, made.inputs, made.learned)
    weakref.finalize(stored, shutil.rmtree, folder)
    return stored


def _half() -> File:
    def half(*shape: int) -> np.ndarray:
        return np.full(shape, 0.5, np.float16)

    made = file(
        """(float16[1, 4, 16] x) => (float16[1, 4, 10] y) {
            product = MatMul (x, w)
            hidden = Add (product, b)
            active = Relu (hidden)
            y = MatMul (active, v)
        }""",
        half(1, 4, 16),
        w=half(16, 32),
        b=half(32),
        v=half(32, 10),
    )
    return with_learned(made, frozenset("wbv"))


def _storages() -> Iterator[Case]:
    yield Case(
        name="dynamic shapes",
        covers="dynamic shapes",
        build=lambda: _two_layers("batch, sequence", 1, 12),
    )
    case = partial(Case, covers="storage of weights")
    yield case(name="weights in Constant nodes", build=_in_nodes)
    yield case(name="weights, sparse", build=_sparse)
    yield case(name="weights, external data", build=_external)
    yield case(name="weights, float16", build=_half)


CASES = tuple(_storages())
