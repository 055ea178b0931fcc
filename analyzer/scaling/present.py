"""Lays out how a model's cost grows: the formulas, what they are spent on, a plot, the proof."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.document import Block, Cell, Document, Heading, Items, Plot, Table, Text
from analyzer.scaling.growth import FIGURES, Growth, Overtaking
from analyzer.scaling.polynomial import largest_along
from analyzer.scaling.sampling import Point
from analyzer.scaling.scaling import Scaling
from analyzer.scaling.variables import Variable
from analyzer.units import bound_text

__all__ = ["present_scaling"]

_POINTS = 48
"""Of a line in a plot."""

_LINES = 5
"""In a plot: the whole, and what it is spent on most."""

_MOST_LISTED = 12
_ROWS = 20


def present_scaling(scaling: Scaling) -> Document:
    """Lay out formulas first, then what they are spent on, where shares cross, plot and proof."""
    model = scaling.report.model
    blocks: list[Block] = [
        Heading(text=f"{model.name} · {model.framework} {model.framework_version}: how it grows"),
        Text(text=_told(scaling)),
        *_formulas(scaling),
        *_shares(scaling),
        *_crossings(scaling),
    ]
    plot = _plot(scaling)
    if plot is not None:
        blocks.append(plot)
    samples = _samples(scaling)
    if not all(formula and _everywhere(formula) for formula in scaling.formulas):
        blocks += [Heading(text="What was measured", level=2), *_shown(samples)]
    if scaling.refused:
        blocks += [Heading(text="Sizes that the model refuses", level=2), _refused(scaling)]
    if scaling.notes:
        blocks += [Heading(text="Notes", level=2), Items(items=scaling.notes)]
    return Document(blocks=tuple(blocks), table=samples, data=scaling.to_dict())


def _told(scaling: Scaling) -> str:
    each = []
    for variable in scaling.variables:
        sizes = variable.sizes
        assert sizes is not None
        steps = f" in steps of {sizes.step}" if sizes.step > 1 else ""
        name = str(variable)
        symbol = "" if variable.symbol in (name, "=".join(variable.names)) else variable.symbol
        equals = f"{symbol} = {name}" if symbol else name
        each.append(f"{equals}, from {sizes[0]:,} to {sizes[-1]:,}{steps}")
    convention = f"{scaling.report.convention.name} {scaling.report.convention.version}"
    return f"{'; '.join(each)} · {len(scaling.samples)} analyses · convention {convention}"


def _formulas(scaling: Scaling) -> Iterator[Block]:
    """Lay out the formulas; where and how they hold is told once where it is the same for all."""
    lines = [
        (FIGURES[formula.figure], *line)
        for formula in scaling.formulas
        for line in _lines(formula, scaling.variables)
    ]
    found = {(where, proof) for _, _, where, proof in lines}
    if len(found) > 1:
        yield Table(columns=("Figure", "Formula", "For", "Proof"), rows=tuple(lines))
        return
    yield Table(columns=("Figure", "Formula"), rows=tuple(line[:2] for line in lines))
    for where, proof in found:
        if proof:
            yield Text(text=f"For {where}: each {proof}.")


def _lines(formula: Growth, variables: Sequence[Variable]) -> Iterator[tuple[str, str, str]]:
    """Yield the formula, where it holds and how that is known; a line for each piece."""
    if not formula:
        yield str(formula), "", ""
        return
    fit = formula.fit
    proof = f"made from {len(fit.made_of)} analyses, proved at {len(fit.proved_at)} others"
    moving = sorted({at for piece in fit.pieces for at in piece.variables})
    if len(fit.pieces) > 1 and len(moving) == 1:
        (at,) = moving
        for first, last, piece in largest_along(fit.pieces, at, fit.sizes[at]):
            where = _range(formula.symbols[at], first, last, fit.multiple_of[at])
            yield f"{formula.bound.sign}{piece.text(formula.symbols)}", where, proof
            proof = ""
        return
    yield str(formula), _where(formula), proof


def _range(symbol: str, first: int, last: int, multiple_of: int) -> str:
    multiple = f", a multiple of {multiple_of}" if multiple_of > 1 else ""
    return f"{symbol} from {first:,} to {last:,}{multiple}"


def _where(formula: Growth) -> str:
    """Say for which sizes a formula holds."""
    fit = formula.fit
    each = zip(formula.symbols, fit.sizes, fit.multiple_of, strict=True)
    return "; ".join(_range(symbol, sizes[0], sizes[-1], number) for symbol, sizes, number in each)


def _everywhere(formula: Growth) -> bool:
    return all(number == 1 for number in formula.fit.multiple_of)


def _shares(scaling: Scaling) -> Iterator[Block]:
    """Lay out what MACs and FLOPs are spent on, with the part of the whole at both ends."""
    ends = _ends(scaling)
    if ends is None or not scaling.shares:
        return
    apart = len({_where(each) for each in (*scaling.formulas, *scaling.shares) if each}) > 1
    rows: list[tuple[Cell, ...]] = []
    for share in scaling.shares:
        parts = []
        for point in ends:
            whole = scaling.samples[point].figures[share.figure]
            part = scaling.samples[point].shares.get((share.figure, share.spent_on), 0)
            parts.append(f"{100 * part / whole:.1f} %" if whole else "")
        where = (_where(share) if share else "",) if apart else ()
        rows.append((FIGURES[share.figure], share.spent_on, str(share), *where, *parts))
    yield Heading(text="What it is spent on", level=2)
    at = (f"At {_point(scaling, end)}" for end in ends)
    columns = ("Figure", "Spent on", "Formula", *(("For",) if apart else ()), *at)
    yield Table(columns=columns, rows=tuple(rows))


def _ends(scaling: Scaling) -> tuple[Point, Point] | None:
    """Return the smallest and the largest point that were analysed and have work in them."""
    points = sorted(
        (point for point, sample in scaling.samples.items() if sample.shares),
        key=lambda point: (sum(point), point),
    )
    return (points[0], points[-1]) if len(points) > 1 else None


def _point(scaling: Scaling, point: Sequence[int | None]) -> str:
    pairs = zip(scaling.variables, point, strict=True)
    return ", ".join(f"{each.symbol} = {size:,}" for each, size in pairs if size is not None)


def _crossings(scaling: Scaling) -> Iterator[Block]:
    found = list(dict.fromkeys(_crossing(scaling, each) for each in scaling.overtakings))
    if not found:
        return
    more = len(found) - _MOST_LISTED
    lines = found[:_MOST_LISTED] + ([f"and {more} more, in JSON"] if more > 0 else [])
    yield Heading(text="Where one overtakes another", level=2)
    yield Items(items=tuple(lines))


def _crossing(scaling: Scaling, found: Overtaking) -> str:
    variable = scaling.variables[found.variable]
    symbols = [each.symbol for each in scaling.variables]
    figure = FIGURES[found.figure]
    words = f"{figure} of {found.larger} exceed those of {found.smaller}"
    if found.boundary is not None:
        return f"{words} where {variable.symbol} > {found.boundary.text(symbols)}"
    others = _point(scaling, found.others)
    return f"{words} from {variable.symbol} = {found.since:,} on{f', at {others}' * bool(others)}"


def _plot(scaling: Scaling) -> Plot | None:
    """Draw the MACs, else the FLOPs, else the peak, along the variable of the highest power."""
    order = ("macs", "flops", "peak_activation_bytes", "parameters")
    drawn = [each for name in order for each in scaling.formulas if each.figure == name]
    formula = next((each for each in drawn if _amount(scaling, each.figure)), None)
    if formula is None:
        return None
    at = _steepest(scaling, formula)
    lines = [("all", formula)] + [
        (share.spent_on, share) for share in scaling.shares if share.figure == formula.figure
    ]
    base = _base(scaling, formula, at)
    series = [
        (name, points)
        for name, each in lines[: _LINES if len(lines) > 2 else 1]
        if len(points := tuple(_along(scaling, each, base, at))) > 1
    ]
    if not series:
        return None
    others = _point(scaling, [None if place == at else size for place, size in enumerate(base)])
    title = f"{FIGURES[formula.figure]} by {scaling.variables[at]}" + (
        f", at {others}" if others else ""
    )
    return Plot(title=title, x=scaling.variables[at].symbol, series=tuple(series))


def _amount(scaling: Scaling, figure: str) -> int:
    return max(sample.figures.get(figure, 0) for sample in scaling.samples.values())


def _steepest(scaling: Scaling, formula: Growth) -> int:
    powers = [term for piece in formula.fit.pieces for term in piece.terms]
    degrees = [
        max((term[at] for term in powers), default=0) for at in range(len(scaling.variables))
    ]
    return degrees.index(max(degrees))


def _base(scaling: Scaling, formula: Growth, at: int) -> Point:
    """Return the point through which a line is drawn: the one with most samples beside it."""

    def beside(point: Point) -> int:
        rest = (*point[:at], *point[at + 1 :])
        return sum((*other[:at], *other[at + 1 :]) == rest for other in scaling.samples)

    return max(sorted(scaling.samples), key=beside)


def _along(scaling: Scaling, formula: Growth, base: Point, at: int) -> Iterator[tuple[int, int]]:
    """Yield points of a line: by the formula where it holds, else those that were measured."""
    if formula:
        sizes = formula.fit.sizes[at]
        steps = min(_POINTS, len(sizes))
        for step in range(steps):
            size = sizes[round(step * (len(sizes) - 1) / max(steps - 1, 1))]
            yield size, formula.fit((*base[:at], size, *base[at + 1 :]))
        return
    for point, sample in sorted(scaling.samples.items()):
        if (*point[:at], *point[at + 1 :]) == (*base[:at], *base[at + 1 :]):
            value = (
                sample.shares.get((formula.figure, formula.spent_on), 0)
                if formula.spent_on
                else sample.figures[formula.figure]
            )
            yield point[at], value


def _samples(scaling: Scaling) -> Table:
    """Return every analysis: its sizes and its figures."""
    figures = [formula.figure for formula in scaling.formulas]
    rows: list[tuple[Cell, ...]] = [
        (
            *point,
            *(
                bound_text(sample.figures.get(figure), sample.bound.sign)
                if figure in ("macs", "flops")
                else sample.figures.get(figure)
                for figure in figures
            ),
        )
        for point, sample in sorted(scaling.samples.items())
    ]
    symbols = ("=".join(each.names) for each in scaling.variables)
    return Table(columns=(*symbols, *figures), rows=tuple(rows))


def _shown(samples: Table) -> Iterator[Block]:
    """Show the analyses to people: where there are many, some from all along the table."""
    rows = samples.rows
    shown = min(len(rows), _ROWS)
    picked = [rows[round(at * (len(rows) - 1) / max(shown - 1, 1))] for at in range(shown)]
    names = (FIGURES.get(column, column) for column in samples.columns)
    yield Table(columns=tuple(names), rows=tuple(picked))
    if shown < len(rows):
        yield Text(text=f"{len(rows) - shown} more analyses stand in CSV and JSON.")


def _refused(scaling: Scaling) -> Items:
    """Say what the model refuses, and once why where many sizes are refused with the same words."""
    found: dict[str, list[tuple[Point, str]]] = {}
    for point, message in sorted(scaling.refused.items()):
        words = "".join(letter for letter in message if not letter.isdigit())
        found.setdefault(words, []).append((point, message))
    lines = []
    for refused in found.values():
        points = [f"({_point(scaling, point)})" for point, _ in refused]
        some = ", ".join(points[: _MOST_LISTED // 2])
        more = len(points) - _MOST_LISTED // 2
        lines.append(f"{some}{f' and {more} more' if more > 0 else ''}: {refused[0][1]}")
    return Items(items=tuple(lines))
