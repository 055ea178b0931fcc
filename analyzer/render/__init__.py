"""Formats: each turns a :class:`analyzer.document.Document` into text, one module a format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyzer.document import Document

__all__ = ["BUILT_IN", "Renderer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """A format.

    Attributes:
        name: what ``--format`` takes.
        description: one sentence for ``analyzer plugins``.
        render: from a document to the whole text, without a last newline.
    """

    name: str
    description: str
    render: Callable[[Document], str]


def _table(document: Document) -> str:
    from analyzer.render import table

    return table.render(document)


def _json(document: Document) -> str:
    from analyzer.render import json

    return json.render(document)


def _csv(document: Document) -> str:
    from analyzer.render import csv

    return csv.render(document)


def _markdown(document: Document) -> str:
    from analyzer.render import markdown

    return markdown.render(document)


def _html(document: Document) -> str:
    from analyzer.render import html

    return html.render(document)


def _latex(document: Document) -> str:
    from analyzer.render import latex

    return latex.render(document)


BUILT_IN = (
    Renderer(name="table", description="tables for a terminal", render=_table),
    Renderer(name="json", description="everything, by a versioned schema", render=_json),
    Renderer(name="csv", description="the main table, one record a line", render=_csv),
    Renderer(
        name="markdown", description="tables for documents and pull requests", render=_markdown
    ),
    Renderer(name="html", description="a page, or an output cell of a notebook", render=_html),
    Renderer(name="latex", description="a document with formulas, for papers", render=_latex),
)
