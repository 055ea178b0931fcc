"""Markdown for documents and pull requests."""

from __future__ import annotations

from analyzer.document import Block, Cell, Document, Heading, Items, Plot, Table, Text, Words
from analyzer.units import count_text

__all__ = ["render"]

_PLOT_WIDTH = 90


def render(document: Document) -> str:
    """Write headings, paragraphs and pipe tables."""
    return "\n\n".join(_block(block) for block in document.blocks)


def _block(block: Block) -> str:
    match block:
        case Heading(text=text, level=level):
            return f"{'#' * level} {_plain(text)}"
        case Text(text=text, code=True):
            return f"```text\n{text}\n```"
        case Text(text=text):
            return _plain(text)
        case Items(items=items):
            return "\n".join(f"- {_plain(item)}" for item in items)
        case Table():
            return _table(block)
        case Plot():
            from analyzer.render.plot import draw

            return f"```text\n{draw(block, width=_PLOT_WIDTH)}\n```"


def _plain(words: Words) -> str:
    """Keep a name such as ``<lambda>`` from being read as HTML, and what it holds in one line."""
    return str(words).replace("<", "\\<").replace("\n", " ")


def _table(table: Table) -> str:
    rules = ["---:" if right else "---" for right in table.numeric]
    lines = [_row(table.columns), f"| {' | '.join(rules)} |", *map(_row, table.rows)]
    if table.footer:
        lines.append(
            _row(tuple(f"**{_cell(cell)}**" if cell != "" else "" for cell in table.footer))
        )
    title = [f"**{table.title}**\n"] if table.title else []
    return "\n".join([*title, *lines])


def _row(cells: tuple[Cell, ...]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(cell: Cell) -> str:
    if isinstance(cell, Words):
        text = _plain(cell)
        indented = text.lstrip(" ")
        return "&nbsp;" * (len(text) - len(indented)) + indented.replace("|", "\\|")
    return count_text(cell)
