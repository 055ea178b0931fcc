"""What a framework itself prints of a model, where that is another figure, and why it is.

Only Keras prints other figures than ours under the same names.
"""

from __future__ import annotations

from analyzer.report import Report

__all__ = ["non_trainable_printed", "total_printed"]


def total_printed(report: Report) -> tuple[str, ...]:
    """Say which total the framework prints, if it is not the one of learnable parameters."""
    counts = report.totals.parameters
    if report.model.framework != "Keras" or not counts.state:
        return ()
    return (
        f"Keras itself prints {counts.total + counts.state:,} total parameters for "
        f"{report.model.name}: {counts.total:,} learnable and {counts.state:,} of state",
    )


def non_trainable_printed(report: Report) -> tuple[str, ...]:
    """Say what the framework puts together as not trainable."""
    counts = report.totals.parameters
    if report.model.framework != "Keras" or not (counts.frozen or counts.state):
        return ()
    return (
        f"what Keras prints as non-trainable, {counts.frozen + counts.state:,}, is two things: "
        f"{counts.state:,} of state, which no optimizer ever changes, and {counts.frozen:,} "
        "frozen, which are learnable and set not to be trained",
    )
