"""``analyzer scale``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.options import as_told, reading, status, write, writing

if TYPE_CHECKING:
    from analyzer.render import Renderer


@click.command()
@click.argument("model")
@click.option(
    "--vary",
    multiple=True,
    metavar="NAME[=FIRST..LAST[:STEP]]",
    help="A size to vary, as in batch or sequence=128..4096; names with commas between "
    "are one, as in height,width. Repeatable.",
)
@reading
@writing
def scale(
    model: str, vary: tuple[str, ...], format: Renderer, output: str | None, **reading: Any
) -> None:
    """Find exact formulas for how a model's cost grows with sizes."""
    from analyzer.scaling.present import present_scaling
    from analyzer.scaling.scaling import scale
    from analyzer.scaling.variables import variables_of

    variables = variables_of(vary)  # a misspelt range need not wait for the model
    told = as_told(**reading)
    with status(f"analysing {model} at several sizes"):
        scaling = scale(model, vary=variables, **told)
    write(present_scaling(scaling), format, output)
