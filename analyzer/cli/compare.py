"""``analyzer compare``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.failing import FAILED
from analyzer.cli.options import analyze_as_told, options, reading, write, writing

if TYPE_CHECKING:
    from analyzer.render import Renderer


@click.command()
@click.argument("a")
@click.argument("b")
@reading
@options(
    click.option("--input-a", multiple=True, metavar="…", help="As --input, for A alone."),
    click.option("--input-b", multiple=True, metavar="…", help="As --input, for B alone."),
    click.option("--arg-a", multiple=True, metavar="…", help="As --arg, for A alone."),
    click.option("--arg-b", multiple=True, metavar="…", help="As --arg, for B alone."),
    click.option("--expect", type=click.Choice(["identical", "equivalent"]),
                 help="Exit with 1 when the models are not so."),
)  # fmt: skip
@writing
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
        analyze_as_told(a, inputs=inputs + input_a, arguments=arguments + arg_a, **reading),
        analyze_as_told(b, inputs=inputs + input_b, arguments=arguments + arg_b, **reading),
    )
    write(present_comparison(comparison), format, output)
    if expect and not comparison.is_at_least(expect):
        click.echo(f"the models are {comparison.verdict}, not {expect}", err=True)
        sys.exit(FAILED)
