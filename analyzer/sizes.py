"""Sizes by name: in inputs and arguments that the user wrote, as in ``tokens=1x{sequence}``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from analyzer.errors import InputError
from analyzer.given import parse_value
from analyzer.inputs import OPEN, Input, resized, tensors_in

__all__ = ["sized_arguments", "sized_inputs"]

_NAME = re.compile(r"\{([^\W\d][\w.-]*)\}")


def sized_inputs(
    inputs: Sequence[Input], dims: Mapping[str, int], batch_size: int
) -> tuple[tuple[Input, ...], dict[str, int]]:
    """Return inputs with their named sizes put in, and what these are.

    The batch size is for an open size called ``batch``.

    Raises:
        InputError: a name has no size.

    >>> from analyzer.given import parse_input
    >>> made, used = sized_inputs([parse_input("tokens={batch}x{length}")], {"length": 8}, 2)
    >>> str(made[0]), used
    ('tokens=2x8', {'batch': 2, 'length': 8})
    """
    told = (resized(item, dims) for item in inputs)
    made = tuple(resized(item, {"batch": batch_size}, only_open=True) for item in told)
    used: dict[str, int] = {}
    for spec in tensors_in(made):
        for name, size in spec.named_sizes.items():
            if size == OPEN:
                raise InputError(
                    f"input {str(spec)!r}: nothing tells the size {name!r}; give --dim {name}=N"
                )
            used[name] = size
    return made, used


def sized_arguments(
    arguments: Mapping[str, object], sizes: Mapping[str, int]
) -> tuple[dict[str, object], dict[str, int]]:
    """Return arguments with sizes for the names in braces in their text, and what these are.

    What else stands in braces is left as it is.

    >>> sized_arguments({"shape": "({n}, {n}, 3)", "name": "{any}"}, {"n": 8})
    ({'shape': (8, 8, 3), 'name': '{any}'}, {'n': 8})
    """
    made: dict[str, object] = {}
    used: dict[str, int] = {}
    for key, value in arguments.items():
        names = set(_NAME.findall(value)) & set(sizes) if isinstance(value, str) else set()
        if names:
            assert isinstance(value, str)
            text = _NAME.sub(
                lambda found: str(sizes[found[1]]) if found[1] in sizes else found[0], value
            )
            made[key] = parse_value(text)
            used |= {name: sizes[name] for name in sorted(names)}
        else:
            made[key] = value
    return made, used
