"""Whole networks: light ones that the ``onnx`` package carries, and exported ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from math import prod

import numpy as np
import onnx
from onnx import numpy_helper

from benchmarks.accuracy.cases import Case
from benchmarks.accuracy.onnx.building import File
from benchmarks.accuracy.onnx.exported import EXPORTED, exported
from benchmarks.light import light_file

__all__ = ["CASES"]


LIGHT = {
    "AlexNet": "bvlc_alexnet",
    "DenseNet-121": "densenet121",
    "Inception v1": "inception_v1",
    "Inception v2": "inception_v2",
    "ResNet-50": "resnet50",
    "ShuffleNet": "shufflenet",
    "SqueezeNet": "squeezenet",
    "VGG-19": "vgg19",
    "ZFNet-512": "zfnet512",
}
"""Networks that the ``onnx`` package carries, a filler in the place of large weights."""


def _light(name: str) -> File:
    model = onnx.load(light_file(name))
    stored = {one.name: one for one in model.graph.initializer}
    inputs = tuple(
        np.ones([size.dim_value for size in item.type.tensor_type.shape.dim], np.float32)
        for item in model.graph.input
        if item.name not in stored
    )
    return File(model, inputs, _learned_in_light(model, stored))


def _learned_in_light(model: onnx.ModelProto, stored: Mapping[str, onnx.TensorProto]) -> int:
    """Return the elements of all numbers that nodes read, but for statistics of batch norms."""
    sizes = {
        one.name: prod(one.dims)
        for one in stored.values()
        if one.data_type == onnx.TensorProto.FLOAT
    }
    for node in model.graph.node:
        if node.op_type == "ConstantOfShape":
            sizes[node.output[0]] = prod(numpy_helper.to_array(stored[node.input[0]]).tolist())
    read = {
        name
        for node in model.graph.node
        for name in (node.input[:3] if node.op_type == "BatchNormalization" else node.input)
    }
    return sum(sizes[name] for name in read & sizes.keys())


def _networks() -> Iterator[Case]:
    case = partial(Case, covers="network", quick=False)
    for name, stored in LIGHT.items():
        yield case(name=f"light {name}", build=partial(_light, stored))
    for name in EXPORTED:
        if name != "attention":
            yield case(name=name, build=partial(exported, name))


CASES = tuple(_networks())
