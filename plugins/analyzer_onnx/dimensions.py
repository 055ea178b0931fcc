"""Open dimensions: their names, sums and products of them, and which one is the batch."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from math import prod

from analyzer import ModelError

__all__ = ["LARGEST", "batch_axis", "names_in", "require_countable", "size_of"]

LARGEST = 2**63 - 1
"""The largest size, and number of elements, that the format can write."""

_TERM = re.compile(r"([+-]?)([^+-]+)")


def size_of(text: str, dims: Mapping[str, int]) -> int | None:
    """Return the size of a dimension by its name, or by the names it is computed from.

    Exporters of language models write ``past_length + length`` for the length of a mask.

    >>> size_of("past + new", {"past": 6, "new": 2}), size_of("2*s0", {"s0": 4})
    (8, 8)
    """
    if text in dims:
        return dims[text]
    total = 0
    for sign, term in _TERM.findall(text):
        product = -1 if sign == "-" else 1
        for factor in map(str.strip, term.split("*")):
            if factor not in dims and not factor.isdecimal():
                return None
            product *= dims[factor] if factor in dims else int(factor)
        total += product
    return total if total >= 0 else None


def names_in(text: str, names: Collection[str]) -> list[str]:
    """Return the names to give for a dimension: its parts where each is one of its own.

    >>> names_in("past + new", {"past", "new"}), names_in("batch-size", {"tokens"})
    (['past', 'new'], ['batch-size'])
    """
    parts = [part for part in map(str.strip, re.split(r"[-+*]", text)) if not part.isdecimal()]
    return parts if all(part in names for part in parts) else [text]


def batch_axis(sizes: Sequence[int | str | None]) -> int | None:
    """Return the axis that the batch size is for: one that is called so, else the first of several.

    >>> batch_axis(("sequence", "batch_size", 8)), batch_axis((None, 3)), batch_axis(("length",))
    (1, 0, None)
    """
    for axis, size in enumerate(sizes):
        if isinstance(size, str) and re.fullmatch(r"batch([_ -]?size)?|bs", size, re.IGNORECASE):
            return axis
    return 0 if len(sizes) > 1 and not isinstance(sizes[0], int) else None


def require_countable(shape: Sequence[int], name: str) -> None:
    """Check that a tensor has not more elements than the format can count.

    What infers shapes computes with integers of eight bytes, and would go on with nonsense.

    Raises:
        ModelError: it has.
    """
    if prod(shape) > LARGEST:
        raise ModelError(
            f"tensor {name!r}: {list(shape)} is more elements than the format can count "
            f"({LARGEST}); the file is damaged, or the inputs are too large"
        )
