"""Tools that count ONNX files: each takes a model of ``onnx``, or the path of a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import onnx

from benchmarks.peers.running import Figures, deep_copy, tool

__all__ = ["TOOLS"]

Model: TypeAlias = onnx.ModelProto | str


@tool("onnx-tool", "onnx-tool", prepare=deep_copy)
def onnx_tool(model: Model, inputs: Sequence[np.ndarray] = ()) -> dict[str, float]:
    """Do as ``onnx_tool.model_profile``, and read its forward MACs and parameters.

    It is given inputs where a file leaves sizes open, as its guide says.
    """
    from onnx_tool import NoMacsOps, loadmodel

    graph = loadmodel(model, {"verbose": False}).graph
    graph.graph_reorder_nodes()
    is_open = bool(inputs) and any(
        not isinstance(size, int) or size < 0
        for name in graph.input
        for size in graph.tensormap[name].shape
    )
    graph.shape_infer(dict(zip(graph.input, inputs, strict=True)) if is_open else None)
    graph.profile(exclude_ops=NoMacsOps)
    if not graph.valid_profile:
        raise RuntimeError("it could not infer the shapes")
    return {"macs": round(graph.macs[0]), "parameters": graph.params}


@tool("onnx_opcounter", "onnx_opcounter")
def onnx_opcounter(model: Model, inputs: Sequence[np.ndarray] = ()) -> dict[str, float]:
    """Run ``onnx_opcounter``: its MACs and parameters. It may write a file where it runs.

    It takes no inputs: a size that a file leaves open is zero.
    """
    from onnx_opcounter import calculate_macs, calculate_params

    whole = onnx.load(model) if isinstance(model, str) else model
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return {"macs": calculate_macs(whole), "parameters": calculate_params(whole)}
        finally:
            os.chdir(here)


TOOLS: Mapping[str, Callable[..., Figures]] = {
    "onnx-tool": onnx_tool,
    "onnx_opcounter": onnx_opcounter,
}
"""Every tool by the name that its figures bear; call with ``(model, arrays)``."""
