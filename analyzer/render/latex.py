r"""LaTeX: a document that compiles by itself, and that another one can take in by ``\input``."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
from analyzer.latex import latex_text
from analyzer.units import count_text

__all__ = ["render"]

# \documentclass means something else once it was used: then the preamble is left out.
_BEFORE = r"""% Taken in by \input, this needs the packages amsmath, array, booktabs and longtable.
\expandafter\ifx\csname @twoclasseserror\endcsname\documentclass
\def\analyzerend{}
\else
\documentclass{article}
\usepackage[a4paper,margin=15mm]{geometry}
\usepackage{amsmath,array,booktabs,longtable}
\def\analyzerend{\end{document}}
\begin{document}
\fi
{\sloppy\raggedright\binoppenalty=200\relpenalty=100
"""
_AFTER = r"""
\par}
\analyzerend"""

_LEVELS = ("section", "subsection", "subsubsection", "paragraph")

_LINE = 114
"""Letters that a line of a table holds beside each other."""

_POINTS = 9
"""Rows that stand for a plot."""

_WIDEST = 48
"""Letters to which the width of a column is at most made to fit."""


def render(document: Document) -> str:
    """Write the blocks; all of it is ASCII, so that every LaTeX compiles it."""
    return _BEFORE + "\n".join(map(_block, document.blocks)) + _AFTER


def _block(block: Block) -> str:
    match block:
        case Heading(text=text, level=level):
            return rf"\{_LEVELS[min(level, len(_LEVELS)) - 1]}*{{{latex_text(text)}}}"
        case Text(text=text, code=True):
            lines = (rf"\mbox{{{_spaced(line)}}}" for line in str(text).splitlines())
            return "{\\ttfamily\\footnotesize\n" + "\\\\\n".join(lines) + "\n\\par}"
        case Text(text=text):
            return f"{_words(text)}\n"
        case Items(items=items):
            lines = (rf"\item {{}}{_words(item)}" for item in items)
            return "\n".join((r"\begin{itemize}", *lines, r"\end{itemize}"))
        case Table():
            return _table(block)
        case Plot():
            return _table(block.table(_POINTS))


def _table(table: Table) -> str:
    rows = [table.columns, *table.rows, *((table.footer,) if table.footer else ())]
    columns = "".join(_columns(rows, table.numeric))
    header = _row(tuple(rf"\textbf{{{_cell(column)}}}" for column in table.columns), written=True)
    lines = [
        r"{\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"\begin{{longtable}}{{@{{}}{columns}@{{}}}}",
        r"\toprule",
        header,
        r"\midrule\endhead",
        *map(_row, table.rows),
        *((r"\midrule", _row(table.footer)) if table.footer else ()),
        r"\bottomrule",
        r"\end{longtable}}",
    ]
    heading = [rf"\paragraph*{{{latex_text(table.title)}}}"] if table.title else []
    return "\n".join((*heading, *lines))


def _columns(rows: Sequence[Sequence[Cell]], numeric: Sequence[bool]) -> list[str]:
    """Give each column its own width where the lines fit, or else its longest word and a share.

    What is left besides the longest words is shared by how much more each column would need.
    """
    columns = [[row[at] for row in rows] for at in range(len(rows[0]))]
    own = [max(map(_letters, cells)) for cells in columns]
    line = _LINE - 2 * len(columns)
    widths = own
    if sum(own) > line:
        least = [max(map(_longest_word, cells)) for cells in columns]
        wanted = [min(width, _WIDEST) - word for width, word in zip(own, least, strict=True)]
        share = max(line - sum(least), 0) / max(sum(wanted), 1)
        widths = [
            min(word + int(share * max(more, 0)), width)
            for word, more, width in zip(least, wanted, own, strict=True)
        ]
    page = max(sum(widths), line)
    return [
        _column(width / page if width < needed else None, number)
        for width, needed, number in zip(widths, own, numeric, strict=True)
    ]


def _column(share: float | None, number: bool) -> str:
    """Write a column: as wide as what is in it, or with a share of the page in which it is set."""
    if share is None:
        return "r" if number else "l"
    side = r"\raggedleft" if number else r"\raggedright"
    return rf">{{{side}\arraybackslash}}p{{{0.9 * share:.3f}\linewidth}}"


def _letters(cell: Cell) -> int:
    """Say how wide a cell is set; signs in formulas have some space around them."""
    text = _plain(cell)
    return len(text) + text.count("·") if isinstance(cell, Formula) else len(text)


def _longest_word(cell: Cell) -> int:
    """Say how wide that is in which a line cannot end."""
    parts = re.split(r" [×+=−] |·" if isinstance(cell, Formula) else r"[ ./_]", _plain(cell))
    return max(map(len, parts)) + 1


def _row(cells: Sequence[Cell], *, written: bool = False) -> str:
    texts = cells if written else [_cell(cell) for cell in cells]
    return f"{' & '.join(map(str, texts))} \\\\"


def _cell(cell: Cell) -> str:
    if isinstance(cell, Formula):
        return cell.latex()
    text = _plain(cell)
    indented = text.lstrip(" ")
    indent = r"\quad{}" * ((len(text) - len(indented)) // 2)
    # Paths have no spaces at which a line could end.
    return indent + "".join(
        latex_text(part) + r"\allowbreak{}" * (len(text) > 16 and part in "./_")
        for part in _parts(indented)
    )


def _parts(text: str) -> list[str]:
    """Split a text after the signs at which a path may be broken."""
    parts = [""]
    for letter in text:
        if letter in "./_":
            parts += [letter, ""]
        else:
            parts[-1] += letter
    return [part for part in parts if part]


def _plain(cell: Cell) -> str:
    if isinstance(cell, Words):
        return str(cell)
    return count_text(cell)


def _words(words: Words) -> str:
    return words.latex() if isinstance(words, Formula) else latex_text(words)


def _spaced(line: str) -> str:
    return latex_text(line).replace(" ", "~") or "~"
