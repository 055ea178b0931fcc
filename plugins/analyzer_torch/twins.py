"""What stands in for tensors that must be neither read nor written: twins without data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, UntypedStorage
from torch._ops import OpOverload

from analyzer_torch.call import tensors_in

__all__ = ["SMALL", "Twins", "storage_key"]

SMALL = 1 << 20
"""Elements up to which a tensor that ``forward`` makes by itself keeps its values."""

_KNOWN = 1 << 16
"""Elements up to which the model's own integers keep their values."""

_CPU = torch.device("cpu")
_META = torch.device("meta")


def storage_key(tensor: Tensor) -> int:
    """Return what identifies a tensor's memory for as long as it lives."""
    key: int = tensor.untyped_storage()._cdata
    return key


class Twins:
    """Gives every argument of an operator the tensor with which it is really executed.

    The model's own tensors have twins on ``meta`` from the start: they are never read, and what is
    written to them lands on the twin. Of a few integers, which tell sizes and places, the twin is a
    copy. Small tensors that ``forward`` makes by itself (ranges, masks, sizes) keep their values
    until they meet one without, or grow large. With ``real``, the last resort, values are computed,
    and a twin is a copy, made when the model's own tensor would be written.
    """

    def __init__(self, *, real: bool, made_here: Callable[[int], bool]) -> None:
        self.real = real
        self.made_here = made_here
        self.inside = 0
        self.storages: dict[int, UntypedStorage] = {}
        self.always: set[int] = set()
        self.origins: dict[int, int] = {}
        self._known: dict[int, tuple[Tensor, Tensor]] = {}

    def protect(self, tensor: Tensor, *, learnable: bool) -> None:
        """Give one of the model's tensors its twin."""
        # Operators that update running statistics, which are vectors, do not say in their schema
        # that they write.
        if not self.real or not (learnable or tensor.dim() > 1):
            known = not (learnable or tensor.is_meta or tensor.is_floating_point())
            values = self.real or (known and tensor.numel() <= _KNOWN)
            self.always.add(storage_key(tensor))
            self._known[id(tensor)] = (tensor, self._twin(tensor, values=values))

    def forget(self, key: int) -> None:
        """Forget a storage that is gone: its key may be given to another one."""
        self.always.discard(key)
        stand_in = self.storages.pop(key, None)
        if stand_in is not None:
            self.origins.pop(stand_in._cdata, None)

    def substitute(
        self,
        func: OpOverload,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        values_of: str | None = None,
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments with twins in place of what must not be touched.

        ``values_of`` names an argument that keeps its values if it has any.
        """
        args, kwargs = _mapped(args, self.standing), _mapped(kwargs, self.standing)
        tensors = list(tensors_in((args, kwargs)))
        without_values = any(tensor.is_meta for tensor in tensors)
        if tensors and not (self.real or without_values):
            without_values = _grows(func, args, kwargs)
        if func._schema.is_mutable:
            self._shield_written(func, args, kwargs, without_values)
            args = _mapped(args, self.standing)
            kwargs = _mapped(kwargs, self.standing)
        if without_values:
            kept = _position(func, values_of) if values_of else None
            args = tuple(
                value if position == kept else _mapped(value, self._meta)
                for position, value in enumerate(args)
            )
            kwargs = _mapped(kwargs, self._meta)
        return self._placed(func, args, dict(kwargs), tensors, without_values)

    def standing(self, tensor: Tensor) -> Tensor:
        """Return what stands in for a tensor of the model, and any other tensor itself."""
        known = self._known.get(id(tensor))
        tensor = tensor if known is None else known[1]
        while storage_key(tensor) in self.always:  # a copy may have lost its values to a write
            tensor = self._twin(tensor)
        return tensor

    def _meta(self, tensor: Tensor) -> Tensor:
        return tensor if tensor.is_meta else self._twin(tensor)

    def _shield_written(
        self, func: OpOverload, args: Any, kwargs: Mapping[str, Any], without_values: bool
    ) -> None:
        """Make twins of tensors that are about to be written and must not be, or cannot be."""
        for position, argument in enumerate(func._schema.arguments):
            if argument.alias_info is None or not argument.alias_info.is_write:
                continue
            value = args[position] if position < len(args) else kwargs.get(argument.name)
            for tensor in tensors_in([value]):
                key = storage_key(tensor)
                ours = self.made_here(key) or key in self.origins
                if not tensor.is_meta and (without_values or not ours):
                    self.always.add(key)
                    self._twin(tensor, values=not without_values)

    def _twin(self, tensor: Tensor, *, values: bool = False) -> Tensor:
        storage = tensor.untyped_storage()
        stand_in = self.storages.get(storage._cdata)
        if stand_in is None or (values and stand_in.device.type == "meta"):
            if values:
                stand_in = _copy(storage)
            else:
                bare = torch.empty(storage.nbytes(), dtype=torch.uint8, device=_META)
                stand_in = bare.untyped_storage()
            self.storages[storage._cdata] = stand_in
            self.origins[stand_in._cdata] = self.origins.get(storage._cdata, storage._cdata)
        return _view(stand_in, tensor)

    def _placed(
        self,
        func: OpOverload,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        tensors: list[Tensor],
        without_values: bool,
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Say on which device the result is made: without values, with them, or as was asked."""
        position = _position(func, "device")
        if position is None:
            return args, kwargs
        asked = args[position] if position < len(args) else kwargs.get("device")
        if without_values:
            device: torch.device | None = _META if asked is not None else None
        elif tensors:
            moved = self.real and asked is not None and asked.type != "meta"
            device = asked if asked is None or moved else tensors[0].device
        else:
            device = self._device_of_new(func, args, kwargs, position, asked)
        return _with_device(args, kwargs, position, device)

    def _device_of_new(
        self,
        func: OpOverload,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        position: int,
        asked: torch.device | None,
    ) -> torch.device | None:
        """Small new tensors have values, whatever device ``forward`` took from its arguments."""
        args, kwargs = _with_device(args, kwargs, position, _META)
        sizes = [tensor.numel() for tensor in tensors_in([func(*args, **kwargs)])]
        if self.inside and asked is not None and asked.type == "meta":
            return _META
        if not self.real:
            return _META if max(sizes, default=0) > SMALL else _CPU
        return _CPU if asked is None or asked.type == "meta" else asked


def _mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Return nested arguments with each tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_mapped(item, change) for item in value)
    if isinstance(value, dict):
        return {name: _mapped(item, change) for name, item in value.items()}
    return value


