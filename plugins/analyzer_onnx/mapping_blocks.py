"""Operators on maps whose channels are kept in blocks, as ONNX Runtime lays them out last of all.

A block that channels do not fill is computed with all the same, and so it is counted. Weights have
the elements of the model, without what fills up a block, where the file tells how many these are: a
map that leaves the blocks does, and so do the zeros at the end of a bias.
"""

from __future__ import annotations

from analyzer import Operation, ops
from analyzer_onnx import mapping_reduction
from analyzer_onnx.blocks import BLOCKED
from analyzer_onnx.call import Call, Mapper
from analyzer_onnx.mapping_contrib import fused_convolution, pooled

__all__ = ["TABLE"]


def _convolution(call: Call) -> Operation | None:
    """``x, kernel, bias, map that is added``."""
    work = fused_convolution(call)
    filters, inputs, *window = call.input(1).sizes
    true = call.blocks.true(call.y.name, filters)
    if true is None and (true := _before_zeros(call, filters)) is not None:
        call.blocks.settle(call.y.name, true)
    grouped = call.attribute("group", 1) > 1
    true_inputs = inputs if grouped else call.blocks.true(call.x.name, inputs)
    if true is None or true_inputs is None:
        call.filled_up = True
    shape = (true or filters, true_inputs or inputs, *window)
    call.unpack(1, shape, "kernel", ("filters", "input channels", *ops.spatial_axes("kernel", 2)))
    call.unpack(2, shape[:1], "bias", ("filters",))
    return work


def _before_zeros(call: Call, filters: int) -> int | None:
    """Return how many numbers a bias has before the zeros that fill up its last block."""
    stored = call.input(2).stored if call.has(2) else ()
    if len(stored) != 1 or stored[0].read is None:
        return None
    (numbers,) = stored[0].read().reshape(1, -1).nonzero()[1:]
    true = int(numbers[-1]) + 1 if numbers.size else 0
    return true if filters - call.blocks.size < true <= filters else None


def _into_blocks(call: Call) -> Operation:
    sizes = call.x.sizes
    call.blocks.settle(call.y.name, sizes[-1 if call.attribute("channels_last", 0) else 1])
    return ops.free("ReorderInput", because=ops.COPY)


def _out_of_blocks(call: Call) -> Operation:
    return ops.free("ReorderOutput", because=ops.COPY)


_OPERATORS: dict[str, Mapper] = {
    "AveragePool": pooled(ops.PoolKind.AVERAGE),
    "Conv": _convolution,
    "GlobalAveragePool": pooled(ops.PoolKind.AVERAGE, whole=True),
    "GlobalMaxPool": pooled(ops.PoolKind.MAX, whole=True),
    "MaxPool": pooled(ops.PoolKind.MAX),
    "ReorderInput": _into_blocks,
    "ReorderOutput": _out_of_blocks,
    "Upsample": mapping_reduction.TABLE["Upsample"],
}

TABLE: dict[str, Mapper] = {f"{BLOCKED}::{name}": mapper for name, mapper in _OPERATORS.items()}
"""Operators on maps in blocks, to the functions that translate them."""
