"""What several commands share: the options for reading a model and for writing a result."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import click

from analyzer.cli.failing import debug
from analyzer.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer.document import Document
    from analyzer.render import Renderer
    from analyzer.report import Report

__all__ = [
    "analyze_as_told",
    "argument",
    "as_told",
    "dimension",
    "find_modules_in",
    "options",
    "reading",
    "reading_alone",
    "status",
    "write",
    "writing",
]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def argument(text: str) -> tuple[str, object]:
    """Split ``name=value``; the value is a Python literal, or else a string.

    Raises:
        UsageError: it is not written so.
    """
    from analyzer.given import parse_value

    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError(
            f"--arg {text!r} is not understood; write name=value, as in num_classes=10"
        )
    return name, parse_value(value)


def _renderer(_: click.Context, __: click.Parameter, name: str) -> Renderer:
    """Look the format up before a model is read: a misspelt one need not wait for that."""
    from analyzer.discovery import registry

    return registry().renderer(name)


def dimension(text: str) -> tuple[str, int]:
    """Split ``name=size``.

    Raises:
        UsageError: it is not written so.
    """
    name, _, value = text.rpartition("=")
    if not name or not value.isdecimal() or int(value) < 1:
        raise UsageError(f"--dim {text!r} is not understood; write name=size, as in sequence=128")
    return name, int(value)


def options(*several: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    """Put several options on a command, in the order given."""

    def decorate(command: _Command) -> _Command:
        for option in reversed(several):
            command = option(command)
        return command

    return decorate


_READING = options(
    click.option("--input", "inputs", multiple=True, metavar="[NAME=]SIZES[:DTYPE]",
                 help="An input, as in 1x3x224x224 or tokens=1x128:int64; images[0]=3x64x64 is one "
                 "in a list, use_cache:=False a value. Repeatable."),
    click.option("--arg", "arguments", multiple=True, metavar="NAME=VALUE",
                 help="An argument for what makes the model. Repeatable."),
    click.option("--batch", "batch_size", type=click.IntRange(min=1), default=1, show_default=True,
                 help="Size of a first dimension that nothing else tells."),
    click.option("--dim", "dims", multiple=True, metavar="NAME=SIZE",
                 help="Size of a named dynamic dimension. Repeatable."),
    click.option("--mode", type=click.Choice(["inference", "train"]), default="inference",
                 show_default=True, help="Inference, or what training would do."),
)  # fmt: skip
_COUNTING = options(
    click.option("--convention", default="analyzer", show_default=True, metavar="NAME",
                 help="Way of counting; 'analyzer plugins' lists them."),
)  # fmt: skip
_WRITING = options(
    click.option("--format", default="table", show_default=True, metavar="NAME",
                 callback=_renderer,
                 help="table, json, csv, markdown, html, latex, or a plugin's."),
    click.option("--output", type=click.Path(), metavar="FILE",
                 help="Write there instead of to the terminal."),
    debug,
)  # fmt: skip


def reading(command: _Command) -> _Command:
    """Give a command the options that say how a model is read and counted."""
    return _READING(_COUNTING(command))


def reading_alone(command: _Command) -> _Command:
    """Give a command the options that say how a model is read, and not how it is counted."""
    return _READING(command)


def writing(command: _Command) -> _Command:
    """Give a command the options that say how its result is written, and where."""
    return _WRITING(command)


def as_told(
    *, inputs: tuple[str, ...], arguments: tuple[str, ...], dims: tuple[str, ...], **options: Any
) -> dict[str, Any]:
    """Return arguments for the library, from the values of the options ``reading``.

    Raises:
        UsageError: an option is not understood.
    """
    from pathlib import Path

    from analyzer.given import parse_input

    find_modules_in(Path.cwd())
    return {
        "inputs": tuple(map(parse_input, inputs)) or None,
        "arguments": dict(map(argument, arguments)),
        "dims": dict(map(dimension, dims)),
        **options,
    }


def analyze_as_told(model: str, **reading: Any) -> Report:
    """Analyse a model by the values of the options ``reading``.

    Raises:
        AnalyzerError: an option is not understood, or the model cannot be read.
    """
    from analyzer.api import analyze

    told = as_told(**reading)
    with status(f"reading {model}"):
        return analyze(model, **told)


def find_modules_in(folder: Path) -> None:
    """Let ``module:callable`` find the user's own modules in a folder."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def status(words: str) -> AbstractContextManager[object]:
    """Say to whoever sits at a terminal what is being done."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(words)


def write(document: Document, format: Renderer, output: str | None) -> None:
    """Write a result where ``writing`` says.

    Raises:
        UsageError: the file cannot be written.
    """
    text = format.render(document)
    if output is None:
        click.echo(text)
        return
    from pathlib import Path

    try:
        Path(output).write_text(click.unstyle(text) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--output {output!r} cannot be written: {error.strerror}") from error
