"""From the steps of a walk to the representation: roles settled, layers found, nodes in place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from analyzer import Kind, ModelBuilder, Use
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
        for step in self.flat:
            path = self.paths[id(step)]
            for depth in range(1, len(path) + 1):
                told = step.types[depth - 1] if depth <= len(step.types) else ""
                types[path[:depth]] = types.get(path[:depth]) or told
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
            tensors = [value.tensor() for value in step.inputs]
            results = [value.tensor() for value in step.outputs]
            self.builder.add(
                operation,
                inputs=[tensor for tensor in tensors if tensor is not None],
                outputs=[tensor for tensor in results if tensor is not None],
                native=step.native,
                uses=[
                    Use(one.name, self.roles[one.name].role, self.roles[one.name].axes)
                    for one in step.uses
                    if one.name in self.roles
                ],
                layer="/".join(self.paths[id(step)]),
                bound=step.bound,
            )

    def _call_layers(self) -> None:
        """Count as calls of a layer how often the steps, in their order, enter it."""
        results = self._results()
        calls: Counter[Path] = Counter({(): 1})
        self._enter(self.steps, (), 1, calls)
        for path, times in calls.items():
            tensors = [
                tensor
                for value in (results.get(path, ()) if path else self.outputs)
                if (tensor := value.tensor()) is not None
            ]
            self.builder.called("/".join(path), tensors, times=times if self.ordered else 1)

    def _enter(self, steps: Sequence[Step], before: Path, times: int, calls: Counter[Path]) -> None:
        """Add how often steps that run so many times enter each layer, coming from another."""
        for step in steps:
            path = self.paths[id(step)]
            for depth in range(1, len(path) + 1):
                if path[:depth] != before[:depth]:
                    calls[path[:depth]] += times
            before = path
            for body, runs in zip(step.bodies, step.runs, strict=True):
                self._enter(body, path, times * runs, calls)

    def _results(self) -> dict[Path, list[Value]]:
        """Find, for each layer, the values made in it that something outside it reads."""
        readers: dict[int, list[Path]] = {id(value): [()] for value in self.outputs}
        for step in self.flat:
            for value in step.inputs:
                readers.setdefault(id(value), []).append(self.paths[id(step)])
        found: dict[Path, list[Value]] = {}
        for step in self.flat:
            path = self.paths[id(step)]
            for value in step.outputs:
                outside = readers.get(id(value), ())
                for depth in range(1, len(path) + 1):
                    if any(reader[:depth] != path[:depth] for reader in outside):
                        found.setdefault(path[:depth], []).append(value)
        return found


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
