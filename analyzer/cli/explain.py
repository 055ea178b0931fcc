"""``analyzer explain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.options import analyze_as_told, reading, write, writing

if TYPE_CHECKING:
    from analyzer.render import Renderer


@click.command()
@click.argument("model")
@click.argument("layer", required=False)
@reading
@writing
def explain(
    model: str, layer: str | None, format: Renderer, output: Path | None, **reading: Any
) -> None:
    """Tell how the numbers come about, of LAYER or of the whole model."""
    from analyzer.lesson import present_explanation

    report = analyze_as_told(model, **reading)
    write(present_explanation(report.explain(layer)), format, output)
