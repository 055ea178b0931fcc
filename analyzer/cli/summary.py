"""``analyzer summary``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.options import analyze_as_told, reading, write, writing

if TYPE_CHECKING:
    from analyzer.render import Renderer


@click.command()
@click.argument("model")
@reading
@click.option("--depth", type=click.IntRange(min=0), help="How deep the tree of layers is shown.")
@writing
def summary(
    model: str, depth: int | None, format: Renderer, output: str | None, **reading: Any
) -> None:
    """Print parameters, MACs, FLOPs and memory, layer by layer."""
    from analyzer.present import present_report

    document = present_report(analyze_as_told(model, **reading), depth=depth)
    write(document, format, output)
