"""``torch``: the counter that comes with PyTorch; ``torchvision``: the figures of its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.conventions.base import Convention, Rule
from analyzer.conventions.modules import FRAMEWORK
from analyzer.conventions.parameters import total_parameters

if TYPE_CHECKING:
    from analyzer.conventions.place import Place
    from analyzer.ops.base import Cost

__all__ = ["TORCH", "TORCHVISION"]

_UNSEEN = frozenset({
    "_euclidean_dist", "_grouped_mm", "_int_mm", "_trilinear", "_weight_int8pack_mm", "addbmm",
    "addmv", "affine_grid_generator", "conv_tbc", "dot", "mv", "torchvision.deform_conv2d", "vdot",
})  # fmt: skip
"""Contractions that torch.utils.flop_counter has no formula for."""


def _contractions(flops_per_mac: int, tool: str) -> Rule:
    def rule(place: Place) -> Cost:
        from analyzer.ops.base import Cost

        cost = place.cost
        if not cost.macs.value:
            return Cost(free=cost.free or f"{tool} does not count it")
        name = _unseen(place) if place.framework == FRAMEWORK else ""
        if name:
            return Cost(free=f"{tool} has no formula for {name}")
        return Cost(macs=cost.macs, flops_per_mac=flops_per_mac)

    return rule


def _unseen(place: Place) -> str:
    """Return the contraction's name if it has no formula, and nothing if it has one."""
    name = place.node.native.removeprefix("aten.")
    if name in _UNSEEN:
        return name
    operation: Any = place.operation
    if name == "matmul" and operation.n == 1 and place.node.inputs and place.node.outputs:
        before, after = place.node.inputs[0].shape, place.node.outputs[0].shape
        if len(before) == len(after) + 1:  # by a vector
            return "mv" if after else "dot"
    return ""


TORCH = Convention(
    name="torch",
    version=1,
    description="torch.utils.flop_counter on meta tensors: 2 FLOPs a MAC and nothing else",
    otherwise=_contractions(2, "torch.utils.flop_counter"),
    checked="torch.utils.flop_counter of torch 2.14",
    frameworks=(FRAMEWORK,),
)
TORCHVISION = Convention(
    name="torchvision",
    version=1,
    description="the GFLOPS in torchvision's weights, which are MACs and nothing else",
    otherwise=_contractions(1, "torchvision's metadata"),
    word="FLOPS",
    checked="the weights of torchvision 0.29",
    frameworks=(FRAMEWORK,),
    parameters=total_parameters,
)
