"""Lays an explanation out as a lesson: what is learned, what comes out, what it costs, and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from analyzer.document import Block, Cell, Document, Heading, Items, Table, Text
from analyzer.explain import Derivation, Explanation, Step
from analyzer.expression import Expression
from analyzer.ir import Kind
from analyzer.printed import non_trainable_printed, total_printed
from analyzer.units import bound_text, count_text, shape_text, some_text

__all__ = ["present_explanation"]


def present_explanation(explanation: Explanation) -> Document:
    """Lay out the explanation of a layer, or, for one with sublayers, of each of them in a line."""
    blocks = tuple(_whole(explanation) if explanation.parts else _layer(explanation))
    return Document(
        blocks=blocks, table=_lines(explanation, numbers=True), data=explanation.to_dict()
    )


def _whole(explanation: Explanation) -> Iterator[Block]:
    layer = explanation.layer
    yield Heading(text=f"{layer.path or layer.report.model.name} · {layer.type}")
    yield Text(
        text="Learnable parameters are the numbers that training changes: the kernels (weights) "
        "and biases of layers, the scales and offsets of normalisations, embeddings."
    )
    yield _lines(explanation, numbers=False)
    counts = layer.parameters
    stored = [
        f"{count_text(counts.total)} learnable parameters = {count_text(counts.trainable)} "
        f"trainable + {count_text(counts.frozen)} frozen"
    ]
    if counts.state:
        stored.append(
            f"{count_text(counts.state)} numbers are state: stored and updated, but not learned "
            "(running means and variances, batch counters)"
        )
    if counts.constants:
        stored.append(f"{count_text(counts.constants)} numbers are constants: never trained")
    if layer.parent is None:
        stored += [*total_printed(layer.report), *non_trainable_printed(layer.report)]
    yield Items(items=tuple(stored))
    yield from _lessons(explanation)
    if explanation.parameters or explanation.steps:
        yield Heading(text=f"What {layer.path or 'the model'} does itself", level=2)
        yield from _details(explanation)
    if layer.parent is None and layer.report.notes:
        yield Heading(text="Notes", level=2)
        yield Items(items=layer.report.notes)


def _layer(explanation: Explanation) -> Iterator[Block]:
    layer = explanation.layer
    yield Heading(text=f"{layer.path or layer.report.model.name} · {layer.type}")
    yield from _lessons(explanation)
    yield from _details(explanation)


def _details(explanation: Explanation) -> Iterator[Block]:
    learnable = explanation.learnable
    yield Heading(text="Parameters", level=2)
    if learnable.value:
        yield Text(text=f"{_sum(learnable)} learnable parameters")
    else:
        yield Text(text="0 learnable parameters: nothing in this layer is trained.")
    if explanation.parameters:
        yield _parameters(explanation.parameters)
    together = dict.fromkeys(
        line for step in explanation.steps for line in step.entry.node.operation.parameter_lesson()
    )
    if together:
        yield Items(items=tuple(together))
    if explanation.steps:
        yield from _outputs(explanation)
        yield from _costs(explanation)
    elif explanation.read_elsewhere:
        yield Text(
            text="Nothing is computed in this layer itself: its parameters are "
            f"{_used_in(explanation.read_elsewhere)}, and the work stands there."
        )


def _used_in(layers: tuple[str, ...]) -> str:
    return f"used in {some_text([layer or 'the model itself' for layer in layers])}"


def _parameters(parameters: tuple[Derivation, ...]) -> Table:
    roles = Counter(parameter.role for parameter in parameters)
    rows: list[tuple[Cell, ...]] = []
    for parameter in parameters:
        kind = parameter.kind.value + (", assumed" if parameter.assumed else "")
        rows.append(
            (
                _tensor_name(parameter, alone=roles[parameter.role] == 1),
                kind,
                parameter.expression.names(),
                parameter.expression.numbers(),
                parameter.expression.value,
                parameter.why,
            )
        )
    return Table(columns=("Tensor", "Kind", "Factors", "Numbers", "Count", "Why"), rows=tuple(rows))


def _tensor_name(parameter: Derivation, *, alone: bool) -> str:
    """Name a tensor by its role, and by its own name too where several have that role."""
    own = re.split(r"[./]", parameter.name)[-1]
    if not parameter.role:
        return own
    return parameter.role if alone else f"{parameter.role} ({own})"


def _outputs(explanation: Explanation) -> Iterator[Block]:
    yield Heading(text="Output shape", level=2)
    lines = [
        line for step in explanation.steps for line in step.entry.node.operation.shape_lesson()
    ]
    nodes = [step.entry.node for step in explanation.steps]
    first, last = next((node for node in nodes if node.inputs), nodes[0]), nodes[-1]
    came = ", ".join(shape_text(tensor.shape) for tensor in first.inputs) or "nothing"
    gives = ", ".join(
        shape_text(tensor.shape) for tensor in explanation.layer.outputs or last.outputs
    )
    yield Items(items=(f"{came} → {gives}", *dict.fromkeys(lines)))


def _costs(explanation: Explanation) -> Iterator[Block]:
    yield Heading(text="MACs", level=2)
    macs = [
        _line(step, step.entry.cost.macs)
        for step in explanation.steps
        if step.entry.cost and step.entry.cost.macs.value
    ]
    if macs:
        yield Items(items=tuple(macs))
    else:
        yield Text(text="0 MACs: nothing is multiplied and accumulated.")
    yield Heading(text="FLOPs", level=2)
    worked = tuple(line for step in explanation.steps for line in _flops(step))
    yield Items(items=(*worked, *_free(explanation)))


def _free(explanation: Explanation) -> Iterator[str]:
    """Say once for each reason which operations cost nothing."""
    by_reason: dict[str, dict[str, None]] = {}
    for step in explanation.steps:
        if step.entry.cost and step.entry.cost.free:
            kinds = by_reason.setdefault(step.entry.cost.free, {})
            kinds[step.entry.node.operation.kind] = None
    for reason, kinds in by_reason.items():
        yield f"{', '.join(kinds)}: 0, {reason}"


def _flops(step: Step) -> Iterator[str]:
    cost = step.entry.cost
    if cost is None:
        yield f"{step.entry.node.operation.kind}: not known, and not zero"
    elif not cost.free:
        unit = "integer operations" if step.entry.integer else "FLOPs"
        for category, flops in cost.by_category.items():
            yield f"{category}: {_line(step, flops)} {unit}"


def _line(step: Step, expression: Expression) -> str:
    once = f"{step.entry.node.operation.kind}: {expression.names()} = {_sum(expression)}"
    if step.times == 1:
        return once
    return f"{once}, × {step.times:,} = {count_text(expression.value * step.times)}"


def _sum(expression: Expression) -> str:
    numbers, value = expression.numbers(), count_text(expression.value)
    return value if numbers == str(expression.value) else f"{numbers} = {value}"


def _lessons(explanation: Explanation) -> Iterator[Block]:
    steps = [step for part in explanation.walk() for step in part.steps]
    unknown = dict.fromkeys(
        f"{step.entry.node.operation.kind}: {step.entry.node.operation.lesson}"
        for step in steps
        if step.entry.cost is None
    )
    steps = [step for step in steps if step.entry.cost is not None]
    working = [step for step in steps if step.entry.cost and not step.entry.cost.free]
    # What is free is worth a lesson only where nothing else is.
    lessons = [step.entry.node.operation.lesson for step in working]
    if not (unknown or any(lessons)):
        lessons = [step.entry.node.operation.lesson for step in explanation.steps]
    seen = dict.fromkeys(lesson for lesson in (*lessons, *unknown) if lesson)
    if len(seen) == 1:
        yield Text(text=next(iter(seen)))
    elif seen:
        yield Items(items=tuple(seen))


def _lines(explanation: Explanation, *, numbers: bool) -> Table:
    """One line a layer; ``numbers`` puts counts in their own columns, for programs."""
    rows: list[tuple[Cell, ...]] = []
    for part in explanation.walk():
        own = part.layer.own
        worth_a_line = part.learnable.value or (own.macs if part is explanation else part.steps)
        if part.parts and not worth_a_line:
            continue
        learnable = part.learnable
        derivation = learnable.numbers() if numbers else _sum(learnable)
        calls = f" ×{part.layer.calls}" if part.layer.calls > 1 and not numbers else ""
        rows.append(
            (
                part.layer.path or "(the model itself)",
                part.layer.type + calls,
                derivation,
                *((learnable.value, own.parameters.state) if numbers else ()),
                own.macs if numbers else bound_text(own.macs, own.bound.sign),
                own.flops if numbers else bound_text(own.flops, own.bound.sign),
                _because(part),
            )
        )
    middle = ("Parameters", "State") if numbers else ()
    return Table(
        columns=(
            "Layer",
            "Type",
            "Derivation" if numbers else "Learnable parameters",
            *middle,
            "MACs",
            "FLOPs",
            "Why",
        ),
        rows=tuple(rows),
    )


def _because(part: Explanation) -> str:
    learnable = [parameter for parameter in part.parameters if parameter.kind is Kind.LEARNABLE]
    if learnable:
        factors = " + ".join(parameter.expression.names() for parameter in learnable)
        elsewhere = part.read_elsewhere
        return f"{factors}; {_used_in(elsewhere)}" if elsewhere else factors
    if not part.steps:
        return "it never runs" if part.layer.calls == 0 else "nothing is stored or computed here"
    free = [step.entry.cost.free for step in part.steps if step.entry.cost and step.entry.cost.free]
    return "; ".join(dict.fromkeys(free)) if len(free) == len(part.steps) else "nothing to learn"
