"""``torch``: the counter that comes with PyTorch; ``torchvision``: the figures of its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.conventions.base import Convention, Rule

if TYPE_CHECKING:
    from analyzer.conventions.place import Place
    from analyzer.ops.base import Cost

__all__ = ["TORCH", "TORCHVISION"]


def _contractions(flops_per_mac: int, tool: str) -> Rule:
    def rule(place: Place) -> Cost:
        from analyzer.ops.base import Cost

        cost = place.cost
        if not cost.macs.value:
            return Cost(free=cost.free or f"{tool} does not count it")
        return Cost(macs=cost.macs, flops_per_mac=flops_per_mac)

    return rule


TORCH = Convention(
    name="torch",
    version=1,
    checked="torch.utils.flop_counter of torch 2.15",
    description="torch.utils.flop_counter on meta tensors: 2 FLOPs a MAC and nothing else",
    otherwise=_contractions(2, "torch.utils.flop_counter"),
    frameworks=("PyTorch",),
)
TORCHVISION = Convention(
    name="torchvision",
    version=1,
    word="FLOPS",
    checked="the weights of torchvision 0.29",
    description="the GFLOPS in torchvision's weights, which are MACs and nothing else",
    otherwise=_contractions(1, "torchvision's metadata"),
    frameworks=("PyTorch",),
)
