"""The inputs of a graph, made concrete by what the user said."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from analyzer import InputError, InputSpec, ModelError, Request
from analyzer.dtypes import is_floating
from analyzer_onnx.dimensions import LARGEST, batch_axis, names_in, size_of
from analyzer_onnx.dtypes import dtype_name

if TYPE_CHECKING:
    from onnx import GraphProto

__all__ = ["Declared", "concrete_inputs", "declared_inputs", "named_sizes", "takes_batch"]

_MOST_LISTED = 4  # inputs; a language model has one for each layer's cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """An input as the file declares it.

    Attributes:
        sizes: a number, the name of an open dimension, or None for an open one without a name;
            None altogether where even the rank is open.
    """

    name: str
    dtype: str
    sizes: tuple[int | str | None, ...] | None

    def __str__(self) -> str:
        if self.sizes is None:
            return f"{self.name} of any rank"
        return f"{self.name} {'x'.join('?' if size is None else str(size) for size in self.sizes)}"


def declared_inputs(graph: GraphProto) -> list[Declared]:
    """Return the tensors among the inputs of a graph.

    Old files list their initializers too: those are no inputs.

    Raises:
        ModelError: a name is no text, or a type is not one of ONNX's.
    """
    found = []
    stored = {tensor.name for tensor in graph.initializer}
    stored.update(sparse.values.name for sparse in graph.sparse_initializer)
    for item in graph.input:
        if not isinstance(item.name, str):
            raise ModelError(f"input {item.name!r}: the name is no text; the file is damaged")
        kind = item.type.WhichOneof("value")
        if item.name in stored or kind not in ("tensor_type", "sparse_tensor_type"):
            continue
        tensor = getattr(item.type, kind)
        sizes: list[int | str | None] = []
        for dimension in tensor.shape.dim:
            if dimension.HasField("dim_value") and dimension.dim_value >= 0:
                sizes.append(dimension.dim_value)
            else:
                name = dimension.dim_param
                # PaddlePaddle calls whatever it does not know "?", which is no name.
                sizes.append(name if isinstance(name, str) and name not in ("", "?") else None)
        found.append(
            Declared(
                name=item.name,
                dtype=dtype_name(tensor.elem_type, item.name),
                sizes=tuple(sizes) if tensor.HasField("shape") else None,
            )
        )
    return found


def takes_batch(declared: Sequence[Declared]) -> bool:
    """Say whether an input has an open dimension that the batch size is for."""
    names = _batch_names(declared)
    axes = [(item.sizes, batch_axis(item.sizes)) for item in declared if item.sizes is not None]
    return any(axis is not None and sizes[axis] in (None, *names) for sizes, axis in axes)


def named_sizes(
    declared: Sequence[Declared], shapes: Sequence[tuple[int, ...]], request: Request
) -> dict[str, int]:
    """Return the sizes of the open dimensions of inputs that were not given whole, by name."""
    said = _by_name(declared, request.flat_inputs())
    rest = [item for item in declared if item.name not in said]
    dims = {"batch": request.batch_size} if takes_batch(rest) else {}
    for item, shape in zip(declared, shapes, strict=True):
        if item.name not in said:
            named = zip(item.sizes or (), shape, strict=True)
            dims |= {name: size for name, size in named if isinstance(name, str)}
    return dims


def concrete_inputs(
    declared: Sequence[Declared], request: Request
) -> list[tuple[Declared, tuple[int, ...], np.ndarray | None]]:
    """Give every input its sizes: from ``--input``, ``--dim``, the batch size, or the file.

    A single integer or truth value that was given comes with it: it may be a trip count or the
    condition of a branch.

    Raises:
        InputError: a name, a rank, a size or a type does not fit, or a dimension stays open; then
            all open ones are listed, with what to type.
    """
    said = _by_name(declared, request.flat_inputs())
    dims = _dims(declared, said, request)
    made = []
    open_inputs = []
    for item in declared:
        spec = said.get(item.name)
        if spec is not None:
            made.append((item, spec.shape, _lone_value(spec)))
            continue
        sizes = [_size(item, axis, dims, request) for axis in range(len(item.sizes or ()))]
        if item.sizes is None or None in sizes:
            open_inputs.append(item)
        made.append((item, tuple(size for size in sizes if size is not None), None))
    if open_inputs:
        raise InputError(_missing(open_inputs, declared, dims, request))
    for item, shape, _ in made:
        if prod(shape) > LARGEST:
            raise InputError(
                f"input {item.name!r}: {'x'.join(map(str, shape))} is more elements than the "
                f"format can count ({LARGEST}); give smaller sizes"
            )
    return made


def _lone_value(spec: InputSpec) -> np.ndarray | None:
    if spec.value is None or prod(spec.shape) != 1 or is_floating(spec.dtype or ""):
        return None
    return np.asarray(spec.value)


def _size(item: Declared, axis: int, dims: dict[str, int], request: Request) -> int | None:
    sizes = item.sizes or ()
    size = sizes[axis]
    if isinstance(size, str):
        return size_of(size, dims)
    if size is None and axis == batch_axis(sizes):
        return request.batch_size
    return size


def _missing(
    open_inputs: Sequence[Declared],
    declared: Sequence[Declared],
    dims: dict[str, int],
    request: Request,
) -> str:
    """Say what to type: each name once, and all of an input that has open sizes without a name."""
    names = _open_names(declared)
    flags: dict[str, None] = {}
    for item in open_inputs:
        sizes = [_size(item, axis, dims, request) for axis in range(len(item.sizes or ()))]
        missing = [name for name, size in zip(item.sizes or (), sizes, strict=True) if size is None]
        if item.sizes is None or None in missing:
            known = ["N" if size is None else str(size) for size in sizes]
            flags[f"--input {item.name}={'x'.join(known) or 'NxN'}"] = None
            continue
        needed = [part for name in missing for part in names_in(str(name), names)]
        flags.update((f"--dim {shlex.quote(name)}=N", None) for name in needed if name not in dims)
    listed = ", ".join(map(str, open_inputs[:_MOST_LISTED]))
    if len(open_inputs) > _MOST_LISTED:
        listed += f" and {len(open_inputs) - _MOST_LISTED} more"
    return f"open dimensions of inputs have no size: {listed}; give {' '.join(flags)}"


def _by_name(declared: Sequence[Declared], specs: Sequence[InputSpec]) -> dict[str, InputSpec]:
    names = [item.name for item in declared]
    said: dict[str, InputSpec] = {}
    for spec in specs:
        free = [name for name in names if name not in said]
        name = spec.name if spec.name is not None else next(iter(free), None)
        if name is None:
            raise InputError(f"input {spec}: the model takes only {len(names)} ({_listed(names)})")
        if name not in names:
            raise InputError(
                f"input {spec}: the model has no input {name!r}; it has {_listed(names)}"
            )
        _check(declared[names.index(name)], spec)
        said[name] = spec
    return said


def _check(item: Declared, spec: InputSpec) -> None:
    if spec.dtype is not None and spec.dtype != item.dtype:
        raise InputError(
            f"input {item.name!r}: the model takes {item.dtype} and {spec.dtype} came; "
            "convert it, or leave the type out"
        )
    if item.sizes is None:
        return
    if len(spec.shape) != len(item.sizes):
        raise InputError(
            f"input {item.name!r}: the model takes {len(item.sizes)} dimensions ({item}) and "
            f"{spec} has {len(spec.shape)}"
        )
    for axis, (size, given) in enumerate(zip(item.sizes, spec.shape, strict=True)):
        if isinstance(size, int) and size != given and size:
            raise InputError(
                f"input {item.name!r}: dimension {axis} is fixed at {size} in the file and {given} "
                "came; give the size of the file, or export the model with an open dimension"
            )


def _dims(
    declared: Sequence[Declared], said: dict[str, InputSpec], request: Request
) -> dict[str, int]:
    """Sizes of named dimensions: as given, and as the inputs that were given imply."""
    open_names = _open_names(declared)
    request.check_dims((*open_names, *(("batch",) if takes_batch(declared) else ())))
    dims = dict(request.dims)
    given = [
        (item, name, size)
        for item in declared
        if item.name in said and item.sizes is not None
        for name, size in zip(item.sizes, said[item.name].shape, strict=True)
        if isinstance(name, str)
    ]
    given.sort(key=lambda one: names_in(one[1], open_names) != [one[1]])  # sums after their parts
    for item, name, size in given:
        known = size_of(name, dims)
        if known is not None and known != size:
            raise InputError(
                f"input {item.name!r}: dimension {name!r} is {known} elsewhere and {size} here"
            )
        dims[name] = size
    for name in _batch_names(declared):
        dims.setdefault(name, request.batch_size)
    return dims


def _open_names(declared: Sequence[Declared]) -> set[str]:
    return {size for item in declared for size in item.sizes or () if isinstance(size, str)}


def _batch_names(declared: Sequence[Declared]) -> set[str]:
    """Return the names that the batch size is for; one that has another place too is none."""
    batch: set[str] = set()
    others: set[str] = set()
    for item in declared:
        axis = batch_axis(item.sizes or ())
        for at, size in enumerate(item.sizes or ()):
            if isinstance(size, str):
                (batch if at == axis else others).add(size)
    return batch - others


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
