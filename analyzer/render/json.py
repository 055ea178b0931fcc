"""JSON: the document's data as it is, by the versioned schema."""

from __future__ import annotations

import json

from analyzer.document import Document
from analyzer.errors import UsageError

__all__ = ["render"]


def render(document: Document) -> str:
    """Write the data; every count is an exact integer.

    Raises:
        UsageError: layers lie inside each other deeper than JSON can be written.
    """
    try:
        return json.dumps(document.data, indent=2, ensure_ascii=False)
    except RecursionError:
        raise UsageError(
            "the layers lie too deep inside each other for JSON; take another format, "
            "or explain one of the inner layers"
        ) from None
