"""From the steps of a walk to the nodes of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analyzer import ModelBuilder, Use
from analyzer_tensorflow.values import Claim, Step, Stored

__all__ = ["emit"]


def emit(
    builder: ModelBuilder,
    steps: Sequence[Step],
    layer_of: Callable[[Step], str],
    role_of: Callable[[Stored, Claim], Claim | None],
    write_hole: Callable[[Step, int], None] | None = None,
    times: int = 1,
) -> None:
    """Add nodes in the order in which they ran.

    Args:
        builder: has all layers and parameters already.
        steps: of the body that is written.
        layer_of: the layer in which a step ran.
        role_of: what a stored tensor is to a step; None where the model does not store it.
        write_hole: writes what stands in place of a marker, which is reached so many times.
        times: how often the body runs.
    """
    for step in steps:
        if step.dropped:
            continue
        if step.hole is not None:
            assert write_hole is not None
            write_hole(step, times)
            continue
        operation = step.operation
        if step.wrap is not None:
            bodies = []
            for body, runs in zip(step.bodies, step.runs, strict=True):
                with builder.body() as nodes:
                    emit(builder, body, layer_of, role_of, write_hole, times * runs)
                bodies.append(tuple(nodes))
            operation = step.wrap(*bodies)
        assert operation is not None
        uses = {}
        for stored, claim in step.uses:
            role = role_of(stored, claim)
            if role is not None:
                uses[stored.name] = Use(stored.name, role.role, role.axes)
        builder.add(
            operation,
            inputs=[one for value in step.inputs if (one := value.tensor(builder)) is not None],
            outputs=[one for value in step.outputs if (one := value.tensor(builder)) is not None],
            native=step.native,
            uses=uses.values(),
            layer=layer_of(step),
            bound=step.bound,
        )
