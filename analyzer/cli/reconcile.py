"""``analyzer reconcile``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.options import analyze_as_told, options, reading_alone, write, writing

if TYPE_CHECKING:
    from analyzer.render import Renderer


@click.command()
@click.argument("model")
@reading_alone
@options(
    click.option("--convention", "conventions", multiple=True, metavar="NAME",
                 help="Show this one only. Repeatable."),
    click.option("--number", metavar="N",
                 help="Say who would tell this number, as in 4111512576 or 4.11G."),
)  # fmt: skip
@writing
def reconcile(
    model: str,
    conventions: tuple[str, ...],
    number: str | None,
    format: Renderer,
    output: str | None,
    **reading: Any,
) -> None:
    """Show what other tools would say of a model, and why."""
    from analyzer.api import conventions_named
    from analyzer.reconciling.present import present_reconciliation
    from analyzer.reconciling.reconciliation import reconcile_report
    from analyzer.reconciling.sought import Sought

    shown = conventions_named(conventions)  # what is misspelt need not wait for the model
    if number is not None:
        Sought.of(number)
    report = analyze_as_told(model, **reading)
    write(present_reconciliation(reconcile_report(report, shown, number)), format, output)
