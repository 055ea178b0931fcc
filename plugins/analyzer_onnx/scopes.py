"""In which layer a node ran, from what exporters write into names and metadata.

Rules, the first that applies:

1. ``pkg.torch.onnx.name_scopes`` (PyTorch's exporter; ``namespace`` before 2.6): all scopes but the
   root and the last, which is the operation. Each is written relative to the one around it, as
   rule 2 has them. A convolution that took in the batch norm after it carries the name of the
   latter, and belongs to the layer that its kernel names.
2. A node's name with ``/``: ``/layer1/layer1.0/conv1/Conv`` (PyTorch's older exporter) and
   ``model/conv1/Conv2D`` (TensorFlow): every part but the last, which is the operation. What
   optimizers and converters put around a name (``fused …``, ``…/MatMulAddFusion``,
   ``StatefulPartitionedCall/…``) is none of its parts.
3. A file in which no node's name says anything: a node with weights is a layer of its own, named
   as its first weight without the ending that says which weight it is (``conv1/bn_scale_0`` →
   ``conv1/bn``), or as the node itself.
4. A node that says nothing, in a file where others do (converters and optimizers put such nodes
   in): it runs in the layer that its first weight names, else in the one that made the first of its
   inputs.
5. Everything else belongs to the model.

The call of a function of the model's own is a layer in the one that it is called in.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import FunctionProto, ModelProto

    from analyzer_onnx.nodes import OnnxNode

__all__ = [
    "bare_name",
    "dotted",
    "function_label",
    "inside",
    "keeps_order",
    "layer_of",
    "weight_name",
    "weight_path",
]

_SCOPES = "pkg.torch.onnx.name_scopes"
_CLASSES = "pkg.torch.onnx.class_hierarchy"
_NAMESPACE = "namespace"
_BEFORE = re.compile(
    r"(fused |cond___|.*_frozen_\d+_|(Stateful)?PartitionedCall(_\d+)?/)+", re.DOTALL
)
_AFTER = re.compile(r"(/+\w*Fusion\w*)+/*\w*$|;.*$", re.DOTALL)
_ENDING = re.compile(
    r"([._/](w|b|s|weights?|bias|beta|gamma|kernel|scale|mean|var|rm|riv|running_mean|running_var)"
    r"(_\d+)?)+$",
    re.IGNORECASE,
)


def keeps_order(model: ModelProto) -> bool:
    """Say whether the nodes of a file stand in the order in which its layers were called.

    PyTorch's exporters leave them so; TensorFlow's converter sorts them, and so does ONNX Runtime
    where it saves what it made of a model (it declares the operator sets that only it has).
    """
    domains = {opset.domain for opset in model.opset_import}
    return model.producer_name != "tf2onnx" and "com.microsoft.nchwc" not in domains


def layer_of(node: OnnxNode) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Return the parts of the path of the layer of a node by rules 1 and 2, None if none holds.

    With them come their types, () where the file does not say them.
    """
    scopes = _scopes(node)
    if scopes:
        path = _relative([name for name, _ in scopes[1:-1]])
        types = tuple(kind.rpartition(".")[2] for _, kind in scopes[1:-1])
        if not _took_in_norm(node, scopes):
            return path, types
        return _of_kernel(node, path), (*types[:-1], "") if types else ()
    name = node.name
    if "/" in name:
        name = bare_name(name)
    if "/" not in name:
        return None, ()
    return tuple(filter(None, name.split("/")[:-1])), ()


def bare_name(name: str) -> str:
    """Return the name of a node without what optimizers and converters put around it.

    >>> bare_name("fused /fc/Gemm"), bare_name("/fc/MatMul/MatMulAddFusion")
    ('/fc/Gemm', '/fc/MatMul')
    """
    before = _BEFORE.match(name)
    if before:
        name = name[before.end() :]
    return _AFTER.sub("", name) if "Fusion" in name or ";" in name else name


