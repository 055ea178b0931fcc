"""An independent count: what PyTorch's own counter sees when a Keras model runs on PyTorch."""

from __future__ import annotations

from typing import Any

__all__ = ["counted_macs"]


def counted_macs(model: Any, inputs: Any) -> int:
    """Return half the FLOPs of matrix products, convolutions and attention, in inference.

    Attention is computed by the kernel that spells it out: others are counted by formulas.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    for variable in model.variables:  # else it wants to know of gradients, and there are none
        variable.value.requires_grad_(False)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        model(inputs[0] if isinstance(inputs, list) and len(inputs) == 1 else inputs)
    return int(counter.get_total_flops()) // 2
