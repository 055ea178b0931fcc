"""The command ``analyzer``.

Exit codes: 0 done, 1 a check or comparison failed, 2 wrong use, 3 the model could not be read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from analyzer.errors import AnalyzerError, UsageError

if TYPE_CHECKING:
    from analyzer.document import Document
    from analyzer.render import Renderer
    from analyzer.report import Report

__all__ = ["main"]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_FAILED = 1
_INTERNAL = 3


class _Commands(click.Group):
    """Turns every error into one line and an exit code; ``--debug`` puts the traceback before."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _in_one_line({}):
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _in_one_line(ctx.meta):
            return super().invoke(ctx)


@contextmanager
def _in_one_line(meta: Mapping[str, Any]) -> Iterator[None]:
    try:
        yield
    except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError, click.Abort):
        raise
    except BrokenPipeError:  # the reader of a pipe has seen enough; click ends quietly
        raise
    except click.UsageError as error:
        help_line = f"; see '{error.ctx.command_path} --help'" if error.ctx else ""
        _fail(error.format_message().rstrip(".") + help_line, error.exit_code)
    except AnalyzerError as error:
        if meta.get("debug"):
            _print_traceback()
        _fail(str(error), error.exit_code)
    except Exception as error:
        if meta.get("debug"):
            _print_traceback()
        _fail(
            f"a fault of the analyser or of a plugin: {type(error).__name__}: {error}; "
            "run again with --debug and report what it prints",
            _INTERNAL,
        )


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()


def _fail(message: str, exit_code: int) -> NoReturn:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    raise click.exceptions.Exit(exit_code)


def _remember_debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta["debug"] = True


def _argument(text: str) -> tuple[str, object]:
    """Split ``name=value``; the value is a Python literal, or else a string."""
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


def _dimension(text: str) -> tuple[str, int]:
    name, _, value = text.rpartition("=")
    if not name or not value.isdecimal() or int(value) < 1:
        raise UsageError(f"--dim {text!r} is not understood; write name=size, as in sequence=128")
    return name, int(value)


_debug = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_remember_debug,
    help="Show the traceback of an error.",
)


def _options(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_reading = _options(
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
    click.option("--convention", default="analyzer", show_default=True, metavar="NAME",
                 help="Way of counting; 'analyzer plugins' lists them."),
)  # fmt: skip
_writing = _options(
    click.option("--format", default="table", show_default=True, metavar="NAME",
                 callback=_renderer, help="table, json, csv, markdown, html, or a plugin's."),
    click.option("--output", type=click.Path(path_type=Path), metavar="FILE",
                 help="Write there instead of to the terminal."),
    _debug,
)  # fmt: skip


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="model-analyzer", prog_name="analyzer")
@_debug
def main() -> None:
    """Learn what a neural network costs, whatever framework it came from.

    MODEL is a file (.onnx, .keras, .pt2, config.json, .safetensors, …) or module:callable, as in
    torchvision.models:resnet50.
    """


@main.command()
@click.argument("model")
@_reading
@click.option("--depth", type=click.IntRange(min=0), help="How deep the tree of layers is shown.")
@_writing
def summary(
    model: str, depth: int | None, format: Renderer, output: Path | None, **reading: Any
) -> None:
    """Print parameters, MACs, FLOPs and memory, layer by layer."""
    from analyzer.present import present_report

    document = present_report(_analyze(model, **reading), depth=depth)
    _write(document, format, output)


@main.command()
@click.argument("model")
@click.argument("layer", required=False)
@_reading
@_writing
def explain(
    model: str, layer: str | None, format: Renderer, output: Path | None, **reading: Any
) -> None:
    """Tell how the numbers come about, of LAYER or of the whole model."""
    from analyzer.lesson import present_explanation

    report = _analyze(model, **reading)
    _write(present_explanation(report.explain(layer)), format, output)


@main.command()
@click.argument("a")
@click.argument("b")
@_reading
@_options(
    click.option("--input-a", multiple=True, metavar="…", help="As --input, for A alone."),
    click.option("--input-b", multiple=True, metavar="…", help="As --input, for B alone."),
    click.option("--arg-a", multiple=True, metavar="…", help="As --arg, for A alone."),
    click.option("--arg-b", multiple=True, metavar="…", help="As --arg, for B alone."),
    click.option("--expect", type=click.Choice(["identical", "equivalent"]),
                 help="Exit with 1 when the models are not so."),
)  # fmt: skip
@_writing
def compare(
    a: str,
    b: str,
    inputs: tuple[str, ...],
    arguments: tuple[str, ...],
    input_a: tuple[str, ...],
    input_b: tuple[str, ...],
    arg_a: tuple[str, ...],
    arg_b: tuple[str, ...],
    expect: str | None,
    format: Renderer,
    output: Path | None,
    **reading: Any,
) -> None:
    """Explain every difference between two models, of any frameworks."""
    from analyzer.comparison import compare_reports, present_comparison

    comparison = compare_reports(
        _analyze(a, inputs=inputs + input_a, arguments=arguments + arg_a, **reading),
        _analyze(b, inputs=inputs + input_b, arguments=arguments + arg_b, **reading),
    )
    _write(present_comparison(comparison), format, output)
    if expect and not comparison.is_at_least(expect):
        click.echo(f"the models are {comparison.verdict}, not {expect}", err=True)
        sys.exit(_FAILED)


@main.command()
@_writing
def plugins(format: Renderer, output: Path | None) -> None:
    """List plugins, what they provide, and what is wrong with the ones that are broken."""
    from analyzer.discovery import registry
    from analyzer.present_plugins import present_plugins

    _write(present_plugins(registry()), format, output)


def _analyze(
    model: str,
    *,
    inputs: tuple[str, ...],
    arguments: tuple[str, ...],
    dims: tuple[str, ...],
    **options: Any,
) -> Report:
    from analyzer.api import analyze
    from analyzer.given import parse_input

    if os.getcwd() not in sys.path:  # so that module:callable finds the user's own modules
        sys.path.insert(0, os.getcwd())
    with _status(f"reading {model}"):
        return analyze(
            model,
            tuple(map(parse_input, inputs)) or None,
            arguments=dict(map(_argument, arguments)),
            dims=dict(map(_dimension, dims)),
            **options,
        )


def _status(words: str) -> AbstractContextManager[object]:
    """Say to whoever sits at a terminal what is being done."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(words)


def _write(document: Document, format: Renderer, output: Path | None) -> None:
    text = format.render(document)
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(click.unstyle(text) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--output {str(output)!r} cannot be written: {error.strerror}") from error
