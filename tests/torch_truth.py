"""What PyTorch's own counter says of a run: the truth that the importer is held to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed._tools.mem_tracker import MemTracker
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import analyzer
from analyzer import Report
from analyzer.ops import Einsum

__all__ = ["check_against_torch", "counted_by_torch", "held_bytes", "on_meta"]

Shape = tuple[int, ...]


def _matrix_vector(matrix: Shape, vector: Shape, **_: object) -> int:
    return 2 * prod(matrix)


def _added_matrix_vector(addend: Shape, matrix: Shape, vector: Shape, **_: object) -> int:
    return 2 * prod(matrix)


def _dot(left: Shape, right: Shape, **_: object) -> int:
    return 2 * prod(left)


def _grouped(left: Shape, right: Shape, *_: object, out_shape: Shape, **__: object) -> int:
    """Rows that are sorted by their group, each of which has a matrix of its own."""
    rows, inner = left
    inner_too, columns = right[1:]
    assert inner == inner_too
    assert out_shape == (rows, columns)
    return 2 * rows * inner * columns


def _trilinear(
    first: Shape, weight: Shape, second: Shape, *_: object, out_shape: Shape, **__: object
) -> int:
    """``nn.Bilinear``: the first input with the weight, then the second with what comes of it."""
    outputs, features, other_features = weight
    rows = prod(first[:-1])
    assert prod(out_shape) == rows * outputs
    return 2 * rows * outputs * (features * other_features + other_features)


aten = torch.ops.aten
LACKING: dict[Any, Callable[..., int]] = {
    aten._grouped_mm: _grouped,
    aten._trilinear: _trilinear,
    aten.addmv: _added_matrix_vector,
    aten.dot: _dot,
    aten.mv: _matrix_vector,
    aten.vdot: _dot,
}
"""Contractions that PyTorch's counter passes over, with their FLOPs from the shapes alone."""


@contextmanager
def _spelled_out() -> Iterator[None]:
    """Let PyTorch spell attention and LSTMs out as matrix products, which its counter sees."""
    fast, fused = torch.backends.mha.get_fastpath_enabled(), torch._C._get_mkldnn_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    torch._C._set_mkldnn_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        torch._C._set_mkldnn_enabled(fused)


def counted_by_torch(model: nn.Module, *args: object, **kwargs: object) -> int:
    """MACs of one call of a model in evaluation, as PyTorch's own counter sees them run.

    The model is put into evaluation and frozen: the counter follows modules by the gradients of
    their tensors, and fails on those that a module makes of its parameters.
    """
    model = model.eval().requires_grad_(False)
    counter = FlopCounterMode(display=False, custom_mapping=LACKING)
    with _spelled_out(), torch.no_grad(), counter:
        model(*args, **kwargs)
    flops: int = counter.get_total_flops()
    macs, rest = divmod(flops, 2)
    assert rest == 0
    return macs


def on_meta(value: Any) -> Any:
    """Return nested inputs without data."""
    if isinstance(value, Tensor):
        return torch.empty_like(value, device="meta")
    if isinstance(value, dict):
        return {name: on_meta(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(on_meta, value))
    return value


def over_one_element(report: Report) -> int:
    """MACs of einsums that sum over axes of one element: PyTorch multiplies there, and no more."""
    macs = 0
    for entry in report.entries:
        match entry.node.operation:
            case Einsum(operands=operands, output=output, sizes=sizes):
                summed = set("".join(operands)) - set(output)
                if all(dict(sizes)[label] == 1 for label in summed):
                    macs += entry.work.macs
    return macs


def check_against_torch(model: nn.Module, inputs: Any, *, real: bool = False) -> Report:
    """Hold the importer to PyTorch's counter: on tensors without data, unless ``real``.

    ``inputs`` are a tuple of the arguments of ``forward``, or a dict of them by name.
    """
    report = analyzer.analyze(model, inputs)
    assert [unknown.operation for unknown in report.coverage.unknown] == []
    assert report.coverage.complete
    assert report.totals.parameters.total == sum(p.numel() for p in model.parameters())
    assert report.totals.macs is not None
    if not real:
        model, inputs = model.to("meta"), on_meta(inputs)
    named = isinstance(inputs, dict)
    truth = counted_by_torch(model, **inputs) if named else counted_by_torch(model, *inputs)
    assert report.totals.macs - over_one_element(report) == truth
    return report


def held_bytes(model: nn.Module, given: Tensor) -> dict[str, int]:
    """Run the model, and return what was held when most was: bytes by PyTorch's names of kinds."""
    tracker = MemTracker()
    tracker.track_external(model, given)
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), tracker:
            model(given)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    (peak,) = tracker.get_tracker_snapshot("peak").values()
    return {str(kind).rpartition(".")[2]: size for kind, size in peak.items()}
