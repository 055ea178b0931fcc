"""What every result looks like before a format is chosen: headings, text, tables and data.

A report, a comparison and an explanation are each turned into a :class:`Document` once; a renderer
only knows documents, so a new format works for every result and a new result in every format.

Words may be a :class:`Formula`: ``str`` makes it text, and a format that sets mathematics sets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analyzer.expression import Formula, Words

__all__ = [
    "Block",
    "Cell",
    "Document",
    "Formula",
    "Heading",
    "Items",
    "Plot",
    "Table",
    "Text",
    "Words",
]

Cell = Words | int | float | None
"""A cell: integers are exact and grouped by a renderer for people; None means unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A title; ``level`` 1 is the document's own."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A paragraph. ``code`` keeps its lines and spaces as they are."""

    text: Words
    code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list of short lines."""

    items: tuple[Words, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under columns; a footer is a last row set apart."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    footer: tuple[Cell, ...] = ()
    title: str = ""

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Say of each column whether it holds numbers, marked ones such as ``≥ 8`` among them."""
        rows = (*self.rows, self.footer) if self.footer else self.rows
        return tuple(
            any(isinstance(row[at], (int, float)) for row in rows)
            for at in range(len(self.columns))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Lines over an axis of whole numbers.

    Attributes:
        title: what is drawn.
        x: what the horizontal axis is.
        series: each line's name and its points.
    """

    title: str
    x: str
    series: tuple[tuple[str, tuple[tuple[int, int], ...]], ...]

    def table(self, rows: int) -> Table:
        """Return some of the points, for a format that does not draw."""
        lines = [dict(points) for _, points in self.series]
        sizes = sorted({x for line in lines for x in line})
        shown = min(rows, len(sizes))
        some = (sizes[round(at * (len(sizes) - 1) / max(shown - 1, 1))] for at in range(shown))
        return Table(
            title=self.title,
            columns=(self.x, *(name for name, _ in self.series)),
            rows=tuple((x, *(line.get(x) for line in lines)) for x in some),
        )


Block = Heading | Text | Items | Table | Plot


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A result, ready to be rendered.

    Attributes:
        blocks: what people read, in order.
        table: what a format of rows and columns writes.
        data: what a format for programs writes.
    """

    blocks: tuple[Block, ...]
    table: Table
    data: Mapping[str, Any]
