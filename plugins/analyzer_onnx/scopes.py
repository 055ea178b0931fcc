"""In which layer a node ran, from what exporters write into names and metadata.

Rules, the first that applies:

1. ``pkg.torch.onnx.name_scopes`` (PyTorch's exporter): all scopes but the root and the last, which
   is the operation. Each is written relative to the one around it, as rule 2 has them.
2. A node's name with ``/``: ``/layer1/layer1.0/conv1/Conv`` (PyTorch's older exporter) and
   ``model/conv1/Conv2D`` (TensorFlow): every part but the last, which is the operation.
3. A file in which no node's name says anything: a node with weights is a layer of its own, named
   as its first weight without the ending that says which weight it is (``conv1/bn_scale_0`` →
   ``conv1/bn``), or as the node itself.
4. A node that says nothing, in a file where others do (converters and optimizers put such nodes
   in): it runs in the layer that made the first of its inputs.
5. Everything else belongs to the model.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import FunctionProto, NodeProto

__all__ = ["function_label", "layer_of", "layer_types", "weight_path"]

_SCOPES = "pkg.torch.onnx.name_scopes"
_CLASSES = "pkg.torch.onnx.class_hierarchy"
_NOISE = re.compile(r"^(cond___|.*_frozen_\d+_)")
_ENDING = re.compile(
    r"([._/](w|b|s|weights?|bias|beta|gamma|kernel|scale|mean|var|rm|riv|running_mean|running_var)"
    r"(_\d+)?)+$",
    re.IGNORECASE,
)


def layer_of(node: NodeProto) -> tuple[str, ...] | None:
    """Return the parts of the path of the layer of a node by rules 1 and 2, None if none holds."""
    scopes = _listed(node, _SCOPES) if node.metadata_props else []
    if scopes:
        return _relative(scopes[1:-1])
    if "/" not in node.name:
        return None
    name = _NOISE.sub("", node.name)
    return tuple(part for part in name.split("/")[:-1] if part)


def layer_types(node: NodeProto) -> tuple[str, ...]:
    """Return the types that go with :func:`layer_of`, () where the file does not say them."""
    if not node.metadata_props:
        return ()
    classes = _listed(node, _CLASSES)
    return tuple(name.rpartition(".")[2] for name in classes[1:-1])


def function_label(function: FunctionProto, node: NodeProto) -> str:
    """Return what to call the layer that a call of a model's own function is, "" if it is none.

    The functions that PyTorch's exporter defines its operators by are no layers.
    """
    if function.domain.startswith("pkg."):
        return ""
    return str(node.name.rpartition("/")[2] or function.name)


def weight_path(weight: str, fallback: str) -> tuple[str, ...]:
    """Return the path that the name of a weight tells, by rule 3.

    >>> weight_path("layer1.0.conv1.weight", "Conv_0")
    ('layer1', 'layer1.0', 'conv1')
    >>> weight_path("gpu_0/conv1_w_0", "n0"), weight_path("W", "n0")
    (('gpu_0', 'conv1'), ('n0',))
    """
    stem = _ENDING.sub("", weight)
    if stem == weight or not stem:
        return (fallback,)
    parts = stem.split("/") if "/" in stem else _relative(_prefixes(stem))
    return tuple(part for part in parts if part)


def _listed(node: NodeProto, key: str) -> list[str]:
    for entry in node.metadata_props:
        if entry.key == key:
            try:
                found = ast.literal_eval(entry.value)
            except (SyntaxError, ValueError):
                return []
            return [str(item) for item in found] if isinstance(found, list) else []
    return []


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
