"""``analyzer compare``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.failing import FAILED
from analyzer.cli.options import analyze_as_told, options, reading, write, writing
from analyzer.errors import UsageError

if TYPE_CHECKING:
    from analyzer.render import Renderer

_SIDES = ("input", "arg")


def _of_one_model(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make an option for each model by its letter; help shows those of the first two."""
    return options(
        *(
            click.option(
                f"--{what}-{letter}",
                multiple=True,
                metavar="…",
                hidden=letter > "b",
                help=f"As --{what}, for {letter.upper()} alone"
                + f"; --{what}-c for a third, and so on." * (letter == "b"),
            )
            for letter in ascii_lowercase
        )
    )


@click.command()
@click.argument("a")
@click.argument("b")
@click.argument("others", nargs=-1, metavar="[C …]")
@reading
@options(
    _of_one_model("input"),
    _of_one_model("arg"),
    click.option("--expect", type=click.Choice(["identical", "equivalent"]),
                 help="Exit with 1 when a model is not so to the first."),
    click.option("--layers", is_flag=True,
                 help="Show which layer answers to which, and what each two differ by."),
)  # fmt: skip
@writing
def compare(
    a: str,
    b: str,
    others: tuple[str, ...],
    inputs: tuple[str, ...],
    arguments: tuple[str, ...],
    expect: str | None,
    layers: bool,
    format: Renderer,
    output: str | None,
    **told: Any,
) -> None:
    """Explain every difference of models, of any frameworks, from the first."""
    from analyzer.comparing.comparison import Verdict, compare_all

    models = (a, b, *others)
    of_one = {
        (what, letter): told.pop(f"{what}_{letter}")
        for what in _SIDES
        for letter in ascii_lowercase
    }
    _check(of_one, len(models))
    comparison = compare_all(
        [
            analyze_as_told(
                model,
                inputs=inputs + of_one.get(("input", letter), ()),
                arguments=arguments + of_one.get(("arg", letter), ()),
                **told,
            )
            for model, letter in zip(models, ascii_lowercase, strict=False)
        ]
    )
    write(comparison.document(layers=layers), format, output)
    if expect and not comparison.is_at_least(expect):
        untold = comparison.verdict is Verdict.UNTOLD
        fails = f"whether the models are {expect} cannot be told"
        click.echo(
            fails if untold else f"the models are {comparison.verdict}, not {expect}", err=True
        )
        sys.exit(FAILED)


def _check(of_one: Mapping[tuple[str, str], tuple[str, ...]], count: int) -> None:
    """Refuse options for models that were not given, and more models than there are letters."""
    if count > len(ascii_lowercase):
        raise UsageError(f"{count} models are too many; compare takes {len(ascii_lowercase)}")
    last = ascii_lowercase[count - 1]
    for (what, letter), values in of_one.items():
        if values and letter > last:
            raise UsageError(
                f"--{what}-{letter} {values[0]!r}: there are {count} models, a to {last}"
            )
