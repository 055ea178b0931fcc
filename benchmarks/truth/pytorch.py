"""PyTorch modules, run: every product that is dispatched is made once more on ones."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import pairwise
from typing import Any, cast

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.truth import Truth

__all__ = ["count", "may_multiply"]


def count(model: torch.nn.Module, *inputs: Any) -> Truth:
    """Run a module in evaluation mode and count what it multiplies.

    Raises:
        NotImplementedError: something that may multiply is dispatched whole, and is not in the
            table of how to make it on ones.
    """
    run = copy.deepcopy(model).eval()  # in which views of one tensor have each their own memory
    with ExitStack() as stack:
        # Composites have to come apart: attention, recurrent layers, encoders.
        stack.enter_context(torch.no_grad())
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        before = torch.backends.mha.get_fastpath_enabled()
        stack.callback(torch.backends.mha.set_fastpath_enabled, before)
        torch.backends.mha.set_fastpath_enabled(False)
        counted = stack.enter_context(_OnOnes())
        run(*inputs)
    return Truth(macs=counted.products, parameters=_learned(model))


class _OnOnes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.products = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if control := CONTROL.get(str(func)):
            with self:
                return control(*args, **given)
        name = func.name().partition(".")[0].rstrip("_")  # in place, it multiplies as much
        if again := AGAIN.get(name):
            self.products += round(again(*args, **given))
            return func(*args, **given)
        if isinstance(func, torch._ops.OpOverload):
            with self:  # in a branch or a loop, what is composed comes whole
                composed = func.decompose(*args, **given)
            if composed is not NotImplemented:
                return composed
        if may_multiply(name):
            raise NotImplementedError(f"{name} may multiply; say how it is made on ones")
        return func(*args, **given)


def may_multiply(name: str) -> bool:
    """Say whether an operator that nobody described may be a product, by its name.

    >>> may_multiply("aten::_scaled_mm"), may_multiply("aten::lgamma"), may_multiply("mine::norm")
    (True, False, True)
    """
    space, _, operator = name.partition("::")
    return space not in KNOWN_SPACES or bool(PRODUCTS.search(operator))


KNOWN_SPACES = frozenset({"aten", "prim", "prims", "torchvision"})
"""Whose operators are what their names say."""

PRODUCTS = re.compile(
    r"(?:^|_)(?:\w*mm|mv|addmv|conv(?!ert)\w*|attention|rnn|lstm|gru|(?:bi|tri)?linear|v?dot|einsum"
    r"|matmul|tensordot|multihead|transformer)(?:_|$)"
)


def _ones(tensor: torch.Tensor) -> torch.Tensor:
    return torch.ones(tensor.shape, dtype=torch.float64)


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
) -> float:
    image, none = _ones(image), [0] * len(stride)
    if not transposed:  # else what is cropped from the output was multiplied all the same
        around = [width for width in reversed(padding) for _ in range(2)]
        image = torch.nn.functional.pad(image, around, value=1.0)
    made: torch.Tensor = torch.ops.aten.convolution(
        image, _ones(kernel), None, stride, none, dilation, transposed, none, groups
    )
    return made.sum().item()


def _mm(a: torch.Tensor, b: torch.Tensor, *_: object, **__: object) -> float:
    return (_ones(a) @ _ones(b)).sum().item()


def _added(_: torch.Tensor, a: torch.Tensor, b: torch.Tensor, **__: object) -> float:
    return _mm(a, b)


def _transposed_mm(a: torch.Tensor, b: torch.Tensor, *_: object) -> float:
    return _mm(a, b.mT)


def _packed_linear(a: torch.Tensor, packed: Any, *_: object) -> float:
    weight, _bias = packed.unpack()
    return _mm(a, weight.mT)


def _grouped_mm(
    a: torch.Tensor,
    b: torch.Tensor,
    offs: torch.Tensor | None = None,
    *_: object,
    **__: object,
) -> float:
    """Make the product of each group: what is ragged is cut at the offsets."""
    if offs is None:
        return _mm(a, b)
    cuts = [slice(*ends) for ends in pairwise([0, *offs.tolist()])]
    if a.dim() == b.dim() == 2:  # both share the ragged axis, and it is summed away
        return sum(_mm(a[:, cut], b[cut]) for cut in cuts)
    if b.dim() == 2:
        return sum(_mm(left, b[:, cut]) for left, cut in zip(a, cuts, strict=True))
    return sum(_mm(a[cut], right) for right, cut in zip(b, cuts, strict=True))


def _trilinear(
    first: torch.Tensor,
    second: torch.Tensor,
    third: torch.Tensor,
    expand1: Sequence[int],
    expand2: Sequence[int],
    expand3: Sequence[int],
    summed: Sequence[int],
    *_: object,
) -> float:
    """Multiply the first two, sum what the third lacks, and multiply with the third."""
    a, b, c = (
        _ones(operand)[_stretched(operand.dim(), axes)]
        for operand, axes in ((first, expand1), (second, expand2), (third, expand3))
    )
    pair = a * b
    early = [axis for axis in summed if axis in expand3]
    between = torch.ones_like(pair.sum(early, keepdim=True) if early else pair)
    products = (pair.sum() if early else 0) + (between * c).sum()
    return float(products)


def _stretched(rank: int, axes: Sequence[int]) -> tuple[slice | None, ...]:
    """Index a tensor so that it gets axes of one at these places."""
    return tuple(None if axis in axes else slice(None) for axis in range(rank + len(axes)))


AGAIN: Mapping[str, Callable[..., float]] = {
    "aten::_grouped_mm": _grouped_mm,
    "aten::_int_mm": _mm,
    "aten::_scaled_mm": _mm,
    "aten::_trilinear": _trilinear,
    "aten::_weight_int8pack_mm": _transposed_mm,
    "aten::addbmm": _added,
    "aten::addmm": _added,
    "aten::addmv": _added,
    "aten::baddbmm": _added,
    "aten::bmm": _mm,
    "aten::convolution": _convolution,
    "aten::dot": _mm,
    "aten::mm": _mm,
    "aten::mv": _mm,
    "aten::vdot": _mm,
    "quantized::linear_dynamic": _packed_linear,
    "quantized::linear_relu_dynamic": _packed_linear,
}
"""Makes an operator's products once more, on ones, and returns the sum of what comes out."""


