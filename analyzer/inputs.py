"""What a user can say of a model's inputs, and the one form that importers get it in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analyzer.dtypes import BITS
from analyzer.errors import InputError

__all__ = ["InputSpec", "normalize_inputs", "parse_input"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """One input as far as the user described it.

    Attributes:
        name: which input, None for "the next one".
        shape: its sizes.
        dtype: its element type, None to let the model decide.
        value: the array or tensor itself where one was given.
    """

    name: str | None = None
    shape: tuple[int, ...]
    dtype: str | None = None
    value: Any = None

    def __str__(self) -> str:
        text = "x".join(map(str, self.shape)) or "scalar"
        named = f"{self.name}={text}" if self.name else text
        return f"{named}:{self.dtype}" if self.dtype else named


_INPUT = re.compile(r"(?:(?P<name>[^=]+)=)?(?P<shape>scalar|\d+(?:[x,]\d+)*)(?::(?P<dtype>\w+))?")


def parse_input(text: str) -> InputSpec:
    """Read an input from the command line: ``1x3x224x224`` or ``tokens=1x128:int64``.

    Raises:
        InputError: the text is neither.

    >>> parse_input("tokens=1x128:int64")
    InputSpec(name='tokens', shape=(1, 128), dtype='int64', value=None)
    """
    match = _INPUT.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"input {text!r} is not understood; write [name=]sizes[:dtype], "
            "as in 1x3x224x224 or tokens=1x128:int64"
        )
    sizes = match["shape"]
    shape = () if sizes == "scalar" else tuple(int(size) for size in re.split("[x,]", sizes))
    return InputSpec(name=match["name"], shape=shape, dtype=_known(match["dtype"], text))


def normalize_inputs(inputs: object) -> tuple[InputSpec, ...]:
    """Bring what the library was given into one form.

    Takes None, an array or tensor, a shape, an :class:`InputSpec`, or a tuple, list or dict
    of them. A sequence of integers is a shape, not several inputs.

    Raises:
        InputError: something else came.

    >>> [str(spec) for spec in normalize_inputs({"tokens": (1, 128)})]
    ['tokens=1x128']
    """
    if inputs is None:
        return ()
    if isinstance(inputs, Mapping):
        return tuple(_spec(value, str(name)) for name, value in inputs.items())
    if isinstance(inputs, (tuple, list)) and not _is_shape(inputs):
        return tuple(_spec(value, None) for value in inputs)
    return (_spec(inputs, None),)


def _spec(value: object, name: str | None) -> InputSpec:
    if isinstance(value, InputSpec):
        return value
    if isinstance(value, str):
        spec = parse_input(value)
        return InputSpec(name=spec.name or name, shape=spec.shape, dtype=spec.dtype)
    if isinstance(value, (tuple, list)) and _is_shape(value):
        return InputSpec(name=name, shape=_sizes(value, name))
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        dtype = str(value.dtype).rpartition(".")[2]
        shape = tuple(int(size) for size in value.shape)
        return InputSpec(name=name, shape=shape, dtype=_known(dtype, name or "input"), value=value)
    if isinstance(value, (bool, int, float)):
        dtype = {bool: "bool", int: "int64", float: "float32"}[type(value)]
        return InputSpec(name=name, shape=(), dtype=dtype, value=value)
    raise InputError(
        f"{_called(name)} is of type {type(value).__name__}; give an "
        "array, a tensor, a shape such as (1, 3, 224, 224), or a tuple or dict of them"
    )


def _called(name: str | None) -> str:
    return f"input {name!r}" if name else "an input"


def _is_shape(value: Sequence[object]) -> bool:
    """Say whether these are sizes; None among them is one that is open."""
    sizes = [size for size in value if size is not None]
    whole = all(isinstance(size, int) and not isinstance(size, bool) for size in sizes)
    return whole and (bool(sizes) or not value)


def _sizes(value: Sequence[Any], name: str | None) -> tuple[int, ...]:
    wrong = [size for size in value if size is None or size < 0]
    if wrong:
        raise InputError(
            f"{_called(name)} has the size {wrong[0]} in {tuple(value)}; give every dimension a "
            "size, open ones too"
        )
    return tuple(int(size) for size in value)


def _known(dtype: str | None, where: str) -> str | None:
    if dtype is not None and dtype not in BITS:
        raise InputError(
            f"input {where!r}: dtype {dtype!r} is not known; known are {', '.join(sorted(BITS))}"
        )
    return dtype
