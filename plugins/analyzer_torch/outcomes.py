"""What operators give on tensors without data: worked out once for each kind of call.

There it follows from the operator and the geometry of its arguments alone. Networks repeat the same
calls, and PyTorch takes longer to work one out than everything that is done with it here.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._ops import OpOverload

from analyzer_torch.call import tensors_in
from analyzer_torch.twins import storage_key

__all__ = ["Outcome", "kind_of", "outcome_of"]

_META = torch.device("meta")

_PLAIN = frozenset(
    {
        bool,
        complex,
        float,
        int,
        str,
        type(None),
        torch.device,
        torch.dtype,
        torch.layout,
        torch.memory_format,
    }
)
"""Types of arguments that are values."""

_ORDINARY = frozenset(
    {
        torch.bfloat16,
        torch.bool,
        torch.float16,
        torch.float32,
        torch.float64,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.int8,
        torch.uint8,
    }
)
"""Element types of tensors that are nothing but their geometry; quantised and complex ones are more
(a scale, a conjugation that waits)."""


class _Other(Exception):  # noqa: N818  # not a failure: the call is executed
    """An argument is more than its value or its geometry."""


class Outcome(NamedTuple):
    """What a kind of call gives.

    Attributes:
        results: shape, strides and dtype of each tensor that it makes; of an argument that it
            returns, the place of that.
        container: the type that holds several results, None of a single one.
        taken: bytes of memory taken and released meanwhile, in order; those of the results too.
    """

    results: tuple[Any, ...]
    container: type | None
    taken: tuple[int, ...]

    def again(self, args: tuple[Any, ...]) -> tuple[Any, list[Tensor]]:
        """Return what a call with these arguments gives, and the tensors in it that are new."""
        made: list[Tensor] = []
        given: list[Tensor] = []
        for result in self.results:
            if isinstance(result, int):
                given.append(args[result])
            else:
                made.append(_bare(*result))
                given.append(made[-1])
        return given[0] if self.container is None else self.container(given), made


def kind_of(func: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Hashable:
    """Return what the outcome of a call follows from, None where it may follow from more.

    That are PyTorch's own operators, on tensors of which none has data.
    """
    if not _is_determined(func) or torch._C._functorch.peek_interpreter_stack() is not None:
        return None
    try:
        given = tuple(map(_geometry, args)), tuple(map(_geometry, kwargs.items()))
    except _Other:
        return None
    return func, *given, torch.get_default_dtype()


@cache
def _is_determined(func: OpOverload) -> bool:
    """Say whether an operator is PyTorch's own, and neither gives nor makes views of tensors."""
    views = any(
        told.alias_info is not None and not told.alias_info.is_write
        for told in func._schema.returns
    )
    return func.namespace == "aten" and not views and torch.Tag.inplace_view not in func.tags


def _geometry(value: Any) -> Hashable:
    if isinstance(value, Tensor):
        if not value.is_meta or value.dtype not in _ORDINARY or value.layout is not torch.strided:
            raise _Other
        return value.shape, value.stride(), value.dtype
    if isinstance(value, (list, tuple)):
        return tuple(map(_geometry, value))
    if type(value) not in _PLAIN:
        raise _Other
    return type(value), value  # 1, 1.0 and True are equal


def outcome_of(
    result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], taken: tuple[int, ...]
) -> Outcome | None:
    """Return what a call gave, for calls of its kind; None where more than geometry tells of it.

    ``taken`` are the bytes of memory that it took, and those that it released again.
    """
    container = None if isinstance(result, Tensor) else type(result)
    if container not in (None, list, tuple):
        return None
    results: list[Any] = [result] if container is None else list(result)
    shared = {storage_key(tensor) for tensor in tensors_in((args, kwargs))}
    told: list[Any] = []
    made = 0
    for tensor in results:
        place = next((at for at, value in enumerate(args) if value is tensor), None)
        if place is None:
            if not isinstance(tensor, Tensor) or storage_key(tensor) in shared:
                return None
            shared.add(storage_key(tensor))
            try:
                told.append(_geometry(tensor))
            except _Other:
                return None
            size = tensor.untyped_storage().nbytes()
            if size != _bare(*told[-1]).untyped_storage().nbytes():
                return None
            made += size
        else:
            told.append(place)
    return Outcome(tuple(told), container, taken) if sum(taken) == made else None


def _bare(shape: tuple[int, ...], strides: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.empty_strided(shape, strides, dtype=dtype, device=_META)
