"""Raw JAX code, followed through its jaxpr."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np

from analyzer import Tensor
from analyzer_keras.jaxpr import Reader
from analyzer_keras.jaxpr_call import Stored, Value
from analyzer_keras.raw import Hole, RawCall

__all__ = ["follow"]

_MARKER = "analyzer_layer"


def follow(raw: RawCall) -> Sequence[Tensor | str]:
    """Let JAX trace the code on shapes alone, and write the equations that it makes of it.

    Variables are arguments, to be told apart. One that is found to be read and is not among them
    makes another run, in which it is.
    """
    import jax

    natives = [_shape_of(one, one.dtype) for one in raw.inputs]
    variables = list(raw.variables)
    while True:
        code = _Code(raw, variables)
        stored = [_shape_of(one, one._dtype) for one in variables]
        closed = jax.make_jaxpr(code.run)(natives, stored)
        if not code.missed:
            return _written(raw, code.holes, closed, [*raw.inputs, *variables])
        variables += code.missed


class _Code:
    """One run of the code on JAX's tracers."""

    def __init__(self, raw: RawCall, variables: Sequence[Any]) -> None:
        self.raw = raw
        self.variables = variables
        self.missed: list[Any] = []
        self.holes: list[Hole] = []

    def run(self, natives: Sequence[Any], stored: Sequence[Any]) -> list[Any]:
        import jax

        known = {id(one): native for one, native in zip(self.variables, stored, strict=True)}

        def value(variable: Any) -> Any:
            if id(variable) in known:
                return known[id(variable)]
            self.missed.append(variable)
            nothing = np.zeros((), jax.numpy.dtype(variable._dtype))
            return np.broadcast_to(nothing, variable.shape)

        return self.raw.run(natives, value, self._mark, aside=jax.ensure_compile_time_eval)

    def _mark(self, hole: Hole) -> Sequence[Any]:
        self.holes.append(hole)
        outputs = tuple((tuple(one.shape), str(one.dtype)) for one in hole.outputs)
        made: Sequence[Any] = _marker().bind(*hole.inputs, key=len(self.holes) - 1, outputs=outputs)
        return made


def _written(
    raw: RawCall, holes: Sequence[Hole], closed: Any, symbols: Sequence[Any]
) -> list[Tensor | str]:
    def write(key: Any, inputs: Sequence[Value], times: int) -> list[Tensor]:
        hole = holes[key]
        told = [_told(reader, *each) for each in zip(inputs, hole.given, strict=True)]
        return raw.write(hole, told, times)

    reader = Reader(raw.builder, layer=raw.path, marker=_MARKER, hole=write)
    results = reader.read(closed, [_value(raw, one) for one in symbols])
    return [_told(reader, *each) for each in zip(results, closed.out_avals, strict=True)]


def _told(reader: Reader, value: Value, like: Any) -> Tensor | str:
    return reader.tensor(value, like) if value.stored is None else value.stored.name


def _shape_of(symbolic: Any, dtype: str) -> Any:
    import jax

    kind = jax.dtypes.canonicalize_dtype(dtype)  # without 64 bits where JAX has none
    return jax.ShapeDtypeStruct(tuple(symbolic.shape), kind)  # type: ignore[no-untyped-call]


def _value(raw: RawCall, symbolic: Any) -> Value:
    shape = tuple(symbolic.shape)
    known = raw.value(symbolic)
    if isinstance(known, Tensor):
        return Value(shape=shape, tensor=known)
    vector = max(shape, default=1) == prod(shape)
    return Value(shape=shape, stored=Stored(known, raw.role(known), vector=vector))


@cache
def _marker() -> Any:
    """Return the primitive that stands for a layer; JAX is told of it once."""
    from jax.core import ShapedArray
    from jax.dtypes import canonicalize_dtype
    from jax.extend.core import Primitive

    marker = Primitive(_MARKER)
    marker.multiple_results = True

    def shapes(*inputs: Any, key: int, outputs: Sequence[Any]) -> list[Any]:
        return [ShapedArray(shape, canonicalize_dtype(dtype)) for shape, dtype in outputs]

    marker.def_abstract_eval(shapes)  # type: ignore[no-untyped-call]
    return marker
