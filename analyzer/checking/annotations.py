"""Annotations of GitHub Actions: lines of a log that it shows beside the change."""

from collections.abc import Iterator

from analyzer.checking.result import Check

__all__ = ["annotated"]


def annotated(check: Check, file: str = "") -> Iterator[str]:
    """Yield an ``::error`` line for each reason why a model did not pass.

    ``file`` is what they are shown at, from the top of the repository; nowhere without it.
    """
    place = f"file={_property(file)}," if file else ""
    for model in check.models:
        title = _property(f"analyzer check: {model.name}")
        for reason in model.reasons:
            yield f"::error {place}title={title}::{_message(reason)}"


def _message(text: str) -> str:
    """Escape what would end the line, as the runner reads it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