def _scopes(node: OnnxNode) -> list[tuple[str, str]]:
    """Return the scopes around a node, the outermost first, each with its type."""
    told = {entry.key: entry.value for entry in node.proto.metadata_props}
    if not told:
        return []
    names, kinds = _listed(told.get(_SCOPES, "")), _listed(told.get(_CLASSES, ""))
    if names:
        kinds = kinds if len(kinds) == len(names) else [""] * len(names)
        return list(zip(names, kinds, strict=True))
    parts = [part.partition(": ") for part in told.get(_NAMESPACE, "").split("/")]
    return [(name.strip(), kind) for name, colon, kind in parts if colon]


def _took_in_norm(node: OnnxNode, scopes: list[tuple[str, str]]) -> bool:
    return node.op_type.startswith("Conv") and "BatchNorm" in scopes[-2:][0][1]


def _of_kernel(node: OnnxNode, path: tuple[str, ...]) -> tuple[str, ...]:
    """Put what stands beside the layer of a path in its place, as the name of a kernel tells it."""
    name = weight_name(node.input[1]) if len(node.input) > 1 else ""
    holder, _, own = name.rpartition(".")
    if not own or not path or (path[:-1] and not dotted(path[:-1]).endswith(holder)):
        return path
    return inside(path[:-1], own)


def inside(holder: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return the path of a layer in another; a bare number keeps its holder's name.

    >>> inside(("layer1",), "0"), inside(("layer1", "layer1.0"), "conv1")
    (('layer1', 'layer1.0'), ('layer1', 'layer1.0', 'conv1'))
    """
    return (*holder, f"{holder[-1]}.{name}" if holder and name.isdigit() else name)


def dotted(path: tuple[str, ...]) -> str:
    """Return the name of a module from the parts of its path.

    >>> dotted(("layer1", "layer1.0", "conv1"))
    'layer1.0.conv1'
    """
    name = ""
    last = ""
    for part in path:
        inside = part.removeprefix(f"{last}.") if last else part
        name = f"{name}.{inside}" if name else inside
        last = part
    return name


def weight_name(weight: str) -> str:
    """Return the name of what holds a weight, "" where the name does not tell it.

    >>> weight_name("layer1.0.conv1.weight"), weight_name("onnx::Conv_12")
    ('layer1.0.conv1', '')
    """
    stem = _ENDING.sub("", weight)
    return "" if stem == weight else stem


def function_label(function: FunctionProto, node: OnnxNode) -> str:
    """Return what to call the layer that a call of a model's own function is, "" if it is none.

    The functions that PyTorch's exporter defines its operators by are no layers.
    """
    if function.domain.startswith("pkg.onnxscript"):
        return ""
    return str(node.name.rpartition("/")[2] or function.name)


def weight_path(weight: str, fallback: str) -> tuple[str, ...]:
    """Return the path that the name of a weight tells, by rule 3.

    >>> weight_path("layer1.0.conv1.weight", "Conv_0")
    ('layer1', 'layer1.0', 'conv1')
    >>> weight_path("gpu_0/conv1_w_0", "n0"), weight_path("W", "n0")
    (('gpu_0', 'conv1'), ('n0',))
    """
    stem = weight_name(weight)
    if not stem:
        return (fallback,)
    parts = stem.split("/") if "/" in stem else _relative(_prefixes(stem))
    return tuple(part for part in parts if part)


def _listed(text: str) -> list[str]:
    if not text:
        return []
    try:
        found = ast.literal_eval(text)
    except (MemoryError, RecursionError, SyntaxError, ValueError):  # nested too deep, or no list
        return []
    return [str(item) for item in found] if isinstance(found, list) else []


def _prefixes(dotted: str) -> list[str]:
    parts = dotted.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def _relative(dotted: list[str]) -> tuple[str, ...]:
    """Write nested dotted names each relative to the last; a bare number keeps its holder's name.

    >>> _relative(["layer1", "layer1.0", "layer1.0.conv1"])
    ('layer1', 'layer1.0', 'conv1')
    """
    path: list[str] = []
    holder = ""
    for name in dotted:
        own = name.removeprefix(f"{holder}.") if holder else name
        if path and own.partition(".")[0].isdigit():
            own = f"{path[-1]}.{own}"
        path.append(own)
        holder = name
    return tuple(path)
