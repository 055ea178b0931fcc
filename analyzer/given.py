"""From what a user writes or hands over to the inputs of a call."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from analyzer.dtypes import BITS
from analyzer.errors import InputError
from analyzer.inputs import (
    OPEN,
    Input,
    InputGroup,
    InputSpec,
    InputValue,
    called,
    is_record,
    named,
    path_to,
)

__all__ = ["normalize_inputs", "parse_input", "parse_value"]

_SIZE = r"(?:\d+|\{[^\W\d][\w.-]*\})"
_INPUT = re.compile(
    rf"(?:(?P<name>[^={{}}]+)=)?(?P<shape>scalar|{_SIZE}(?:[x,]{_SIZE})*)(?::(?P<dtype>\w+))?"
)
_VALUE = re.compile(r"(?P<name>[^=]*):=(?P<value>.+)", re.DOTALL)
_WORDS = {"false": False, "none": None, "null": None, "true": True}
_PLAIN = (bool, int, float, complex, str, bytes, Enum, type(None))


def parse_input(text: str) -> InputSpec | InputValue:
    """Read an input from the command line.

    ``1x3x224x224`` and ``tokens=1x128:int64`` are tensors, ``use_cache:=False`` is a value. A name
    in braces stands for a size that is told elsewhere: ``tokens=1x{sequence}``.

    Raises:
        InputError: the text is none of them.

    >>> parse_input("tokens=1x128:int64")
    InputSpec(name='tokens', shape=(1, 128), dtype='int64', value=None, axes=())
    >>> parse_input("{batch}x3").shape, parse_input("{batch}x3").axes
    ((-1, 3), ('batch', ''))
    >>> parse_input("use_cache:=False")
    InputValue(name='use_cache', value=False)
    """
    text = text.strip()
    value = _VALUE.fullmatch(text)
    if value is not None:
        return InputValue(name=value["name"] or None, value=parse_value(value["value"]))
    match = _INPUT.fullmatch(text)
    if match is None:
        raise InputError(
            f"input {text!r} is not understood; write [name=]sizes[:dtype], "
            "as in 1x3x224x224 or tokens=1x128:int64, or name:=value, as in use_cache:=False"
        )
    sizes = [] if match["shape"] == "scalar" else re.findall(_SIZE, match["shape"])
    axes = tuple(size[1:-1] if size.startswith("{") else "" for size in sizes)
    return InputSpec(
        name=match["name"],
        shape=tuple(OPEN if axis else int(size) for axis, size in zip(axes, sizes, strict=True)),
        dtype=_known(match["dtype"], text),
        axes=axes if any(axes) else (),
    )


def parse_value(text: str) -> object:
    """Read a value from the command line: a Python literal, else true, false, null or a string.

    >>> parse_value("[4, 7]"), parse_value("false"), parse_value("same")
    ([4, 7], False, 'same')
    """
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return _WORDS.get(text.lower(), text)


def normalize_inputs(inputs: object) -> tuple[Input, ...]:
    """Bring what the library was given into one form: a tuple of the arguments of a call.

    A tuple or list is several inputs in order, a mapping several by name; a sequence of integers
    is a shape, and so is a string that :func:`parse_input` would take for one. An input is an array
    or tensor, a shape, a number, a string, None, or a container of inputs: a tuple, list, mapping
    or dataclass, to any depth. Whatever stands in an :class:`InputValue` is passed as it is.

    Raises:
        InputError: something else came.

    >>> [str(spec) for spec in normalize_inputs({"tokens": (1, 128), "flag": True})]
    ['tokens=1x128', 'flag:=True']
    >>> [str(spec) for spec in normalize_inputs({"images": [(3, 8, 8), (3, 6, 8)]})]
    ['images=[3x8x8, 3x6x8]']
    """
    if inputs is None:
        return ()
    if isinstance(inputs, Mapping) and not is_dataclass(inputs):
        return tuple(named(_input(item, str(key)), str(key)) for key, item in inputs.items())
    if isinstance(inputs, (tuple, list)) and not (is_record(inputs) or _is_shape(inputs)):
        return tuple(_input(item, f"[{index}]") for index, item in enumerate(inputs))
    return (_input(inputs, ""),)


def _input(value: Any, path: str) -> Input:
    """Describe what was given at a path; the name is for whoever holds it to say."""
    if isinstance(value, (InputSpec, InputValue, InputGroup)):
        return value
    if isinstance(value, str) and _INPUT.fullmatch(value):
        return parse_input(value)
    if isinstance(value, _PLAIN):
        return InputValue(value=value)
    if is_record(value):
        return _group(value._asdict().items(), value, path)
    if isinstance(value, (tuple, list)):
        if _is_shape(value):
            return InputSpec(shape=_sizes(value, path))
        return _group(enumerate(value), value, path)
    if isinstance(value, Mapping):
        return _group(value.items(), value, path)
    shape = _shape_of(value, path)
    if shape is not None and hasattr(value, "dtype"):
        # TensorFlow writes "<dtype: 'float32'>" and calls it "float32"; PyTorch has no names.
        dtype = getattr(value.dtype, "name", None) or str(value.dtype).rpartition(".")[2]
        return InputSpec(shape=shape, dtype=_known(dtype, path or "input"), value=value)
    if is_dataclass(value) and not isinstance(value, type):
        held = ((field.name, getattr(value, field.name)) for field in fields(value))
        return _group(held, value, path)
    raise InputError(
        f"{called(path)} is of type {type(value).__name__}; give an array, a tensor, a shape such "
        "as (1, 3, 224, 224), a tuple, dict or dataclass of them, or analyzer.InputValue(value=…) "
        "around what is to be passed as it is"
    )


def _group(items: Iterable[tuple[Any, Any]], like: Any, path: str) -> InputGroup:
    return InputGroup(
        items={key: _input(item, path_to(path, key)) for key, item in items}, like=like
    )


def _shape_of(value: Any, path: str) -> tuple[int, ...] | None:
    """Return the sizes of an array, None of what has no shape."""
    try:
        shape = getattr(value, "shape", None)
        return None if shape is None else tuple(int(size) for size in shape)
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(
            f"{called(path)}, of type {type(value).__name__}, has no shape of plain sizes; give "
            "one that has, such as a padded tensor"
        ) from error


def _is_shape(value: Sequence[object]) -> bool:
    """Say whether these are sizes; None among them is one that is open."""
    sizes = [size for size in value if size is not None]
    whole = all(isinstance(size, int) and not isinstance(size, bool) for size in sizes)
    return whole and (bool(sizes) or value == ())


def _sizes(value: Sequence[Any], path: str) -> tuple[int, ...]:
    wrong = [size for size in value if size is None or size < 0]
    if wrong:
        raise InputError(
            f"{called(path)} has the size {wrong[0]} in {tuple(value)}; give every dimension a "
            "size, open ones too"
        )
    return tuple(int(size) for size in value)


def _known(dtype: str | None, where: str) -> str | None:
    if dtype is not None and dtype not in BITS:
        raise InputError(
            f"input {where!r}: dtype {dtype!r} is not known; known are {', '.join(sorted(BITS))}"
        )
    return dtype
