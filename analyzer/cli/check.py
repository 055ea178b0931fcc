"""``analyzer check``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from analyzer.checking.figures import FIGURES
from analyzer.cli.options import (
    argument,
    dimension,
    find_modules_in,
    options,
    reading,
    status,
    write,
    writing,
)
from analyzer.errors import UsageError

if TYPE_CHECKING:
    from analyzer.checking.result import Check
    from analyzer.checking.settings import Asked, Given
    from analyzer.render import Renderer

_READ_AS = {
    "arguments": "arg",
    "batch_size": "batch",
    "dims": "dim",
    "inputs": "input",
}
"""The settings that the options for reading are, where they are called otherwise here."""

_BUDGETS = options(
    *(
        click.option(f"--max-{name}", metavar="BYTES" if figure.unit == "bytes" else "COUNT",
                     help=f"{figure.title}: no more than this.")
        for name, figure in FIGURES.items()
    ),
    *(
        click.option(f"--expect-{name}", metavar="BYTES" if figure.unit == "bytes" else "COUNT",
                     hidden=True, help=f"{figure.title}: exactly this.")
        for name, figure in FIGURES.items()
    ),
)  # fmt: skip


@click.command(
    epilog="Every --max-… has an --expect-…, which asks for exactly that figure. COUNT is a whole "
    "number, or 5M, 300M, 4.1G (powers of 1000); BYTES is one, or 512KiB, 2MiB, 1.5GB."
)
@click.argument("model", nargs=-1)
@_BUDGETS
@options(
    click.option("--complete", is_flag=True, help="Nothing may be left uncounted."),
    click.option("--baseline", metavar="FILE",
                 help="What 'summary --format json' wrote: no figure may be larger than in it."),
    click.option("--allow-growth", metavar="PERCENT",
                 help="By how much the figures of the baseline may grow, as in 1%."),
    click.option("--write-baseline", is_flag=True,
                 help="Write the baseline instead of comparing with it."),
    click.option("--config", type=click.Path(path_type=Path), metavar="FILE",
                 help="Read [tool.analyzer] there instead of in the nearest pyproject.toml."),
    click.option("--junit", type=click.Path(path_type=Path), metavar="FILE",
                 help="Write JUnit XML there too."),
    click.option("--annotations", type=click.Choice(["auto", "github", "none"]), default="auto",
                 show_default=True,
                 help="Annotations of GitHub Actions; auto writes them where it runs."),
)  # fmt: skip
@reading
@writing
@click.pass_context
def check(
    ctx: click.Context,
    /,
    model: tuple[str, ...],
    write_baseline: bool,
    config: Path | None,
    junit: Path | None,
    annotations: str,
    format: Renderer,
    output: str | None,
    **told: Any,
) -> None:
    """Hold models to budgets; exit with 1 when one is broken.

    MODEL is a file, module:callable, or a name in [tool.analyzer.models] of pyproject.toml; without
    one, all that stand there are checked.
    """
    from analyzer.checking.run import check_models

    asked, file = _asked(model, _told(ctx, told), config)

    find_modules_in(Path.cwd())
    if file is not None:
        find_modules_in(file.parent.resolve())
    found = check_models(asked, write=write_baseline, around=_saying_which)
    if ctx.meta.get("debug"):
        _print_tracebacks(found)
    _write_beside(found, junit, annotations, file)
    from analyzer.checking.present import present_check

    write(present_check(found), format, output)
    found.require()


def _saying_which(asked: Asked) -> AbstractContextManager[object]:
    return status(f"checking {asked.called}")


def _told(ctx: click.Context, told: Mapping[str, Any]) -> dict[str, Given]:
    """Return the settings that stand on the command line, by their names."""
    from analyzer.checking.settings import Given

    of = {
        name: value
        for name, value in told.items()
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    if "arguments" in of:
        of["arguments"] = dict(map(argument, of["arguments"]))
    if "dims" in of:
        of["dims"] = dict(map(dimension, of["dims"]))
    if "inputs" in of:
        of["inputs"] = list(of["inputs"])
    names = {name: _READ_AS.get(name, name.replace("_", "-")) for name in of}
    return {names[name]: Given(value, f"--{names[name]}") for name, value in of.items()}


def _asked(
    models: tuple[str, ...], told: Mapping[str, Given], config: Path | None
) -> tuple[tuple[Asked, ...], Path | None]:
    """Return what is asked of which models, and the file of settings if it was needed."""
    from analyzer.checking.project import find_project, read_project
    from analyzer.checking.settings import asked_of

    models = tuple(dict.fromkeys(models))
    file = config
    if file is None and not (models and all(map(_is_no_name, models))):
        file = find_project(Path.cwd())
    if file is None:
        if not models:
            raise UsageError(
                "no MODEL is given, and no pyproject.toml from here on up has a [tool.analyzer]; "
                "give a file or module:callable"
            )
        return tuple(asked_of(model, told, name=model) for model in models), None
    project = read_project(file)
    return tuple(
        project.asked(name, told)
        if name in project.models or not _is_model(name)
        else asked_of(name, told, name=name)
        for name in models or project.models
    ), file


def _is_no_name(text: str) -> bool:
    """Say whether this is a model for certain, so that no file of settings need be read."""
    return ":" in text or (bool(Path(text).suffix) and Path(text).exists())


def _is_model(text: str) -> bool:
    """Say whether this is meant for a model, there or not, and not for a misspelt name."""
    return ":" in text or Path(text).exists() or bool(Path(text).suffix)


def _write_beside(found: Check, junit: Path | None, annotations: str, file: Path | None) -> None:
    """Write what machines read besides the result."""
    if annotations == "github" or (annotations == "auto" and os.environ.get("GITHUB_ACTIONS")):
        from analyzer.checking.annotations import annotated

        # The runner reads both streams; this one leaves the result whole.
        for line in annotated(found, _in_repository(file)):
            click.echo(line, err=True)
    if junit is not None:
        from analyzer.checking.junit import junit as written

        try:
            junit.write_bytes(written(found))
        except OSError as error:
            raise UsageError(
                f"--junit {str(junit)!r} cannot be written: {error.strerror}"
            ) from error


def _in_repository(file: Path | None) -> str:
    if file is None:
        return ""
    top = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    path = file.resolve()
    return path.relative_to(top).as_posix() if path.is_relative_to(top) else ""


def _print_tracebacks(found: Check) -> None:
    import traceback

    for model in found.models:
        if model.error is not None:
            traceback.print_exception(model.error)
