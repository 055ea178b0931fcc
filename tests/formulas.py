"""Reads derivations back from what was printed, and works them out."""

from __future__ import annotations

import re

__all__ = ["latex_formulas", "number", "plain_formulas", "worked_out"]

_ROUNDED = {"floor": lambda a, b: a // b, "ceil": lambda a, b: -(-a // b)}
_SIGNS = {
    "·": "*", "−": "-", "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", " / ": ", ",
    r"\cdot": "*", r"\lfloor ": "floor(", r" \rfloor": ")", r"\lceil ": "ceil(", r" \rceil": ")",
}  # fmt: skip


def worked_out(numbers: str) -> int:
    """Return what a derivation with its numbers put in comes to."""
    for sign, meaning in _SIGNS.items():
        numbers = numbers.replace(sign, meaning)
    left = re.sub(r"floor|ceil", "", numbers)
    assert re.fullmatch(r"[\d\s()+*,-]+", left), numbers
    found = eval(numbers, {"__builtins__": {}}, dict(_ROUNDED))
    assert isinstance(found, int)
    return found


def number(text: str) -> int:
    """Return a number whose digits are grouped."""
    return int(text.replace("{,}", "").replace(",", ""))


def plain_formulas(text: str) -> list[tuple[str, int]]:
    """Find in a text each derivation in numbers, with the value that it is said to have."""
    found = re.findall(r"(?<== )([^=]*[\d)⌋⌉]) = ([\d,]+)(?![\d.·(])", text)
    return [(numbers, number(value)) for numbers, value in found]


def latex_formulas(text: str) -> list[tuple[str, int]]:
    """Find in LaTeX each derivation in numbers, with the value that it is said to have."""
    sides = [formula.split(" = ") for formula in re.findall(r"\$([^$]*)\$", text)]
    return [
        (numbers, number(value))
        for *_, numbers, value in (side for side in sides if len(side) > 1)
        if r"\text" not in numbers
    ]
