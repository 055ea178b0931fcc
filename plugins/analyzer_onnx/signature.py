"""The inputs of a graph, made concrete by what the user said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from analyzer import InputError, InputSpec, Request
from analyzer.dtypes import is_floating
from analyzer_onnx.dtypes import dtype_name

if TYPE_CHECKING:
    from onnx import GraphProto

__all__ = ["Declared", "concrete_inputs", "declared_inputs"]


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
    """Return the inputs of a graph. Old files list their initializers too: those are no inputs."""
    stored = {tensor.name for tensor in graph.initializer}
    stored.update(sparse.values.name for sparse in graph.sparse_initializer)
    found = []
    for item in graph.input:
        if item.name in stored or not item.type.HasField("tensor_type"):
            continue
        tensor = item.type.tensor_type
        sizes: list[int | str | None] = []
        for dimension in tensor.shape.dim:
            if dimension.HasField("dim_value") and dimension.dim_value >= 0:
                sizes.append(dimension.dim_value)
            else:
                sizes.append(dimension.dim_param or None)
        found.append(
            Declared(
                name=item.name,
                dtype=dtype_name(tensor.elem_type, item.name),
                sizes=tuple(sizes) if tensor.HasField("shape") else None,
            )
        )
    return found


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
        sizes = [_size(item, at, size, dims, request) for at, size in enumerate(item.sizes or ())]
        if item.sizes is None or any(size is None for size in sizes):
            open_inputs.append(item)
        made.append((item, tuple(size for size in sizes if size is not None), None))
    if open_inputs:
        listed = "; ".join(f"{item} (give {_flags(item, request)})" for item in open_inputs)
        raise InputError(f"open dimensions of inputs have no size: {listed}")
    return made


def _lone_value(spec: InputSpec) -> np.ndarray | None:
    if spec.value is None or prod(spec.shape) != 1 or is_floating(spec.dtype or ""):
        return None
    return np.asarray(spec.value)


def _size(
    item: Declared, at: int, size: int | str | None, dims: dict[str, int], request: Request
) -> int | None:
    if isinstance(size, int):
        return size
    if size is not None and size in dims:
        return dims[size]
    return request.batch_size if at == 0 and len(item.sizes or ()) > 1 else None


def _flags(item: Declared, request: Request) -> str:
    """Say what to type for an input: its named dimensions, or all of it."""
    names = [
        size
        for at, size in enumerate(item.sizes or ())
        if isinstance(size, str) and at and size not in request.dims
    ]
    sizes = item.sizes or ("?",)
    example = [size if isinstance(size, int) else "N" for size in sizes]
    if item.sizes is not None and example[0] == "N" and len(sizes) > 1:
        example[0] = request.batch_size
    whole = f"--input {item.name}={'x'.join(map(str, example))}"
    named = " ".join(f"--dim {name}=N" for name in dict.fromkeys(names))
    unnamed = sum(size is None for size in sizes[1:])
    return f"{named}, or {whole}" if named and not unnamed else whole


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
    open_names = {size for item in declared for size in item.sizes or () if isinstance(size, str)}
    for name in request.dims:
        if name not in open_names:
            raise InputError(
                f"--dim {name}: the model has no open dimension of this name; "
                f"it has {_listed(sorted(open_names)) or 'none at all'}"
            )
    dims = dict(request.dims)
    for item in declared:
        if item.name not in said or item.sizes is None:
            continue
        for size, given in zip(item.sizes, said[item.name].shape, strict=True):
            if isinstance(size, str) and dims.setdefault(size, given) != given:
                raise InputError(
                    f"input {item.name!r}: dimension {size!r} is {dims[size]} elsewhere and "
                    f"{given} here"
                )
    return dims


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
