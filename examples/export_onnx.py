"""Export the first CNN to ONNX: ``python examples/export_onnx.py keras|torch OUT.onnx``.

Exporters drop biases that are all zero and merge tensors that are equal, so every parameter is
filled with distinct random numbers first. An untrained model would otherwise come out smaller
than it is.
"""

from __future__ import annotations

import importlib
import math
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np


def export_keras(model: Any, path: Path) -> None:
    """Export a Keras model, which must know its input shapes, by way of tf2onnx."""
    import onnx

    numbers = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(numbers.uniform(0.01, 1, weight.shape))
    # Keras exports only what has been called.
    model([np.zeros((1, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs])
    model.export(path, format="onnx", verbose=False)
    exported = onnx.load(path)
    names = {model.name, *(layer.name for layer in model.layers)}
    _rename_scopes(exported.graph, re.compile(rf"(?<![A-Za-z0-9])({'|'.join(names)})_1(?=/)"))
    onnx.save(exported, path)


def _rename_scopes(graph: Any, doubled: re.Pattern[str]) -> None:
    """Name scopes as layers: Keras opens each twice, so TensorFlow makes Conv1 Conv1_1."""
    for node in graph.node:
        node.name = doubled.sub(r"\1", node.name)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _rename_scopes(attribute.g, doubled)


def export_torch(module: Any, inputs: tuple[Any, ...], path: Path, **options: Any) -> None:
    """Export a PyTorch module with ``torch.onnx.export``; weights go into the file."""
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor.uniform_(0.01, 1)
    settings = {"dynamo": True, "external_data": False, "verbose": False} | options
    torch.onnx.export(module.eval(), inputs, str(path), **settings)


def lighten(path: Path) -> None:
    """Put a filler in the place of every large weight, so that the file is a few kilobytes.

    The graph stays as it is and still runs; ONNX's own light test models are made the same way.
    """
    import onnx

    model = onnx.load(path)
    fillers = []
    for tensor in list(model.graph.initializer):
        if tensor.data_type != onnx.TensorProto.FLOAT or math.prod(tensor.dims) < 1000:
            continue
        shape = onnx.numpy_helper.from_array(np.array(tensor.dims), f"{tensor.name}_shape")
        value = onnx.numpy_helper.from_array(np.array([0.01], np.float32))
        fillers.append(
            onnx.helper.make_node("ConstantOfShape", [shape.name], [tensor.name], value=value)
        )
        model.graph.initializer.remove(tensor)
        model.graph.initializer.append(shape)
    for node in model.graph.node:  # where in whose folders a line of code stood is nobody's need
        kept = [entry for entry in node.metadata_props if "stack_trace" not in entry.key]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    nodes = [*fillers, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)


def main(framework: str, target: str) -> None:
    """Export the CNN from one framework, without the bulk of its weights."""
    warnings.simplefilter("ignore")  # the exporters' own, which nobody here can mend
    if framework not in ("keras", "torch"):
        sys.exit(f"framework {framework!r} is not known; give keras or torch")
    model = importlib.import_module(f"cnn_{framework}").build()
    if framework == "keras":
        export_keras(model, Path(target))
    else:
        import torch

        export_torch(model, (torch.zeros(1, 3, 32, 32),), Path(target))
    lighten(Path(target))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
