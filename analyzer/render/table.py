"""Tables for a terminal, drawn by rich."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text as RichText

from analyzer.document import (
    Block,
    Cell,
    Document,
    Formula,
    Heading,
    Items,
    Plot,
    Table,
    Text,
    Words,
)
from analyzer.units import count_text

__all__ = ["render"]

_MINIMUM_WIDTH = 80
_PIPE_WIDTH = 160
_PLOT_WIDTH = 110


def render(document: Document) -> str:
    """Draw the document as wide as the terminal; colours only where it is one."""
    terminal = sys.stdout.isatty()
    width = _PIPE_WIDTH
    if terminal:
        import shutil

        width = shutil.get_terminal_size().columns
    console = Console(
        file=io.StringIO(),
        force_terminal=terminal,
        width=max(width, _MINIMUM_WIDTH),
        highlight=False,
        emoji=False,
        markup=False,
    )
    for block in document.blocks:
        _draw(console, block)
    drawn = console.file
    assert isinstance(drawn, io.StringIO)
    return "\n".join(line.rstrip() for line in drawn.getvalue().rstrip().splitlines())


def _draw(console: Console, block: Block) -> None:
    match block:
        case Heading(text=text, level=level):
            if level > 1:
                console.print()
            console.print(RichText(text, style="bold"))
        case Text(text=text, code=True):
            console.print(Padding(RichText(str(text)), (0, 0, 0, 2)), soft_wrap=True)
        case Text(text=text):
            console.print(RichText(str(text)))
        case Items(items=items):
            for item in items:
                console.print(Padding(RichText(f"• {item}"), (0, 0, 0, 2)))
        case Table():
            console.print(_table(block, console.width))
        case Plot():
            from analyzer.render.plot import draw

            terminal = console.is_terminal
            drawn = draw(block, width=min(console.width, _PLOT_WIDTH), colours=terminal)
            console.print(RichText.from_ansi(drawn), soft_wrap=True)


def _table(table: Table, width: int) -> RichTable:
    numeric = table.numeric
    rows = [[_text(cell) for cell in row] for row in table.rows]
    footer = [_text(cell) for cell in table.footer] or [""] * len(table.columns)
    fits = _width([table.columns, *rows, footer]) <= width
    drawn = RichTable(
        box=box.SIMPLE_HEAD,
        title=table.title or None,
        title_justify="left",
        show_footer=bool(table.footer),
        pad_edge=False,
    )
    for at, column in enumerate(table.columns):
        drawn.add_column(
            column,
            footer=footer[at],
            justify="right" if numeric[at] else "left",
            overflow="fold",
            # Looking for where to break takes half of the drawing.
            no_wrap=fits or (numeric[at] and not _has_formulas(table, at)),
        )
    for row in rows:
        drawn.add_row(*map(RichText, row))
    return drawn


def _width(rows: Sequence[Sequence[str]]) -> int:
    """Return how wide a table is that breaks no cell, with what is between and around columns."""
    return sum(3 + max(map(cell_len, column)) for column in zip(*rows, strict=True))


def _has_formulas(table: Table, at: int) -> bool:
    """Say whether a column has cells that may have to be broken, long as they are."""
    return any(isinstance(row[at], Formula) for row in table.rows)


def _text(cell: Cell) -> str:
    # rich measures a tab before it widens it
    return str(cell).expandtabs() if isinstance(cell, Words) else count_text(cell)
