"""Tools that count ONNX files: each takes a model of ``onnx`` with concrete input shapes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping

import onnx

from benchmarks.peers.running import Figures, deep_copy, tool

__all__ = ["TOOLS"]


@tool("onnx-tool", "onnx-tool", prepare=deep_copy)
def onnx_tool(model: onnx.ModelProto) -> dict[str, float]:
    """Run ``onnx_tool.model_profile`` as it comes: its forward MACs and parameters."""
    from onnx_tool import NoMacsOps, loadmodel

    graph = loadmodel(model, {"verbose": False}).graph
    graph.graph_reorder_nodes()
    graph.shape_infer(None)
    graph.profile(exclude_ops=NoMacsOps)
    if not graph.valid_profile:
        raise RuntimeError("it could not infer the shapes")
    return {"macs": round(graph.macs[0]), "parameters": graph.params}


@tool("onnx_opcounter", "onnx_opcounter")
def onnx_opcounter(model: onnx.ModelProto) -> dict[str, float]:
    """Run ``onnx_opcounter``: its MACs and parameters. It may write a file where it runs."""
    from onnx_opcounter import calculate_macs, calculate_params

    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return {"macs": calculate_macs(model), "parameters": calculate_params(model)}
        finally:
            os.chdir(here)


TOOLS: Mapping[str, Callable[[onnx.ModelProto], Figures]] = {
    "onnx-tool": onnx_tool,
    "onnx_opcounter": onnx_opcounter,
}
"""Every tool by the name that its figures bear."""
