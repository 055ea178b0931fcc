"""Elements written, or combined with what is there, where indices say."""

from __future__ import annotations

from math import prod

import torch

from analyzer import Operation
from analyzer.ops import COPY, free
from analyzer_torch.call import Call, Maker
from analyzer_torch.mapping_common import elementwise, fused, unknown

__all__ = ["SCATTERINGS"]


def _fold(call: Call) -> Operation:
    """Add columns up where they overlap: one addition for each of their elements."""
    return elementwise(call, "add", call.first.numel())


_COMBINED = {
    "add": "add",
    "amax": "maximum",
    "amin": "minimum",
    "mean": "add",
    "multiply": "multiply",
    "prod": "multiply",
    "sum": "add",
}
"""How scattered elements are combined with what is there, by the name of the argument."""


def _scattered(call: Call) -> Operation:
    """Write elements where indices say: free, unless what is there is combined with them."""
    reduce = "add" if call.name == "scatter_add" else call.get("reduce")
    if reduce is None:
        return free(call.name, because=COPY)
    source = call.get("source")
    count = call["index"].numel() if source is None else source.numel()
    combined = elementwise(call, _COMBINED[reduce], count)
    return fused(call, combined, elementwise(call, "divide") if reduce == "mean" else None)


def _index_add(call: Call) -> Operation:
    """``self[index] += alpha · source``: each element of the source is added once."""
    name = "add" if call["alpha"] == 1 else "multiply and add"
    return elementwise(call, name, call["source"].numel())


def _index_put(call: Call) -> Operation:
    """Write elements where indices say; how many a mask lets through is not known."""
    if not call["accumulate"]:
        return free(call.name, because=COPY)
    places = [index for index in call["indices"] if index is not None]
    if any(index.dtype in (torch.bool, torch.uint8) for index in places):
        return unknown(call, accumulate=True)
    together = torch.broadcast_tensors(*places)  # type: ignore[no-untyped-call]
    chosen = together[0].numel() if places else 1
    beside = (
        size
        for axis, size in enumerate(call.first.shape)
        if axis >= len(call["indices"]) or call["indices"][axis] is None
    )
    return elementwise(call, "add", chosen * prod(beside))


def _put(call: Call) -> Operation:
    """``self[index] = source``, or ``+=``."""
    if not call["accumulate"]:
        return free(call.name, because=COPY)
    return elementwise(call, "add", call["source"].numel())


SCATTERINGS: dict[str, Maker] = {
    "_index_put_impl": _index_put,
    "_unsafe_index_put": _index_put,
    "col2im": _fold,
    "index_add": _index_add,
    "index_put": _index_put,
    "index_reduce": _scattered,
    "put": _put,
    "scatter": _scattered,
    "scatter_add": _scattered,
    "scatter_reduce": _scattered,
}
"""ATen name → function that makes our operation, for what writes where indices say."""
