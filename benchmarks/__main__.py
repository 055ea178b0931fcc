"""``python -m benchmarks [PART…]``: measure, and write what was found where people read it."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Mapping
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from analyzer.document import Block, Document, Heading, Table, Text
from analyzer.render import html, markdown
from benchmarks.targets import table

PARTS = {
    "accuracy": "benchmarks.accuracy.part",
    "speed": "benchmarks.speed.part",
    "growth": "benchmarks.growth",
    "startup": "benchmarks.startup",
}
"""Each is a module with ``measure``, ``present`` and ``failures``, some with ``targets``."""

DOCS = Path(__file__).parents[1] / "docs"
LOOK = Path(__file__).parents[1] / "build" / "benchmarks"
"""Where a quick look is kept: it is no measurement, and no page of the docs."""


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--quick", is_flag=True, help="Small models and few runs: does it work?")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder where benchmarks.json, .md and .html are written: docs, or with --quick "
    "build/benchmarks.",
)
def main(parts: tuple[str, ...], quick: bool, into: Path | None) -> None:
    """Compare with other tools, and write the page; PARTS that are not named stay as they were."""
    into = into or (LOOK if quick else DOCS)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # of every process that is started here
    kept = into / "benchmarks.json"
    results: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    failed: list[str] = []
    for name in parts or PARTS:
        part = import_module(PARTS[name])
        click.echo(f"{time.strftime('%H:%M')} {name} …", err=True)
        try:
            found = part.measure(quick=quick)
        except Exception as error:  # hours of the other parts are not to be lost
            failed.append(f"{name}: {type(error).__name__}: {error}")
            continue
        results[name] = {"date": date.today().isoformat(), **_machine(quick), "found": found}
        failed += part.failures(found)
        _write(results, into)
    for line in failed:
        click.echo(line, err=True)
    sys.exit(1 if failed else 0)


def _write(results: Mapping[str, Any], into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    kept = json.dumps(results, indent=1, ensure_ascii=False)
    (into / "benchmarks.json").write_text(kept + "\n")
    page = document(results)
    (into / "benchmarks.md").write_text(markdown.render(page) + "\n")
    (into / "benchmarks.html").write_text(html.render(page) + "\n")


def document(results: Mapping[str, Any]) -> Document:
    """Put the results of all parts that were measured into one document."""
    blocks: list[Block] = [
        Heading(text="Benchmarks"),
        Text(
            text="Is it right, and is it fast? Ours beside every other tool on the same models; "
            "“make bench” measures it again and writes this page."
        ),
    ]
    parts = {name: import_module(PARTS[name]) for name in PARTS if name in results}
    promised = [
        target
        for name, part in parts.items()
        if hasattr(part, "targets")
        for target in part.targets(results[name]["found"])
    ]
    for name, part in parts.items():
        kept = results[name]
        blocks += part.present(kept["found"])
        where = f"{kept['machine']}, Python {kept['python']}{', a quick look' * kept['quick']}"
        blocks.append(Text(text=f"Measured on {kept['date']}, {where}."))
    if promised:
        blocks += (Heading(text="What is promised", level=2), table(promised))
    return Document(blocks=tuple(blocks), table=Table(columns=(), rows=()), data=results)


def _machine(quick: bool) -> dict[str, Any]:
    return {
        "quick": quick,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
