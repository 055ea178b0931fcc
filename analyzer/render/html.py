"""HTML: a fragment that stands in a page or in an output cell of a notebook."""

from __future__ import annotations

from html import escape

from analyzer.document import Block, Cell, Document, Heading, Items, Plot, Table, Text, Words
from analyzer.units import count_text

__all__ = ["render"]

_STYLE = (
    "<style>.analyzer table{border-collapse:collapse;font-variant-numeric:tabular-nums;"
    "margin:1em 0}.analyzer caption{text-align:left;font-style:italic}"
    ".analyzer th,.analyzer td{padding:.15em .7em;text-align:left;white-space:pre}"
    ".analyzer .n{text-align:right}.analyzer thead,.analyzer tfoot{font-weight:bold}"
    ".analyzer thead{border-bottom:1px solid}.analyzer tfoot{border-top:1px solid}</style>"
)


def render(document: Document) -> str:
    """Write the blocks inside one ``div``; everything that came from a model is escaped."""
    blocks = "\n".join(_block(block) for block in document.blocks)
    return f'<div class="analyzer">{_STYLE}\n{blocks}\n</div>'


def _block(block: Block) -> str:
    match block:
        case Heading(text=text, level=level):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Text(text=text, code=True):
            return f"<pre>{escape(str(text))}</pre>"
        case Text(text=text):
            return f"<p>{escape(str(text))}</p>"
        case Items(items=items):
            return f"<ul>{''.join(f'<li>{escape(str(item))}</li>' for item in items)}</ul>"
        case Table():
            return _table(block)
        case Plot():
            from analyzer.render.plot import picture

            return f"<figure>{picture(block)}</figure>"


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    body = "".join(_row(row, table.numeric) for row in table.rows)
    foot = f"<tfoot>{_row(table.footer, table.numeric)}</tfoot>" if table.footer else ""
    caption = f"<caption>{escape(table.title)}</caption>" if table.title else ""
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}</table>"


def _row(cells: tuple[Cell, ...], numeric: tuple[bool, ...]) -> str:
    return f"<tr>{''.join(map(_cell, cells, numeric))}</tr>"


def _cell(cell: Cell, number: bool) -> str:
    return f'<td class="n">{_text(cell)}</td>' if number else f"<td>{_text(cell)}</td>"


def _text(cell: Cell) -> str:
    return escape(str(cell)) if isinstance(cell, Words) else count_text(cell)
