"""PyTorch modules, run: every product that is dispatched is made once more on ones."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.truth import Truth

__all__ = ["count"]

aten = torch.ops.aten


def count(model: torch.nn.Module, *inputs: Any) -> Truth:
    """Run a module in evaluation mode and count what it multiplies.

    Raises:
        NotImplementedError: something that may multiply is dispatched whole, and is not in the
            table of how to make it on ones.
    """
    model = copy.deepcopy(model).eval()
    learned = {id(parameter): parameter.numel() for parameter in model.parameters()}
    with ExitStack() as stack:
        # Composites have to come apart: attention, recurrent layers, encoders.
        stack.enter_context(torch.no_grad())
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        before = torch.backends.mha.get_fastpath_enabled()
        stack.callback(torch.backends.mha.set_fastpath_enabled, before)
        torch.backends.mha.set_fastpath_enabled(False)
        counted = stack.enter_context(_OnOnes())
        model(*inputs)
    return Truth(macs=counted.products, parameters=sum(learned.values()))


class _OnOnes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.products = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        operator = func.overloadpacket
        if again := AGAIN.get(operator):
            ones = (_ones(value) if isinstance(value, torch.Tensor) else value for value in args)
            self.products += round(again(*ones, **(kwargs or {})).sum().item())
        elif any(part in str(operator) for part in SUSPICIOUS) and operator not in FREE:
            raise NotImplementedError(f"{operator} may multiply; say how it is made on ones")
        return result


def _ones(tensor: torch.Tensor) -> torch.Tensor:
    return torch.ones(tensor.shape, dtype=torch.float64)


_run: Callable[..., torch.Tensor] = aten.convolution


def _convolution(
    image: torch.Tensor,
    kernel: torch.Tensor,
    bias: object,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    transposed: bool,
    output_padding: list[int],
    groups: int,
) -> torch.Tensor:
    if transposed:  # what is cropped from the output was multiplied all the same
        none = [0] * len(stride)
        return _run(image, kernel, None, stride, none, dilation, True, none, groups)
    around = [width for width in reversed(padding) for _ in range(2)]
    filled = torch.nn.functional.pad(image, around, value=1.0)
    return _run(
        filled, kernel, None, stride, [0] * len(stride), dilation, False, output_padding, groups
    )


def _mm(a: torch.Tensor, b: torch.Tensor, **_: object) -> torch.Tensor:
    return a @ b


def _added(_: torch.Tensor, a: torch.Tensor, b: torch.Tensor, **__: object) -> torch.Tensor:
    return a @ b


AGAIN: Mapping[Any, Callable[..., torch.Tensor]] = {
    aten.addbmm: _added,
    aten.addmm: _added,
    aten.addmv: _added,
    aten.baddbmm: _added,
    aten.bmm: _mm,
    aten.convolution: _convolution,
    aten.dot: _mm,
    aten.mm: _mm,
    aten.mv: _mm,
}
"""How what is dispatched is made once more; arguments are the operator's own, tensors of ones."""

SUSPICIOUS = ("mm", "conv", "attention", "rnn", "lstm", "gru", "linear", "dot", "einsum", "matmul")
FREE: frozenset[Any] = frozenset()
"""Operators whose names look like products, and that multiply nothing."""
