"""How the cost of a model grows with the sizes of its inputs: exact formulas, and their proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analyzer.analyses import Analyses
from analyzer.engine import Bound
from analyzer.errors import InputError, UsageError
from analyzer.report import Report
from analyzer.scaling.fitting import Fit, Ground, fit, fit_largest, fit_several, narrowed, prepare
from analyzer.scaling.growth import FIGURES, WORK, Growth, Overtaking, overtakings
from analyzer.scaling.polynomial import Polynomial
from analyzer.scaling.sampling import Point, Sample, Sampler, Share
from analyzer.scaling.variables import Variable, variables_of

__all__ = ["Scaling", "scale"]

SCHEMA_VERSION = "1.0"

_TABLE = 7
"""Sizes of each variable in the table of what follows no formula."""


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """How a model's cost grows. ``print`` shows it; ``scaling["macs"]`` is one formula.

    Attributes:
        report: of one of the analyses.
        variables: what was varied; points are their sizes in this order.
        samples: every analysis that was made.
        refused: sizes that the model does not take, and why.
        formulas: one for each figure.
        shares: one for each thing that MACs and FLOPs are spent on.
        overtakings: where one share comes to be more than another.
        bound: what MACs and FLOPs are to the true ones, at any of the sizes.
        notes: how the model was read, and every bound.
    """

    report: Report = field(repr=False)
    variables: tuple[Variable, ...]
    samples: Mapping[Point, Sample] = field(repr=False)
    refused: Mapping[Point, str] = field(repr=False)
    formulas: tuple[Growth, ...]
    shares: tuple[Growth, ...]
    overtakings: tuple[Overtaking, ...]
    bound: Bound
    notes: tuple[str, ...]

    def __getitem__(self, figure: str) -> Growth:
        """Return the formula of a figure, such as ``"macs"``.

        Raises:
            KeyError: there is no such figure.
        """
        for each in self.formulas:
            if each.figure == figure:
                return each
        known = ", ".join(each.figure for each in self.formulas)
        raise KeyError(f"{figure!r} is no figure of this model; there are {known}")

    def __str__(self) -> str:
        return self.render("table")

    def _repr_html_(self) -> str:
        return self.render("html")

    def render(self, format: str = "table") -> str:
        """Return the result as text in one of the formats."""
        from analyzer.discovery import registry
        from analyzer.scaling.present import present_scaling

        return registry().renderer(format).render(present_scaling(self))

    def to_dict(self) -> dict[str, Any]:
        """Return what ``analyzer scale --format json`` writes."""
        report = self.report.to_dict()
        return {
            "schema_version": SCHEMA_VERSION,
            "model": report["model"],
            "convention": report["convention"],
            "convention_version": report["convention_version"],
            "variables": [
                {
                    "names": list(each.names),
                    "symbol": each.symbol,
                    "first": each.sizes[0],
                    "last": each.sizes[-1],
                    "step": each.sizes.step,
                }
                for each in self.variables
                if each.sizes is not None
            ],
            "complete": Bound.LOWER not in self.bound,
            "bound": self.bound.words,
            "formulas": [each.to_dict() for each in self.formulas],
            "shares": [each.to_dict() for each in self.shares],
            "overtakings": [each.to_dict() for each in self.overtakings],
            "samples": [
                {"sizes": list(point), "figures": {**dict.fromkeys(FIGURES), **sample.figures}}
                for point, sample in sorted(self.samples.items())
            ],
            "refused": [
                {"sizes": list(point), "message": message}
                for point, message in sorted(self.refused.items())
            ],
            "notes": list(self.notes),
        }


def scale(
    model: object,
    inputs: object = None,
    *,
    vary: object,
    batch_size: int = 1,
    convention: str = "analyzer",
    mode: str = "inference",
    dims: Mapping[str, int] | None = None,
    arguments: Mapping[str, object] | None = None,
) -> Scaling:
    """Find how a model's cost grows with sizes: exact polynomials, held to sizes left out.

    Args:
        model: as for :func:`analyzer.analyze`, like all arguments but ``vary``.
        inputs: a name in braces in the text of one can be varied, as in ``"tokens=1x{sequence}"``.
        vary: the names of sizes, each with a range, the first and last size (and a step), text such
            as ``"128..4096"``, or None for sizes around the model's own; names with commas between
            are varied as one.
        batch_size: where it is not varied.
        convention: name of the way of counting.
        mode: ``"inference"`` or ``"train"``.
        dims: sizes by name that stay as they are.
        arguments: for what makes the model; a name in braces in the text of one can be varied.

    Raises:
        UsageError: a name is none of the model's, or is fixed besides; a range is empty.
        ModelError: the model could not be read.
    """
    analyses = Analyses(model, inputs, convention=convention, mode=mode, arguments=arguments)
    variables = variables_of(vary)
    varied = {name for variable in variables for name in variable.names}
    clash = sorted(varied.intersection(dims or {}))
    if clash:
        raise UsageError(f"size {clash[0]!r} is both fixed and varied; leave one of the two out")
    fixed = {"batch": batch_size, **(dims or {})} if batch_size > 1 else dict(dims or {})

    def at(point: Point) -> Report:
        sizes = {
            name: size
            for variable, size in zip(variables, point, strict=True)
            for name in variable.names
        }
        return analyses.at(batch_size, {**(dims or {}), **sizes})

    if any(each.sizes is None for each in variables):
        variables = _with_sizes(analyses, variables, batch_size, fixed)
    sizes = [each.sizes for each in variables if each.sizes is not None]
    sampler = Sampler(at)
    base = sampler.anchor(list(dict.fromkeys(_anchors(sizes))))
    ground = prepare(sampler, sizes, base)
    assert sampler.report is not None
    if len(sampler.samples) == 1:
        (point,) = sampler.samples
        taken = ", ".join(f"{each} = {size}" for each, size in zip(variables, point, strict=True))
        why = next(iter(sampler.refused.values()), "")
        raise InputError(f"of the sizes that were tried the model takes only {taken}: {why}")
    grounds = [ground]
    if not all(_figures(sampler, grounds).values()):
        for narrower in narrowed(sampler, ground):
            grounds.append(narrower)
            if all(_figures(sampler, grounds).values()):
                break
    found = _figures(sampler, grounds)
    if not all(found.values()) or any(number > 1 for number in ground.multiple_of):
        for point in _spread(sizes, next(iter(ground.grid))):
            sampler(point)
        found = _figures(sampler, grounds)
    bound = Bound.EXACT
    for sample in sampler.samples.values():
        bound |= sample.bound
    symbols = tuple(each.symbol for each in variables)
    shares = _shares(sampler, grounds, symbols)
    return Scaling(
        report=sampler.report,
        variables=variables,
        samples=sampler.samples,
        refused=sampler.refused,
        formulas=tuple(
            Growth(
                figure=figure,
                fit=each,
                symbols=symbols,
                bound=bound if figure in WORK else Bound.EXACT,
            )
            for figure, each in found.items()
        ),
        shares=shares,
        overtakings=tuple(overtakings(shares, ground)),
        bound=bound,
        notes=_notes(sampler),
    )


def _with_sizes(
    analyses: Analyses, variables: Sequence[Variable], batch_size: int, dims: Mapping[str, int]
) -> tuple[Variable, ...]:
    """Give sizes to variables for which nobody said any: around those that the model has."""
    some = {
        name: each.sizes[0] for each in variables if each.sizes is not None for name in each.names
    }
    try:
        own = analyses.at(batch_size, {**dims, **some}).model.dims
    except InputError:  # a size is open that nothing tells: there is none of the model's own
        own = {}
    return tuple(each.around(own.get(each.names[0])) for each in variables)


def _anchors(sizes: Sequence[range]) -> Iterator[Point]:
    """Yield points where a model may be at home: the ends, multiples of 16, halves of the range."""
    yield tuple(each[0] for each in sizes)
    yield tuple(each[-1] for each in sizes)
    for period in (224, 64, 32, 16):
        multiples = [[size for size in each if size % period == 0] for each in sizes]
        if all(multiples):
            yield tuple(each[0] for each in multiples)
    for half in range(1, 8):
        yield tuple(each[len(each) >> half] for each in sizes)


def _spread(sizes: Sequence[range], base: Point) -> Iterator[Point]:
    """Yield points for a table: along each variable, the others at their base."""
    for at, each in enumerate(sizes):
        for step in range(_TABLE):
            size = each[round(step * (len(each) - 1) / (_TABLE - 1))]
            yield (*base[:at], size, *base[at + 1 :])


def _figures(sampler: Sampler, grounds: Sequence[Ground]) -> dict[str, Fit]:
    """Return a formula for each figure: on the first of the grounds on which there is one."""
    known = {name for sample in sampler.samples.values() for name in sample.figures}
    found: dict[str, Fit] = {}
    for figure in FIGURES:
        if figure in known and _any(sampler, figure):
            each = [_figure(sampler, ground, figure, found) for ground in grounds]
            if figure.startswith("peak"):
                several = fit_several(grounds, sampler.samples, figure)
                each.insert(1, several or each[0])
            found[figure] = next(filter(None, each), each[0])
    return found


def _figure(sampler: Sampler, ground: Ground, figure: str, found: Mapping[str, Fit]) -> Fit:
    rest = _rest(figure, found)
    peak = None if rest is None else fit_largest(ground, sampler.samples, figure, rest)
    return peak or fit(ground, sampler.samples, lambda sample: sample.figures.get(figure))


def _any(sampler: Sampler, figure: str) -> bool:
    """Say whether a figure is there: what is 0 at all sizes is left out, but for the main ones."""
    figures = (sample.figures.get(figure) for sample in sampler.samples.values())
    return figure not in ("integer_ops",) or any(figures)


def _rest(figure: str, found: Mapping[str, Fit]) -> Polynomial | None:
    """Return what a peak holds besides activations, None for what is no peak."""
    if figure == "peak_activation_bytes":
        return Polynomial({})
    stored, inputs = found.get("stored_bytes"), found.get("input_bytes")
    if figure == "peak_bytes" and stored and inputs:
        return stored.pieces[0] + inputs.pieces[0]
    return None


def _shares(
    sampler: Sampler, grounds: Sequence[Ground], symbols: tuple[str, ...]
) -> tuple[Growth, ...]:
    """Return a formula for each thing that work is spent on, the largest of each figure first."""
    names = dict.fromkeys(share for sample in sampler.samples.values() for share in sample.shares)
    size = sampler.samples[max(sampler.samples)].shares
    made = []
    for share in sorted(names, key=lambda share: (share[0] != "macs", -size.get(share, 0))):
        each = [_share(sampler, ground, share) for ground in grounds]
        fit = next(filter(None, each), each[0])
        made.append(Growth(figure=share[0], spent_on=share[1], symbols=symbols, fit=fit))
    return tuple(made)


def _share(sampler: Sampler, ground: Ground, share: Share) -> Fit:
    return fit(ground, sampler.samples, lambda sample: sample.shares.get(share))


def _notes(sampler: Sampler) -> tuple[str, ...]:
    """Return the notes of all analyses; those that differ in their numbers only are told once."""
    found: dict[str, str] = {}
    for sample in sampler.samples.values():
        for note in sample.notes:
            words = "".join(letter for letter in note if not letter.isdigit())
            found.setdefault(words, note)
    return tuple(found.values())
