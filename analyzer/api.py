"""The library's entry points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from analyzer.analyses import Analyses
from analyzer.discovery import registry
from analyzer.errors import UsageError
from analyzer.report import Report

if TYPE_CHECKING:
    from analyzer.checking.result import Check
    from analyzer.comparing.comparison import Comparison, Comparisons
    from analyzer.conventions import Convention
    from analyzer.reconciling.reconciliation import Reconciliation

__all__ = ["analyze", "check", "compare", "conventions_named", "reconcile"]


def analyze(
    model: object,
    inputs: object = None,
    *,
    batch_size: int = 1,
    convention: str = "analyzer",
    mode: str = "inference",
    dims: Mapping[str, int] | None = None,
    arguments: Mapping[str, object] | None = None,
) -> Report:
    """Analyse a model of any supported framework.

    Args:
        model: a model object, the path of a file, a ``"module:callable"`` string, or an
            :class:`analyzer.ir.Model`.
        inputs: arrays, tensors, shapes, values, or a tuple or dict of them, in any nesting; None
            where the model tells.
        batch_size: for inputs whose first dimension nothing else tells.
        convention: name of the way of counting.
        mode: ``"inference"``, or ``"train"`` for what training would do.
        dims: sizes of dimensions by name: open ones of the model, those of inputs that the model's
            library tells, and names in braces, as in ``"tokens=1x{sequence}"`` or in an argument.
        arguments: for the callable of a ``"module:callable"``, or for a file that describes how a
            model is made.

    Raises:
        UsageError: an input, name or option does not fit.
        ModelError: the model could not be read.

    >>> from analyzer import ModelBuilder
    >>> builder = ModelBuilder(name="empty", framework="mine", framework_version="1", source="")
    >>> analyze(builder.build(inputs=[], outputs=[])).totals.parameters.total
    0
    """
    analyses = Analyses(
        model,
        inputs,
        convention=convention,
        mode=mode,
        arguments=arguments,
    )
    return analyses.at(batch_size, dims)


def check(
    model: object,
    inputs: object = None,
    *,
    complete: bool = False,
    baseline: str | Path | Report | None = None,
    allow_growth: int | str = 0,
    batch_size: int = 1,
    convention: str = "analyzer",
    mode: str = "inference",
    dims: Mapping[str, int] | None = None,
    arguments: Mapping[str, object] | None = None,
    **budgets: int | str,
) -> Check:
    """Hold a model to budgets; ``check(…).require()`` raises where one is broken.

    Args:
        model: as for :func:`analyze`, or a report.
        inputs: as for :func:`analyze`, in any nesting; None where the model tells.
        complete: nothing may be left uncounted.
        baseline: a report that no figure may outgrow, or the file that holds its JSON.
        allow_growth: by how much each figure may, as in ``"1%"``.
        batch_size: for inputs whose first dimension nothing else tells.
        convention: name of the way of counting.
        mode: ``"inference"`` or ``"train"``.
        dims: sizes of named dynamic dimensions.
        arguments: for what makes the model.
        **budgets: the most that figures may be, as in ``max_macs="300M"`` and
            ``max_peak="512KiB"``, and what they have to be, as in ``expect_parameters=25_557_032``.

    Raises:
        UsageError: a budget, an input or a name does not fit, or nothing is asked.
        ModelError: the model could not be read.

    >>> from analyzer import ModelBuilder
    >>> builder = ModelBuilder(name="empty", framework="mine", framework_version="1", source="")
    >>> check(builder.build(inputs=[], outputs=[]), max_macs="300M", expect_parameters=0).passed
    True
    """
    from analyzer.checking.run import check_models
    from analyzer.checking.settings import Given, asked_of

    for name in budgets:
        if not name.startswith(("max_", "expect_")):
            raise UsageError(f"check() takes no {name!r}; a budget is max_… or expect_…")
    reading: dict[str, Any] = {
        "inputs": inputs, "batch_size": batch_size, "convention": convention, "mode": mode,
        "dims": dims, "arguments": arguments,
    }  # fmt: skip
    if isinstance(model, Report):
        if inputs is not None or dims or arguments:
            raise UsageError(
                f"{model.model.name} is a report already; leave inputs, dims and arguments out"
            )
        reading = {}
    told = {"complete": complete, "baseline": baseline, "allow_growth": allow_growth, **budgets}
    settings = {
        name.replace("_", "-"): Given(value, name)
        for name, value in told.items()
        if value is not None
    }
    found = check_models([replace(asked_of(model, settings), reading=reading)])
    for checked in found.models:
        if checked.error is not None:
            raise checked.error
    return found


@overload
def compare(a: object, b: object, /, *, convention: str = "analyzer") -> Comparison: ...


@overload
def compare(
    a: object, b: object, c: object, /, *more: object, convention: str = "analyzer"
) -> Comparisons: ...


def compare(
    a: object, b: object, /, *more: object, convention: str = "analyzer"
) -> Comparison | Comparisons:
    """Compare a model with one other or more; each is an object, path, string or Report.

    Args:
        a: the first model, from which the others differ: a model object, the path of a file, a
            ``"module:callable"`` string, or the :class:`Report` on one.
        b: another.
        more: others, each compared with the first; the result is then :class:`Comparisons`.
        convention: name of the way of counting, for what is no report yet.

    Raises:
        UsageError: two reports were made under different conventions.
        ModelError: one of them could not be read.
    """
    from analyzer.comparing.comparison import compare_all

    return compare_all(
        [
            one if isinstance(one, Report) else analyze(one, convention=convention)
            for one in (a, b, *more)
        ]
    )


def reconcile(
    model: object,
    inputs: object = None,
    *,
    conventions: Iterable[str] = (),
    number: str | int | None = None,
    **reading: Any,
) -> Reconciliation:
    """Count one model as other tools would, and explain every number from our MACs.

    Args:
        model: as for :func:`analyze`, or a :class:`Report`.
        inputs: as for :func:`analyze`.
        conventions: names of those to show; all where there is none.
        number: one that somebody told of this model, to look for: ``4111512576``, ``"4.11G"``.
        reading: whatever else :func:`analyze` takes, but no convention.

    Raises:
        UsageError: an input, name or option does not fit.
        ModelError: the model could not be read.
    """
    from analyzer.reconciling.reconciliation import reconcile_report

    if isinstance(conventions, str):
        raise UsageError(f"conventions {conventions!r} are names; give a list of them")
    shown = conventions_named(conventions)
    report = model if isinstance(model, Report) else analyze(model, inputs, **reading)
    return reconcile_report(report, shown, number)


def conventions_named(names: Iterable[str]) -> tuple[Convention, ...]:
    """Return the conventions of these names, each once; all where there are none.

    Raises:
        UnknownNameError: there is none of a name.
    """
    known = registry()
    return tuple(map(known.convention, dict.fromkeys(names) or known.conventions))
