"""The library's entry points."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from analyzer.analysis import report_on
from analyzer.discovery import registry
from analyzer.errors import AnalyzerError, ModelError, NoImporterError, PluginError, UsageError
from analyzer.given import normalize_inputs
from analyzer.importer import Mode, Request
from analyzer.ir import Node
from analyzer.ops.control import Branch, Repeat, Unknown
from analyzer.report import Report
from analyzer.sources import read_model

if TYPE_CHECKING:
    from analyzer.checking.result import Check
    from analyzer.comparison import Comparison, Comparisons
    from analyzer.conventions import Convention
    from analyzer.reconciliation import Reconciliation

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
        dims: sizes of named dynamic dimensions.
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
    known = registry()
    counted_as = known.convention(convention)
    if not isinstance(batch_size, int) or batch_size < 1:
        raise UsageError(f"batch size {batch_size!r} is no positive integer; give 1 or more")
    if not isinstance(dims or {}, Mapping):
        raise UsageError(f"dims {dims!r} is no mapping; give sizes by name, as in {{'steps': 128}}")
    if mode not in tuple(Mode):
        raise UsageError(f"mode {mode!r} is not known; known are {', '.join(Mode)}")
    request = Request(
        inputs=normalize_inputs(inputs),
        batch_size=batch_size,
        dims=dict(dims or {}),
        mode=Mode(mode),
    )
    try:
        read = read_model(model, request, known.importers, arguments)
    except NoImporterError as error:
        broken = ", ".join(plugin.name for plugin in known.plugins if plugin.error)
        if not broken:
            raise
        raise NoImporterError(
            f"{error}; broken and not in use: {broken} ('analyzer plugins' tells why)"
        ) from error
    try:
        if read.nodes is not None and known.operations:
            read = replace(read, nodes=tuple(map(_translated, read.nodes)))
        return report_on(read, counted_as)
    except RecursionError:
        raise ModelError(
            f"{read.name or 'the model'}: its loops and branches lie deeper inside each other than "
            f"{sys.getrecursionlimit()} calls can follow; raise sys.setrecursionlimit"
        ) from None


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
    from analyzer.comparison import compare_all

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
    from analyzer.reconciliation import reconcile_report

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


def _translated(node: Node) -> Node:
    """Give an unknown operation the meaning that a plugin has for it."""
    match node.operation:
        case Unknown(name=name):
            translator = registry().operations.get(name)
            if translator is None:
                return node
            try:
                found = translator(node)
            except AnalyzerError:
                raise
            except Exception as error:  # a stranger's code may raise anything
                raise PluginError(
                    f"the meaning that a plugin gives to {name!r} (see 'analyzer plugins') raised "
                    f"{type(error).__name__} in layer {node.layer!r}: {error}"
                ) from error
            return node if found is None else replace(node, operation=found)
        case Repeat(body=body):
            inner = tuple(map(_translated, body))
            return replace(node, operation=replace(node.operation, body=inner))
        case Branch(alternatives=alternatives):
            ways = tuple(tuple(map(_translated, way)) for way in alternatives)
            return replace(node, operation=replace(node.operation, alternatives=ways))
    return node
