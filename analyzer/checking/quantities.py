"""Quantities as people write them, read without rounding: ``300M``, ``512KiB``, ``1%``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from analyzer.errors import UsageError
from analyzer.units import COUNT_UNITS

__all__ = ["parse_bytes", "parse_count", "parse_percent"]

_BYTES = {
    "": 1,
    "B": 1,
    "GB": 1000**3,
    "GiB": 1024**3,
    "KB": 1000,
    "KiB": 1024,
    "MB": 1000**2,
    "MiB": 1024**2,
    "TB": 1000**4,
    "TiB": 1024**4,
    "kB": 1000,
}
# Digits may be grouped in threes, as the tables of this project print them.
_QUANTITY = re.compile(
    r"(?P<number>(?:[0-9]{1,3}(?:[,_][0-9]{3})+|[0-9]{1,40})(?:\.[0-9]{1,40})?)"
    r" ?(?P<unit>[A-Za-z]*)"
)
_PERCENT = re.compile(r"(?P<number>[0-9]{1,9}(?:\.[0-9]{1,40})?) ?%")


def parse_count(value: int | str) -> int:
    """Read a number of things; K, M, G (or B), T and P are powers of 1000.

    Raises:
        UsageError: it is no count.

    >>> parse_count("4.1G"), parse_count("25,557,032"), parse_count(8)
    (4100000000, 25557032, 8)
    """
    return _whole(value, COUNT_UNITS, "a whole number, or one with K, M, G or T, as in 300M")


def parse_bytes(value: int | str) -> int:
    """Read a number of bytes; KiB, MiB, GiB, TiB are powers of 1024, kB, MB, GB, TB of 1000.

    Raises:
        UsageError: it is no number of bytes.

    >>> parse_bytes("512KiB"), parse_bytes("1.5GB"), parse_bytes(8)
    (524288, 1500000000, 8)
    """
    return _whole(value, _BYTES, "bytes, or a number with KiB, MiB, GiB, KB, MB or GB, as in 2MiB")


def parse_percent(value: int | str) -> Fraction:
    """Read a percentage as a fraction; 0 needs no sign.

    Raises:
        UsageError: it is none.

    >>> parse_percent("0.5%"), parse_percent(0)
    (Fraction(1, 200), Fraction(0, 1))
    """
    if value in (0, "0") and not isinstance(value, bool):
        return Fraction(0)
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise UsageError(f"{value!r} is not understood; write a percentage, as in 1% or 0.5%")
    return Fraction(Decimal(match["number"])) / 100


def _whole(value: int | str, units: Mapping[str, int], expected: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            raise UsageError(f"{value} is less than nothing; write {expected}")
        return value
    match = _QUANTITY.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise UsageError(f"{value!r} is not understood; write {expected}")
    if match["unit"] not in units:
        raise UsageError(f"{value!r}: the unit {match['unit']!r} is not known; write {expected}")
    digits = match["number"].replace(",", "").replace("_", "")
    amount = Fraction(digits) * units[match["unit"]]
    if amount.denominator != 1:
        raise UsageError(f"{value!r} is {float(amount)}, no whole number; write {expected}")
    return amount.numerator