def _copy(storage: UntypedStorage) -> UntypedStorage:
    bytes_of = torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage)
    return bytes_of.clone().untyped_storage()


def _view(storage: UntypedStorage, like: Tensor) -> Tensor:
    """Return a tensor of the same geometry over another storage."""
    bare = torch.empty(0, dtype=like.dtype, device=storage.device)
    return bare.set_(storage, like.storage_offset(), like.shape, like.stride())


def _grows(func: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Say whether small tensors with values would give a large one, as two ranges give a mask.

    Sizes that cannot reach it, whatever the operator does with them, are not tried out.
    """
    reach = 1
    for value in _numbers((args, kwargs)):
        reach *= max(abs(value), 1)
    if reach <= SMALL or func._schema.is_mutable:
        return False
    try:
        result = func(*_mapped(args, _bare), **_mapped(kwargs, _bare))
    except (RuntimeError, NotImplementedError):  # what a shape depends on are values
        return False
    return any(tensor.numel() > SMALL for tensor in tensors_in([result]))


def _numbers(value: Any) -> Iterator[int]:
    """Yield all integers in nested arguments, and of tensors how many elements they have."""
    if isinstance(value, Tensor):
        yield value.numel()
    elif isinstance(value, int):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, dict):
        yield from _numbers(list(value.values()))


def _bare(tensor: Tensor) -> Tensor:
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=_META)


@cache
def _position(func: OpOverload, name: str) -> int | None:
    names = [argument.name for argument in func._schema.arguments]
    return names.index(name) if name in names else None


def _with_device(
    args: tuple[Any, ...], kwargs: dict[str, Any], position: int, device: torch.device | None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if position < len(args):
        return (*args[:position], device, *args[position + 1 :]), kwargs
    return args, {**kwargs, "device": device}
