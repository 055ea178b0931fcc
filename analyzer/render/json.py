"""JSON: the document's data as it is, by the versioned schema."""

from __future__ import annotations

import json

from analyzer.document import Document

__all__ = ["render"]


def render(document: Document) -> str:
    """Write the data; every count is an exact integer."""
    return json.dumps(document.data, indent=2, ensure_ascii=False)
