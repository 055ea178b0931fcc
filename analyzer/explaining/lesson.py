"""Lays out what there is to learn of one layer: what it stores, gives and costs, and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from analyzer.document import Block, Cell, Formula, Heading, Items, Table, Text, Words
from analyzer.explaining.explanation import Derivation, Explanation, Step
from analyzer.expression import total
from analyzer.ir import Bound, Kind
from analyzer.report import Report
from analyzer.units import bytes_text, count_text, shape_text, some_text

__all__ = ["counted_as", "details", "lesson", "lessons", "name_of", "remarks"]


def lesson(
    explanation: Explanation, *, level: int = 1, alike: Sequence[str] = ()
) -> Iterator[Block]:
    """Yield the whole lesson of a layer; ``alike`` are others of which the same could be said."""
    yield Heading(text=f"{name_of(explanation)} · {explanation.layer.type}", level=level)
    if level == 1:
        yield from counted_as(explanation.report)
    if alike:
        yield Text(text=f"The same holds for {some_text(alike)}.")
    yield from lessons([explanation], named=False)
    yield from details(explanation, level=level + 1)


def name_of(explanation: Explanation) -> str:
    """Return what a reader calls the layer."""
    return explanation.layer.path or explanation.report.model.name


def counted_as(report: Report) -> Iterator[Block]:
    """Say by which convention the work was counted, if it is not our own."""
    convention = report.convention
    if convention.name != "analyzer":
        version = f"{convention.name} {convention.version}"
        yield Text(text=f"Counted under the convention {version}: {convention.description}.")


def details(explanation: Explanation, *, level: int) -> Iterator[Block]:
    """Yield the derivations of a layer: what it stores and gives, its work and its bytes."""
    yield from _parameters(explanation, level)
    if explanation.steps:
        yield from _outputs(explanation, level)
        yield from _costs(explanation, level)
    else:
        yield Heading(text="Work", level=level)
        yield Text(text="Nothing is computed in this layer itself.")
        if told := tuple(remarks(explanation)):
            yield Items(items=told)
    yield from _bytes(explanation, level)


def remarks(part: Explanation) -> Iterator[str]:
    """Say what explains the figures of a layer besides derivations."""
    if part.read_elsewhere:
        where = [layer or "the model itself" for layer in part.read_elsewhere]
        yield f"used in {some_text(where)}, and the work stands there"
    if part.layer.shared_with:
        shared = [other or "the model itself" for other in part.layer.shared_with]
        yield f"parameters are shared with {some_text(shared)}; a total counts them once"
    if part.steps and all(step.free for step in part.steps):
        yield "; ".join(dict.fromkeys(step.free for step in part.steps))
    if not (part.steps or part.parameters):
        yield (
            "not called by itself in this run: what it stands for may be done in one step with "
            "what is around it"
            if part.layer.calls == 0
            else "nothing is stored or computed here"
        )


def _parameters(explanation: Explanation, level: int) -> Iterator[Block]:
    learnable = explanation.learnable
    yield Heading(text="Parameters", level=level)
    if learnable.value:
        yield Text(
            text=Formula(
                expression=learnable,
                names=False,
                unit=_plural(learnable.value, "learnable parameter"),
            )
        )
    else:
        yield Text(text="0 learnable parameters: nothing in this layer is trained.")
    if explanation.parameters:
        yield _table(explanation.parameters)
    together = dict.fromkeys(
        line for step in explanation.steps for line in step.entry.node.operation.parameter_lesson()
    )
    if together:
        yield Items(items=tuple(together))
    if explanation.steps and explanation.layer.shared_with:
        yield Items(items=tuple(remarks(explanation))[:1])


def _table(parameters: tuple[Derivation, ...]) -> Table:
    names = _names(parameters)
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            ", ".join(_kind(parameter)),
            Formula(expression=parameter.expression, numbers=False, value=False),
            Formula(expression=parameter.expression, names=False, value=False),
            parameter.expression.value,
            parameter.why,
        )
        for name, parameter in zip(names, parameters, strict=True)
    ]
    return Table(columns=("Tensor", "Kind", "Factors", "Numbers", "Count", "Why"), rows=tuple(rows))


def _kind(parameter: Derivation) -> Iterator[str]:
    yield parameter.kind.value
    if parameter.kind is Kind.LEARNABLE and not parameter.parameter.trainable:
        yield "frozen"
    if parameter.parameter.assumed:
        yield "assumed"


def _names(parameters: Sequence[Derivation]) -> list[str]:
    """Name tensors by their roles, and by their own names too where several have one role."""
    roles = Counter(parameter.role for parameter in parameters)
    named = []
    for parameter in parameters:
        own = re.split(r"[./]", parameter.name)[-1]
        alone = roles[parameter.role] == 1
        named.append(own if not parameter.role else parameter.role + f" ({own})" * (not alone))
    return named


def _outputs(explanation: Explanation, level: int) -> Iterator[Block]:
    yield Heading(text="Output shape", level=level)
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


def _costs(explanation: Explanation, level: int) -> Iterator[Block]:
    yield Heading(text="MACs", level=level)
    macs = [
        Formula(expression=step.macs, label=step.kind, unit=_bound(step))
        for step in explanation.steps
        if step.macs.value
    ]
    if macs:
        yield Items(items=tuple(macs))
    elif any(cost.macs.value for step in explanation.steps if (cost := step.own_cost)):
        yield Text(text="0 MACs: those that there are do not count here, as is said below.")
    else:
        yield Text(text="0 MACs: nothing is multiplied and accumulated.")
    yield Heading(text="FLOPs", level=level)
    lines = dict.fromkeys(line for step in explanation.steps for line in _lesson_of(step))
    worked = [line for step in explanation.steps for line in _work(step)]
    yield Items(items=(*lines, *worked, *_free(explanation.steps)))
    own = explanation.layer.own
    if own.flops and len(worked) > 1:
        yield Text(text=f"{own.bound.sign}{count_text(own.flops)} FLOPs together")


def _lesson_of(step: Step) -> tuple[Words, ...]:
    """Say how an operation is computed, or what another convention makes of that."""
    cost = step.entry.cost
    if cost == step.own_cost:
        return step.entry.node.operation.work_lesson()
    return (f"{step.kind}: {cost.because}",) if cost and cost.because else ()


def _work(step: Step) -> Iterator[Words]:
    if step.entry.cost is None:
        yield f"{step.kind}: not known, and not zero"
    for category, work in step.work.items():
        unit = _plural(work.value, "integer operation" if step.entry.integer else "FLOP")
        yield Formula(
            expression=work,
            label=f"{category}: {step.kind}",
            unit=" ".join(filter(None, (unit, _bound(step)))),
        )


def _bound(step: Step) -> str:
    return f"({step.bound.words})" if step.bound is not Bound.EXACT else ""


def _free(steps: Iterable[Step]) -> Iterator[str]:
    """Say once for each reason which operations cost nothing."""
    by_reason: dict[str, dict[str, None]] = {}
    for step in steps:
        if step.free:
            by_reason.setdefault(step.free, {})[step.kind] = None
    for reason, kinds in by_reason.items():
        yield f"{', '.join(kinds)}: 0, {reason}"


def _bytes(explanation: Explanation, level: int) -> Iterator[Block]:
    lines: list[Words] = []
    if explanation.parameters:
        stored = explanation.stored_bytes
        lines.append(Formula(expression=stored, label="stored", unit=_in_units(stored.value)))
    lines += [line for step in explanation.steps for line in _moved(step)]
    still = dict.fromkeys(
        step.kind
        for step in explanation.steps
        if not step.traffic.read.value + step.traffic.written.value
    )
    if still:
        lines.append(f"{', '.join(still)}: nothing is read or written")
    if lines:
        yield Heading(text="Bytes", level=level)
        yield Items(items=tuple(lines))


def _moved(step: Step) -> Iterator[Words]:
    read, written = step.every_run(step.traffic.read), step.every_run(step.traffic.written)
    for what, moved in (("reads", read), ("writes", written)):
        if moved.value:
            yield Formula(expression=moved, label=f"{step.kind} {what}")
    done, moves = total(step.work.values()).value, read.value + written.value
    if done and moves:
        unit = _plural(done, "integer operation" if step.entry.integer else "FLOP")
        yield (
            f"{step.kind}, arithmetic intensity: {count_text(done)} {unit} / {count_text(moves)} "
            f"bytes = {done / moves:.2f} a byte"
        )


def _plural(count: int, what: str) -> str:
    return what if count == 1 else f"{what}s"


def _in_units(value: int) -> str:
    return f"({in_units})" if (in_units := bytes_text(value)) else ""


def lessons(explanations: Iterable[Explanation], *, named: bool) -> Iterator[Block]:
    """Yield what the operations of some layers teach; ``named`` says which of them each is about.

    What is free and has no parameters is worth a lesson only where nothing else is.
    """
    steps = [step for explanation in explanations for step in explanation.steps]
    unknown = [step for step in steps if step.entry.cost is None]
    working = [
        step
        for step in steps
        if step.entry.cost is not None
        and (not step.free or step.entry.node.operation.parameter_counts())
    ]
    about: dict[str, dict[str, None]] = {}
    for step in (*working, *unknown) or steps:
        if step.entry.node.operation.lesson:
            about.setdefault(step.entry.node.operation.lesson, {})[step.kind] = None
    always_named = {step.entry.node.operation.lesson for step in unknown}
    told = tuple(
        f"{some_text([*kinds])}: {text}"
        if named or len(about) > 1 or text in always_named
        else text
        for text, kinds in about.items()
    )
    if named:
        lines = (line for step in working for line in _lesson_of(step))
        told += tuple(dict.fromkeys(map(str, lines)))
    if len(told) == 1:
        yield Text(text=told[0])
    elif told:
        yield Items(items=told)
