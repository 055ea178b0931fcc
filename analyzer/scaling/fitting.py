"""From samples to formulas: how many sizes a polynomial needs, and whether it holds at others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import lcm, prod
from random import Random

from analyzer.scaling.polynomial import Polynomial, interpolate
from analyzer.scaling.sampling import Point, Sample, Sampler

__all__ = ["Fit", "Ground", "fit", "fit_largest", "narrowed", "prepare"]

_DEGREE = 4
"""The highest power of one size that is looked for: attention has 2, a matrix's inverse 3."""

_LEADING = ("parameters", "macs", "flops", "integer_ops", "input_bytes", "output_bytes")
"""The figures by which the number of samples is chosen."""

_PERIODS = tuple(odd * two for odd in (1, 7, 3, 5, 9, 27) for two in (64, 32, 16, 8, 4, 2, 1))
"""Sizes in strided and windowed models often count by multiples of these."""

_EACH = 4  # sizes at least that a period must leave: as many as a square needs, and one left out
_INSIDE = 3
"""Points besides the ends at which formulas are held to an analysis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The points on which formulas are looked for.

    Attributes:
        reach: all sizes of each variable that the model takes, as far as it was tried.
        taken: what those are multiples of, because the model takes no others.
        sizes: those of each variable on which formulas are looked for.
        multiple_of: what each variable's sizes are multiples of; 1 where all sizes will do.
        degrees: the highest power of each variable.
    """

    reach: tuple[Sequence[int], ...]
    taken: tuple[int, ...]
    sizes: tuple[Sequence[int], ...]
    multiple_of: tuple[int, ...]
    degrees: tuple[int, ...]

    @property
    def nodes(self) -> tuple[tuple[int, ...], ...]:
        """The sizes of each variable from which polynomials are made."""
        pairs = zip(self.sizes, self.degrees, strict=True)
        return tuple(tuple(sizes[: degree + 1]) for sizes, degree in pairs)

    @property
    def grid(self) -> tuple[Point, ...]:
        """The points from which polynomials are made."""
        return tuple(product(*self.nodes))

    def __contains__(self, point: Point) -> bool:
        return all(size in sizes for size, sizes in zip(point, self.sizes, strict=True))

    def left_out(self) -> Iterator[Point]:
        """Yield points that make no polynomial: the ends of all ranges, and some inside."""
        yield tuple(sizes[-1] for sizes in self.sizes)
        draw = Random(0)  # the same for everybody
        for _ in range(_INSIDE):
            yield tuple(draw.choice(sizes) for sizes in self.sizes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A formula for a figure, or why there is none.

    Attributes:
        pieces: polynomials of which the largest is the figure; one where it is a polynomial, none
            where no formula holds.
        multiple_of: of which numbers the sizes must be multiples for it to hold.
        sizes: of each variable, between which it is said to hold; none where it does not.
        made_of: points that it was made from.
        proved_at: points that were left out, and where it holds.
        reason: why there is no formula.
    """

    pieces: tuple[Polynomial, ...] = ()
    multiple_of: tuple[int, ...] = ()
    sizes: tuple[Sequence[int], ...] = ()
    made_of: tuple[Point, ...] = ()
    proved_at: tuple[Point, ...] = ()
    reason: str = ""

    def __bool__(self) -> bool:
        return bool(self.pieces)

    def __call__(self, point: Sequence[int]) -> int:
        """Return the figure at a point."""
        value = max(piece(point) for piece in self.pieces)
        assert value.denominator == 1
        return value.numerator


def prepare(sampler: Sampler, sizes: Sequence[Sequence[int]], base: Point) -> Ground:
    """Find on what sizes and with what powers the figures can be polynomials, and sample there.

    ``base`` is a point that the model takes.
    """
    taken = tuple(_step(sampler, base, at, each) for at, each in enumerate(sizes))
    sizes = [_multiples(each, step) for each, step in zip(sizes, taken, strict=True)]
    sizes = [_reach(sampler, base, at, each) for at, each in enumerate(sizes)]
    corner = tuple(each[0] for each in sizes)
    base = sampler.anchor([corner, base])
    ground = _lines(sampler, sizes, base, taken)
    # Where the smallest sizes are a case of their own, and where powers show only together.
    tries = [ground, _without_first(ground), _raised(ground)]
    for tried in tries:
        if _holds(sampler, tried):
            return tried
    return ground


def narrowed(sampler: Sampler, ground: Ground) -> Iterator[Ground]:
    """Yield grounds without the smaller sizes of one variable, sampled as well.

    What a model does at small sizes may be a case of its own, as where an importer works out small
    tensors beforehand.
    """
    known = _holds(sampler, ground)
    for part in (8, 2):
        for at, all_sizes in enumerate(ground.sizes if known else ground.reach):
            fewer = all_sizes[len(all_sizes) // part :]
            if len(fewer) == len(all_sizes) or len(fewer) < 2 * _EACH:
                continue
            sizes = list(ground.sizes if known else ground.reach)
            sizes[at] = fewer
            found = replace(ground, sizes=tuple(sizes))
            if not known:
                base = tuple(each[0] for each in sizes)
                if sampler(base) is None:
                    continue
                found = _lines(sampler, sizes, base, ground.taken, periodic=False)
                found = replace(found, reach=ground.reach)
            _holds(sampler, found)
            yield found


def fit(
    ground: Ground, samples: Mapping[Point, Sample], figure: Callable[[Sample], int | None]
) -> Fit:
    """Return a formula for one figure of the samples; one that they lack is taken for 0."""
    values = {point: figure(sample) or 0 for point, sample in samples.items()}
    missing = [point for point in ground.grid if point not in values]
    if missing:
        return Fit(reason=f"the model refuses {_listed(missing[0])}, which a formula needs")
    polynomial = interpolate(ground.nodes, {point: values[point] for point in ground.grid})
    return _proved(ground, values, (polynomial,))


def fit_largest(
    ground: Ground, samples: Mapping[Point, Sample], figure: str, rest: Polynomial
) -> Fit | None:
    """Return a formula for a peak: the largest of what is live at each node, and what is added.

    ``rest`` is what is added to it. None where the model does not run the same nodes
    at all sizes, or one of them follows no polynomial.
    """
    inside = {point: sample for point, sample in samples.items() if point in ground}
    rows = [sample.live for sample in inside.values()]
    if any(point not in inside for point in ground.grid) or any(row is None for row in rows):
        return None
    lives = [row for row in rows if row is not None]
    if len({len(row) for row in lives}) != 1 or not lives[0]:
        return None
    pieces: list[Polynomial] = []
    origin = tuple(each[0] for each in ground.sizes)
    columns = sorted(set(zip(*lives, strict=True)), key=lambda column: column[-1], reverse=True)
    for column in columns:
        values = dict(zip(inside, column, strict=True))
        piece = interpolate(ground.nodes, {point: values[point] for point in ground.grid})
        if any(piece(point) != value for point, value in values.items()):
            return None
        if not any(piece.never_exceeds(other, origin) for other in pieces):
            pieces = [other for other in pieces if not other.never_exceeds(piece, origin)]
            pieces.append(piece)
    values = {point: sample.figures[figure] for point, sample in inside.items()}
    found = _proved(ground, values, tuple(piece + rest for piece in pieces))
    return found or None


def fit_several(
    grounds: Sequence[Ground], samples: Mapping[Point, Sample], figure: str
) -> Fit | None:
    """Return a formula for a figure that is the largest of the polynomials on several grounds."""
    values = {point: sample.figures[figure] for point, sample in samples.items()}
    grids = [ground.grid for ground in grounds if all(point in values for point in ground.grid)]
    pieces: list[Polynomial] = []
    for ground in grounds:
        if ground.grid in grids:
            piece = interpolate(ground.nodes, {point: values[point] for point in ground.grid})
            pieces += [piece] if piece not in pieces else []
    if len(pieces) < 2:
        return None
    made_of = tuple(dict.fromkeys(point for grid in grids for point in grid))
    return _proved(grounds[0], values, tuple(pieces), made_of) or None


def _proved(
    ground: Ground,
    values: Mapping[Point, int],
    pieces: tuple[Polynomial, ...],
    made_of: tuple[Point, ...] = (),
) -> Fit:
    """Hold polynomials to all samples on their ground, and to the others where there are some."""
    made_of = made_of or ground.grid
    inside: list[Point] = []
    outside: list[bool] = []
    for point, value in values.items():
        holds = max(piece(point) for piece in pieces) == value
        if point not in ground:
            outside.append(holds)
        elif not holds:
            return Fit(reason=f"at {_listed(point)} it is {value:,}, off the polynomial")
        elif point not in made_of:
            inside.append(point)
    if not inside:
        return Fit(reason="there are too few sizes to make a formula and leave one out")
    everywhere = len(outside) >= _INSIDE and all(outside)
    return Fit(
        pieces=pieces,
        multiple_of=ground.taken if everywhere else ground.multiple_of,
        sizes=ground.reach if everywhere else ground.sizes,
        made_of=made_of,
        proved_at=tuple(point for point in values if point not in made_of)
        if everywhere
        else tuple(inside),
    )


def _listed(point: Point) -> str:
    return ", ".join(map(str, point))


def _reach(sampler: Sampler, base: Point, at: int, sizes: Sequence[int]) -> Sequence[int]:
    """Cut a variable's sizes to those that the model takes, as far as halving tells."""

    def taken(position: int) -> bool:
        return sampler((*base[:at], sizes[position], *base[at + 1 :])) is not None

    here = sizes.index(base[at])
    high = len(sizes) - 1
    if not taken(high):
        low = here
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if taken(middle) else (low, middle)
        high = low
    low = 0
    if not taken(low):
        top = here
        while top - low > 1:
            middle = (low + top) // 2
            low, top = (low, middle) if taken(middle) else (middle, top)
        low = top
    return sizes[low : high + 1]


def _multiples(sizes: Sequence[int], number: int) -> Sequence[int]:
    return sizes if number == 1 else [size for size in sizes if size % number == 0]


def _step(sampler: Sampler, base: Point, at: int, sizes: Sequence[int]) -> int:
    """Return of what number sizes must be multiples for the model to take them at all."""
    here = base[at]
    steps = sorted(period for period in _PERIODS if here % period == 0)
    for step in steps:
        beside = [size for size in (here - step, here + step) if size in sizes]
        if step == 1:  # the next ones in their own steps
            near = sizes.index(here)
            beside = [*sizes[max(near - 1, 0) : near], *sizes[near + 1 : near + 2]]
        if any(sampler((*base[:at], size, *base[at + 1 :])) is not None for size in beside):
            return step
    return 1


def _lines(
    sampler: Sampler,
    sizes: Sequence[Sequence[int]],
    base: Point,
    taken: tuple[int, ...],
    *,
    periodic: bool = True,
) -> Ground:
    """Find for each variable alone which powers of it there are, the others at their base."""
    kept: list[Sequence[int]] = []
    periods: list[int] = []
    degrees: list[int] = []
    for at, each in enumerate(sizes):
        degree = _degree(sampler, base, at, each)
        period = 1
        found = _periodic(sampler, base, at, each) if degree is None and periodic else None
        if found is not None:
            period, degree = found
        kept.append(_multiples(each, period))
        base = (*base[:at], kept[-1][0], *base[at + 1 :])
        periods.append(lcm(period, taken[at]))
        degrees.append(1 if degree is None else degree)
    return Ground(
        reach=tuple(sizes),
        taken=taken,
        sizes=tuple(kept),
        multiple_of=tuple(periods),
        degrees=tuple(degrees),
    )


def _degree(sampler: Sampler, base: Point, at: int, sizes: Sequence[int]) -> int | None:
    """Return the highest power of one variable, None where no polynomial holds along it."""

    def value(size: int) -> dict[str, int] | None:
        sample = sampler((*base[:at], size, *base[at + 1 :]))
        return None if sample is None else {name: sample.figures.get(name, 0) for name in _LEADING}

    for degree in range(min(_DEGREE + 1, len(sizes) - 1)):
        nodes = sizes[: degree + 1]
        if _follows(value, nodes, {sizes[degree + 1], sizes[-1]}):
            return degree
    return None


def _follows(
    value: Callable[[int], Mapping[str, int] | None], nodes: Sequence[int], others: set[int]
) -> bool:
    """Say whether the polynomials through values at nodes hold at other sizes."""
    known = {size: value(size) for size in (*nodes, *others)}
    if None in known.values():
        return False
    found = {size: figures for size, figures in known.items() if figures is not None}
    for name in _LEADING:
        made = interpolate([nodes], {(size,): found[size][name] for size in nodes})
        if any(made((size,)) != found[size][name] for size in others):
            return False
    return True


def _periodic(
    sampler: Sampler, base: Point, at: int, sizes: Sequence[int]
) -> tuple[int, int] | None:
    """Return a number, and the degree of the polynomials that hold for multiples of it."""
    tried: list[int] = []
    for period in _PERIODS:
        multiples = _multiples(sizes, period)
        # Multiples of a tried period are multiples of its factors: those fail with it.
        if len(multiples) < _EACH or any(one % period == 0 for one in tried):
            continue
        tried.append(period)
        degree = _degree(sampler, base, at, multiples)
        if degree is not None:
            return _smallest(sampler, base, at, sizes, period, degree), degree
    return None


def _smallest(
    sampler: Sampler, base: Point, at: int, sizes: Sequence[int], period: int, degree: int
) -> int:
    """Return the smallest factor of a period that will do."""

    def value(size: int) -> dict[str, int] | None:
        sample = sampler((*base[:at], size, *base[at + 1 :]))
        return None if sample is None else {name: sample.figures.get(name, 0) for name in _LEADING}

    nodes = [size for size in sizes if size % period == 0][: degree + 1]
    for prime in (2, 3, 5, 7):
        while period % prime == 0:
            less = period // prime
            between = [size for size in sizes if size % less == 0 and size % period]
            if not between:
                break
            if not _follows(value, nodes, {between[0], between[len(between) // 2]}):
                break
            period = less
    return period


def _holds(sampler: Sampler, ground: Ground) -> bool:
    """Sample the ground, and say whether the leading figures are polynomials on it."""
    if any(
        len(sizes) <= degree for sizes, degree in zip(ground.sizes, ground.degrees, strict=True)
    ):
        return False
    for point in (*ground.grid, *ground.left_out()):
        sampler(point)
    return all(
        fit(ground, sampler.samples, lambda sample, name=name: sample.figures.get(name))  # type: ignore[misc]
        for name in _LEADING
    )


def _without_first(ground: Ground) -> Ground:
    sizes = tuple(each[1:] if len(each) > _EACH else each for each in ground.sizes)
    return replace(ground, sizes=sizes)


def _raised(ground: Ground) -> Ground:
    most = max(ground.degrees)
    sizes = tuple(each[1:] if len(each) > most + 2 else each for each in ground.sizes)
    degrees = tuple(
        min(most, len(each) - 2) if len(each) > 2 else degree
        for each, degree in zip(sizes, ground.degrees, strict=True)
    )
    if prod(degree + 1 for degree in degrees) > 64:
        return ground
    return replace(ground, sizes=sizes, degrees=degrees)
