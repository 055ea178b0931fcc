"""``analyzer explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.options import analyze_as_told, options, reading, write, writing

if TYPE_CHECKING:
    from analyzer.render import Renderer


@click.command()
@click.argument("model")
@click.argument("layer", required=False)
@options(
    click.option("--type", "type_", metavar="NAME",
                 help="Layers of this type, or that compute this: Conv2d, Convolution, 'Batch*'."),
    click.option("--detail", type=click.Choice(["line", "lesson"]),
                 help="One line a layer, or the whole lesson of each. By default one layer is a "
                 "lesson, and several are lines with what they teach together."),
)  # fmt: skip
@reading
@writing
def explain(
    model: str,
    layer: str | None,
    type_: str | None,
    detail: str | None,
    format: Renderer,
    output: str | None,
    **reading: Any,
) -> None:
    """Tell how the numbers come about, of a layer or of all.

    LAYER is a path, the last part of one, or a pattern such as 'features.*.conv'.
    """
    report = analyze_as_told(model, **reading)
    write(report.explain(layer, type=type_).document(detail), format, output)
