"""The sizes that are varied: their names, and the sizes that are looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from analyzer.errors import UsageError

__all__ = ["Variable", "parse_variable", "variables_of"]

_SPELLING = re.compile(
    r"(?P<names>[^=,]+(?:,[^=,]+)*)"
    r"(?:=(?P<first>\d+)(?:\.\.(?P<last>\d+)(?::(?P<step>\d+))?)?)?"
)
_BATCHES = range(1, 33)
_UNTOLD = range(16, 257)
"""Sizes of a dimension for which the model has none of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A size that is varied, or several that are always the same.

    Attributes:
        names: of the dimensions, as the model or the user calls them.
        symbol: what formulas call it.
        sizes: those that are looked at, None where nobody said.
    """

    names: tuple[str, ...]
    symbol: str = ""
    sizes: range | None = None

    def __str__(self) -> str:
        return " = ".join(self.names)

    def around(self, own: int | None) -> Variable:
        """Return it with sizes: those that were said, else some around the model's own."""
        if self.sizes is not None:
            return self
        if self.names == ("batch",):
            return replace(self, sizes=_BATCHES)
        if own is None:
            return replace(self, sizes=_UNTOLD)
        return replace(self, sizes=range(max(own // 2, 1), 2 * own + 1))


def parse_variable(text: str) -> Variable:
    """Read a variable from the command line.

    Raises:
        UsageError: the text is none, or its range is empty.

    >>> parse_variable("sequence=128..4096:128")
    Variable(names=('sequence',), symbol='', sizes=range(128, 4097, 128))
    >>> parse_variable("height,width").names
    ('height', 'width')
    """
    found = _SPELLING.fullmatch(text.strip())
    if found is None or (found["first"] is not None and found["last"] is None):
        raise UsageError(
            f"--vary {text!r} is not understood; write a name and a range, as in batch, "
            "sequence=128..4096, sequence=128..4096:128 or height,width=64..256"
        )
    names = tuple(name.strip() for name in found["names"].split(","))
    if found["first"] is None:
        return Variable(names=names)
    first, last, step = int(found["first"]), int(found["last"]), int(found["step"] or 1)
    if step < 1:
        raise UsageError(f"--vary {text!r}: a step of {step} leads nowhere; give 1 or more")
    return _checked(Variable(names=names, sizes=range(first, last + 1, step)), text)


def variables_of(vary: object) -> tuple[Variable, ...]:
    """Return the variables that the library was given.

    Names are mapped to a range, to the first and the last size, with a step or without, to text
    such as ``"128..4096"``, or to None; a name or an iterable of names and texts will do.

    Raises:
        UsageError: something else came, a name came twice, or a range is empty.

    >>> [str(each) for each in variables_of({"batch": None, "height,width": (64, 256)})]
    ['batch', 'height = width']
    """
    if isinstance(vary, (str, Variable)):
        vary = [vary]
    if isinstance(vary, Mapping):
        found = [_variable(name, sizes) for name, sizes in vary.items()]
    elif isinstance(vary, Iterable):
        found = [one if isinstance(one, Variable) else parse_variable(str(one)) for one in vary]
    else:
        raise UsageError(f"vary {vary!r} is no mapping of names to sizes; give one")
    names = [name for each in found for name in each.names]
    if not names:
        raise UsageError("nothing is to be varied; name a size, as in --vary batch")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UsageError(f"{twice[0]!r} is varied twice; name it once")
    return _with_symbols(found)


def _variable(name: object, sizes: object) -> Variable:
    if not isinstance(name, str):
        raise UsageError(f"{name!r} is no name of a size; give text, as in 'sequence'")
    if isinstance(sizes, str):
        return parse_variable(f"{name}={sizes}")
    found = parse_variable(name)
    if sizes is None:
        return found
    if isinstance(sizes, range):
        return _checked(replace(found, sizes=sizes), name)
    numbers = list(sizes) if isinstance(sizes, Sequence) else []
    whole = all(isinstance(each, int) and not isinstance(each, bool) for each in numbers)
    if len(numbers) not in (2, 3) or not whole or numbers[2:] == [0]:
        raise UsageError(
            f"sizes of {name!r} are {sizes!r}; give a range, or the first and the last size"
        )
    first, last, *step = numbers
    return _checked(replace(found, sizes=range(first, last + 1, *step)), name)


def _checked(variable: Variable, text: str) -> Variable:
    sizes = variable.sizes
    assert sizes is not None
    if len(sizes) < 2 or sizes.step < 0:
        first, last = sizes.start, sizes.stop - 1
        raise UsageError(
            f"{text!r}: there are no two sizes from {first} to {last} in steps of {sizes.step}; "
            "give the smaller size first, and a larger one"
        )
    if sizes.start < 1:
        raise UsageError(f"{text!r}: sizes start at {sizes.start}; give positive ones")
    return variable


def _with_symbols(variables: Sequence[Variable]) -> tuple[Variable, ...]:
    """Give each its first letter for a symbol, or its name where letters are not enough."""
    letters = [each.names[0][0].lower() for each in variables]
    return tuple(
        replace(
            each,
            symbol=letter
            if letters.count(letter) == 1 and letter.isalpha()
            else "=".join(each.names),
        )
        for each, letter in zip(variables, letters, strict=True)
    )
