"""The page on comparing lists every reason that compare can give."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.comparing import amounts, blocks, causes, head, reasons, spelled

PAGE = Path(__file__).parents[1] / "docs" / "compare.md"

NAMED = sorted(
    {
        value
        for module in (amounts, blocks, causes, head, reasons, spelled)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and not name.startswith("_")
    }
)


def rows() -> str:
    """Return the first columns of the tables, without their typography."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return "\n".join(line.split("|")[1] for line in lines if line.startswith("| `"))


@pytest.mark.parametrize("reason", NAMED)
def test_a_reason_is_explained(reason: str) -> None:
    assert any(part in rows() for part in (f"`{reason}", f"X {reason}`"))
