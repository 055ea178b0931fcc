"""What is asked of a model, from options, from Python or from ``pyproject.toml``, by one table.

A setting has one name everywhere: ``--max-macs 300M``, ``max_macs="300M"`` and
``max-macs = "300M"`` are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from analyzer.checking.figures import FIGURES
from analyzer.checking.quantities import parse_bytes, parse_count, parse_percent
from analyzer.errors import AnalyzerError, UsageError
from analyzer.report import Report

__all__ = ["SETTINGS", "Asked", "Given", "asked_of"]


@dataclass(frozen=True, slots=True)
class Given:
    """A value with the place that it came from, as an error names it: ``--max-macs``."""

    value: object
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A model, and what is asked of it.

    Attributes:
        name: what results call it; empty for the model's own name.
        model: an object, path, ``module:callable`` or report.
        reading: arguments of :func:`analyzer.analyze`.
        most: the most that figures may be, by their names in ``FIGURES``.
        exact: what figures have to be.
        complete: nothing may be left uncounted.
        baseline: a report that no figure may outgrow, in a file or as its JSON.
        allow_growth: share by which each figure may.
    """

    name: str = ""
    model: object
    reading: Mapping[str, Any] = field(default_factory=dict)
    most: Mapping[str, int] = field(default_factory=dict)
    exact: Mapping[str, int] = field(default_factory=dict)
    complete: bool = False
    baseline: Path | Mapping[str, Any] | None = None
    allow_growth: Fraction = Fraction(0)

    @property
    def called(self) -> str:
        """What messages call it before it was read."""
        if self.name or isinstance(self.model, (str, Path)):
            return self.name or str(self.model)
        return f"the {type(self.model).__name__}"

    @property
    def asks_something(self) -> bool:
        """Whether there is anything that could fail."""
        return bool(self.most or self.exact or self.complete or self.baseline is not None)


def asked_of(
    model: object, settings: Mapping[str, Given], *, name: str = "", folder: Path | None = None
) -> Asked:
    """Read the settings of one model; a baseline is taken from ``folder``, with its ``{name}``.

    Raises:
        UsageError: a setting is not known, or its value not understood.
    """
    read: dict[str, Any] = {}
    for key, given in settings.items():
        if key not in SETTINGS:
            raise UsageError(f"{given.where}: there is no setting {key!r}; {_close(key)}")
        try:
            read[key] = SETTINGS[key](given.value)
        except AnalyzerError as error:
            raise UsageError(f"{given.where}: {error}") from error
    baseline = read.get("baseline")
    if isinstance(baseline, Path):
        baseline = (folder or Path()) / str(baseline).replace("{name}", name or "{name}")
    return Asked(
        name=name,
        model=model,
        reading={_OF_ANALYZE[key]: value for key, value in read.items() if key in _OF_ANALYZE},
        most=_budgets("max", read),
        exact=_budgets("expect", read),
        complete=read.get("complete", False),
        baseline=baseline,
        allow_growth=read.get("allow-growth", Fraction(0)),
    )


def _budgets(rule: str, read: Mapping[str, Any]) -> dict[str, int]:
    return {name: read[f"{rule}-{name}"] for name in FIGURES if f"{rule}-{name}" in read}


def _close(key: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(key, SETTINGS, n=3)
    return f"did you mean {', '.join(close)}?" if close else f"there are {', '.join(SETTINGS)}"


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"{value!r} is no text")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{value!r} is neither true nor false")
    return value


def _positive(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UsageError(f"{value!r} is no positive integer; give 1 or more")
    return value


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise UsageError(f"{value!r} is no table of names and values, as in {{ width = 64 }}")
    return dict(value)


def _sizes(value: object) -> dict[str, int]:
    return {name: _positive(size) for name, size in _table(value).items()}


def _inputs(value: object) -> object:
    """Read inputs as options spell them; what Python hands over is for ``analyze`` to read."""
    from analyzer.given import parse_input

    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts):
        return tuple(map(parse_input, texts))
    raise UsageError(
        f'{value!r} is no input; write it as for --input, "1x3x224x224", or a list of such texts'
    )


def _mode(value: object) -> str:
    from analyzer.importer import Mode

    if value not in tuple(Mode):
        raise UsageError(f"{value!r} is not {' or '.join(Mode)}")
    return str(value)


def _convention(value: object) -> str:
    from analyzer.discovery import registry

    return registry().convention(_text(value)).name


def _baseline(value: object) -> Path | Mapping[str, Any]:
    if isinstance(value, Report):
        return value.to_dict()
    return value if isinstance(value, Path) else Path(_text(value))


def _number(parse: Callable[[int | str], Any]) -> Callable[[object], Any]:
    def read(value: object) -> Any:
        if isinstance(value, float):  # not the number that was written, but the one nearest to it
            raise UsageError(f'{value!r} is not exact; write a text, as in "4.1G" or "0.5%"')
        if not isinstance(value, (int, str)):
            raise UsageError(f"{value!r} is neither a number nor a text")
        return parse(value)

    return read


def _of_figures(rule: str) -> dict[str, Callable[[object], Any]]:
    parsers = {"bytes": parse_bytes, "count": parse_count}
    return {f"{rule}-{name}": _number(parsers[figure.unit]) for name, figure in FIGURES.items()}


SETTINGS: Mapping[str, Callable[[object], Any]] = {
    "input": _inputs,
    "arg": _table,
    "batch": _positive,
    "dim": _sizes,
    "mode": _mode,
    "convention": _convention,
    "complete": _flag,
    "baseline": _baseline,
    "allow-growth": _number(parse_percent),
    **_of_figures("max"),
    **_of_figures("expect"),
}
"""What reads the value of each setting, in the order of the docs."""

_OF_ANALYZE = {
    "arg": "arguments",
    "batch": "batch_size",
    "convention": "convention",
    "dim": "dims",
    "input": "inputs",
    "mode": "mode",
}
"""Which argument of ``analyze`` a setting is."""
