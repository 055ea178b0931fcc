"""From the steps of a walk to the representation: roles settled, layers found, nodes in place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from analyzer import Kind, ModelBuilder, Tensor, Use
from analyzer_onnx.places import Path, placed
from analyzer_onnx.roles import role_of
from analyzer_onnx.subgraphs import all_steps
from analyzer_onnx.values import Step, Stored, Value

__all__ = ["emit"]


def emit(
    builder: ModelBuilder,
    steps: Sequence[Step],
    stored: Iterable[Stored],
    outputs: Sequence[Value],
    *,
    ordered: bool,
) -> None:
    """Declare layers and parameters, then add the nodes in the order in which they ran.

    ``ordered`` says that the nodes stand in the order in which the layers were called, as
    PyTorch's exporters leave them; else nobody knows how often a layer was called, and it is once.
    """
    _Emission(builder, steps, stored, outputs, ordered).run()


class _Emission:
    def __init__(
        self,
        builder: ModelBuilder,
        steps: Sequence[Step],
        stored: Iterable[Stored],
        outputs: Sequence[Value],
        ordered: bool,
    ) -> None:
        self.builder = builder
        self.ordered = ordered
        self.steps = steps
        self.outputs = outputs
        claimed = [(one, role_of(one)) for one in stored]
        # Of a tensor that is filled in, the file stores the shape alone, unless it is a weight.
        self.kept = [
            (one, role)
            for one, role in claimed
            if not one.generated or role.kind is not Kind.CONSTANT
        ]
        self.roles = {one.name: role for one, role in self.kept}
        self.uses = {name: Use(name, role.role, role.axes) for name, role in self.roles.items()}
        self.tensors: dict[int, Tensor | None] = {}
        self.flat = list(all_steps(steps))
        self.paths = placed(steps, self._weights, ordered=ordered)

    def run(self) -> None:
        """Do everything, in the order that the builder wants."""
        for one, role in self.kept:
            self.builder.parameter(
                one.name,
                shape=one.shape,
                dtype=one.dtype,
                kind=role.kind,
                storage=one.storage,
                stored_bytes=one.stored_bytes,
                active_elements=one.active_elements,
                assumed=role.assumed,
            )
        self._declare_layers()
        self._add(self.steps)
        self._call_layers()

    def _weights(self, step: Step) -> list[str]:
        return [
            one.name
            for one in step.uses
            if one.name in self.roles and self.roles[one.name].kind is not Kind.CONSTANT
        ]

    def _declare_layers(self) -> None:
        self.builder.layer("", type="Graph")
        types: dict[Path, str] = {}
        for path, told in dict.fromkeys((self.paths[id(step)], step.types) for step in self.flat):
            for depth in range(1, len(path) + 1):
                type = told[depth - 1] if depth <= len(told) else ""
                types[path[:depth]] = types.get(path[:depth]) or type
        for step in self.flat:
            path = self.paths[id(step)]
            if path and not types[path] and self._weights(step):
                types[path] = step.native
        for path, type in nested(types):
            self.builder.layer("/".join(path), type=type or "Scope", parent="/".join(path[:-1]))

    def _add(self, steps: Sequence[Step]) -> None:
        for step in steps:
            operation = step.operation
            if step.wrap is not None:
                bodies = []
                for body in step.bodies:
                    with self.builder.body() as nodes:
                        self._add(body)
                    bodies.append(tuple(nodes))
                operation = step.wrap(*bodies)
            if operation is None:
                continue
            self.builder.add(
                operation,
                inputs=self._tensors(step.inputs),
                outputs=self._tensors(step.outputs),
                native=step.native,
                uses=[self.uses[one.name] for one in step.uses if one.name in self.uses],
                layer="/".join(self.paths[id(step)]),
                bound=step.bound,
            )

    def _tensors(self, values: Iterable[Value]) -> list[Tensor]:
        """Return those that have a shape; each is made once, however often it is read."""
        found = []
        for value in values:
            key = id(value)
            if key not in self.tensors:
                self.tensors[key] = value.tensor()
            tensor = self.tensors[key]
            if tensor is not None:
                found.append(tensor)
        return found

    def _call_layers(self) -> None:
        """Count as calls of a layer how often the steps, in their order, enter it."""
        calls: Counter[Path] = Counter({(): 1})
        last: dict[Path, set[int]] = {(): set()}
        self._enter(self.steps, (), 1, calls, last)
        results = self._results(last)
        for path, times in calls.items():
            tensors = self._tensors(results.get(path, ()) if path else self.outputs)
            self.builder.called("/".join(path), tensors, times=times if self.ordered else 1)

    def _enter(
        self,
        steps: Sequence[Step],
        before: Path,
        times: int,
        calls: Counter[Path],
        last: dict[Path, set[int]],
    ) -> None:
        """Add how often steps that run so many times enter each layer, coming from another.

        ``last`` is filled with the steps of each layer's last call.
        """
        for step in steps:
            path = self.paths[id(step)]
            if path != before:
                for depth in range(_common(path, before) + 1, len(path) + 1):
                    calls[path[:depth]] += times
                    last[path[:depth]] = set()
                before = path
            for depth in range(len(path) + 1):
                last[path[:depth]].add(id(step))
            for body, runs in zip(step.bodies, step.runs, strict=True):
                self._enter(body, path, times * runs, calls, last)

    def _results(self, last: dict[Path, set[int]]) -> dict[Path, list[Value]]:
        """Find, for each layer, the values of its last call that something outside it reads."""
        readers: dict[int, list[Path]] = {id(value): [()] for value in self.outputs}
        for step in self.flat:
            for value in step.inputs:
                readers.setdefault(id(value), []).append(self.paths[id(step)])
        found: dict[Path, list[Value]] = {}
        for step in self.flat:
            path = self.paths[id(step)]
            for value in step.outputs:
                common = [_common(path, reader) for reader in readers.get(id(value), ())]
                for depth in range(min(common, default=len(path)) + 1, len(path) + 1):
                    if not self.ordered or id(step) in last[path[:depth]]:
                        found.setdefault(path[:depth], []).append(value)
        return found


def _common(path: Path, other: Path) -> int:
    """Return how many parts two paths have in common from the start.

    >>> _common(("a", "b", "c"), ("a", "b", "d", "c"))
    2
    """
    at = 0
    for one, two in zip(path, other, strict=False):
        if one != two:
            break
        at += 1
    return at


def nested(types: dict[Path, str]) -> Iterator[tuple[Path, str]]:
    """Give layers in the order in which they ran, each with all that is in it together.

    >>> [path for path, _ in nested({("a",): "", ("b",): "", ("a", "c"): ""})]
    [('a',), ('a', 'c'), ('b',)]
    """
    children: dict[Path, list[Path]] = {}
    for path in types:
        children.setdefault(path[:-1], []).append(path)
    pending = list(reversed(children.get((), ())))
    while pending:
        path = pending.pop()
        yield path, types[path]
        pending.extend(reversed(children.get(path, ())))
