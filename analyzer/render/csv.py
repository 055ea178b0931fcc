"""CSV: the document's main table, numbers ungrouped, the unknown empty."""

from __future__ import annotations

import csv
import io

from analyzer.document import Document

__all__ = ["render"]


def render(document: Document) -> str:
    """Write a header line and a record for each row; there is no footer, sums are for readers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(document.table.columns)
    writer.writerows(["" if cell is None else cell for cell in row] for row in document.table.rows)
    return text.getvalue().rstrip("\n")