def _branch(
    predicate: object,
    then: Callable[..., Any],
    otherwise: Callable[..., Any],
    operands: Sequence[Any] = (),
) -> Any:
    return (then if predicate else otherwise)(*operands)


def _loop(
    condition: Callable[..., Any],
    body: Callable[..., Any],
    carried: Sequence[Any],
    captured: Sequence[Any] = (),
) -> Any:
    while condition(*carried, *captured):
        carried = body(*carried, *captured)
    return tuple(carried)


CONTROL: Mapping[str, Callable[..., Any]] = {"cond": _branch, "while_loop": _loop}
"""Operators that call what they are given."""


def _learned(model: torch.nn.Module) -> int:
    """Count the elements that were learned: those of each storage once, however it is viewed."""
    seen: dict[int, torch.Tensor] = {}
    weights = list(_weights(model))  # all at once: those that are unpacked would share a place
    for weight in weights:
        storage = weight.untyped_storage()
        elements = storage.nbytes() // weight.element_size()
        mask = seen.setdefault(storage._cdata, torch.zeros(elements, dtype=torch.bool))
        mask.as_strided(weight.shape, weight.stride(), weight.storage_offset()).fill_(True)
    return sum(int(mask.sum()) for mask in seen.values())


def _weights(model: torch.nn.Module) -> Iterator[torch.Tensor]:
    yield from model.parameters()
    for part in model.modules():
        for held in vars(part).values():
            if isinstance(held, torch.ScriptObject):  # packed for a kernel of its own
                unpacked = cast("Any", held).unpack()
                yield from (one for one in unpacked if isinstance(one, torch.Tensor))
