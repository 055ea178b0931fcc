"""Exact integers as people read them. Nothing is rounded before this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

__all__ = [
    "COUNT_UNITS",
    "bound_text",
    "bytes_text",
    "count_text",
    "shape_text",
    "short_text",
    "some_text",
]

Number = TypeVar("Number", int, float, int | None)

COUNT_UNITS = {
    "": 1,
    "K": 1000,
    "k": 1000,
    "M": 1000**2,
    "B": 1000**3,  # as in a model of 7B parameters
    "G": 1000**3,
    "T": 1000**4,
    "P": 1000**5,
}
"""What people write behind a number of things."""

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def count_text(value: float | None) -> str:
    """Group the digits; a count that is not known is a dash, a share has two places.

    >>> count_text(4089184256), count_text(None), count_text(1234.5)
    ('4,089,184,256', '—', '1,234.50')
    """
    if value is None:
        return "—"
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"


def bound_text(value: Number, sign: str) -> str | Number:
    """Leave an exact count as it is, and put before a bound the sign that says which.

    >>> bound_text(1024, "≥ "), bound_text(1024, "")
    ('≥ 1,024', 1024)
    """
    return f"{sign}{count_text(value)}" if sign and value is not None else value


def bytes_text(value: int | None) -> str:
    """Show bytes in units of 1024, beside the exact number; nothing below 1,024.

    >>> bytes_text(102_228_128), bytes_text(896)
    ('97.49 MiB', '')
    """
    if value is None or abs(value) < 1024:
        return ""
    power = min((abs(value).bit_length() - 1) // 10, len(_UNITS))
    return f"{value / 1024**power:.2f} {_UNITS[power - 1]}"


def shape_text(shape: tuple[int, ...]) -> str:
    """Show a shape.

    >>> shape_text((1, 3, 224, 224)), shape_text(())
    ('1×3×224×224', 'scalar')
    """
    return "×".join(map(str, shape)) or "scalar"


def short_text(value: float) -> str:
    """Show a number in a few characters, for the axis of a plot.

    >>> short_text(384.0), short_text(5_676_990_464), short_text(12_500)
    ('384', '5.68 G', '12.5 k')
    """
    for power, prefix in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if abs(value) >= 10 ** (power + (power == 3)):
            return f"{value / 10**power:.3g} {prefix}"
    return f"{value:,.0f}"


def some_text(names: Sequence[str]) -> str:
    """List the first two names, and how many more there are.

    >>> some_text(["a", "b"]), some_text(["a", "b", "c", "d"])
    ('a, b', 'a, b and 2 more')
    """
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more
