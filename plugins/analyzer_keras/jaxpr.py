"""Reads the equations of JAX (a jaxpr) and writes what they compute into a builder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from analyzer import ModelBuilder, Node, Tensor, Use
from analyzer.ops import VIEW, Branch, Elementwise, Operation, Repeat, Unknown, free
from analyzer_keras.jaxpr_call import Equation, Stored, Value
from analyzer_keras.jaxpr_known import evaluated, small, trips
from analyzer_keras.jaxpr_mapping import INLINED, TABLE
from analyzer_keras.jaxpr_movement import ALIASES, PARAMETER_VIEWS, SAME, VIEWS

__all__ = ["CONTROL", "Reader"]

Hole = Callable[[Any, Sequence[Value], int], Sequence[Tensor]]
"""Writes what a marker stands for: its key, what it reads, how often it runs → its results."""


@dataclass(slots=True)
class Reader:
    """Follows equations in their order.

    Attributes:
        builder: what they are written into.
        layer: path of the layer in which they run.
        marker: name of a primitive that stands for something that was read apart.
        hole: writes what such a marker stands for.
        times: how often what is being read runs, being part of a loop or a branch.
    """

    builder: ModelBuilder
    layer: str = ""
    marker: str = ""
    hole: Hole | None = None
    times: int = 1

    def read(self, closed: Any, inputs: Sequence[Value]) -> list[Value]:
        """Write the equations of a closed jaxpr; return what its results are."""
        jaxpr, constants = _opened(closed)
        known: dict[Any, Value] = dict(zip(jaxpr.constvars, map(_constant, constants), strict=True))
        known.update(zip(jaxpr.invars, inputs, strict=True))

        def value(variable: Any) -> Value:
            return _constant(variable.val) if hasattr(variable, "val") else known[variable]

        for native in self._live(jaxpr):
            equation = Equation(native, tuple(map(value, native.invars)))
            known.update(zip(native.outvars, self._run(equation), strict=True))
        return [value(variable) for variable in jaxpr.outvars]

    @staticmethod
    def _live(jaxpr: Any) -> list[Any]:
        """Return the equations that lead to a result, or do more: JAX runs no others."""
        needed = {one for one in jaxpr.outvars if not hasattr(one, "val")}
        live = []
        for native in reversed(jaxpr.eqns):
            if native.effects or any(one in needed for one in native.outvars):
                needed.update(one for one in native.invars if not hasattr(one, "val"))
                live.append(native)
        return live[::-1]

    def tensor(self, value: Value, aval: Any) -> Tensor:
        """Return what a value is as a tensor; a stored one lives in the parameter's memory."""
        if value.tensor is not None:
            return value.tensor
        storage = self.builder.storage_of(value.stored.name) if value.stored else None
        return self.builder.tensor(*_kind(aval), storage=storage)

    def _run(self, equation: Equation) -> list[Value]:
        name = equation.name
        if name == self.marker and self.hole is not None:
            made = self.hole(equation["key"], equation.inputs, self.times)
            return [Value(shape=one.shape, tensor=one) for one in made]
        if name in INLINED:
            return self.read(equation[INLINED[name]], equation.inputs)
        if name in ALIASES and len(equation.inputs) >= len(equation.native.outvars):
            return list(equation.inputs[: len(equation.native.outvars)])
        control = CONTROL.get(name)
        if control is not None:
            return control(self, equation)
        maker = TABLE.get(name)
        operation = Unknown(name=f"jax.{name}") if maker is None else maker(equation)
        return self._write(equation, operation)

    def _write(self, equation: Equation, operation: Operation) -> list[Value]:
        """Write an operation down; return its results."""
        read, variables = equation.inputs, equation.native.outvars
        viewed, storage = self._viewed(equation)
        known = evaluated(equation)
        results = []
        for at, one in enumerate(variables):
            kind = _kind(one.aval)
            results.append(
                Value(
                    shape=kind[0],
                    tensor=None if viewed else self.builder.tensor(*kind, storage=storage),
                    stored=viewed,
                    known=None if known is None else _item(known, at),
                )
            )
        outputs = [
            self.tensor(one, variable.aval)
            for one, variable in zip(results, variables, strict=True)
        ]
        self._add(operation, equation, read, outputs)
        return results

    def _viewed(self, equation: Equation) -> tuple[Stored | None, int | None]:
        """Return the parameter that the results are views of, and the storage that they live in."""
        name = equation.name
        if not equation.inputs:
            return None, None
        first = equation.inputs[0]
        if first.stored is not None and name in PARAMETER_VIEWS | SAME:
            return first.stored._replace(whole=first.stored.whole and name in SAME), None
        if name in VIEWS and first.tensor is not None and equation.elements == first.elements:
            return None, first.tensor.storage
        return None, None

    def _add(
        self,
        operation: Operation,
        equation: Equation,
        read: Iterable[Value],
        outputs: Iterable[Tensor],
    ) -> None:
        values = tuple(read)
        uses = {
            one.stored.name: Use(one.stored.name, *_role(equation, operation, one.stored))
            for one in values
            if one.stored is not None
        }
        self.builder.add(
            operation,
            inputs=[one.tensor for one in values if one.tensor is not None],
            outputs=outputs,
            uses=uses.values(),
            layer=self.layer,
            native=equation.name,
        )

    # What runs other equations, not just as they stand there.

    def _part(
        self, closed: Any, inputs: Sequence[Value], times: int
    ) -> tuple[list[Node], list[Value]]:
        """Read equations apart, as those of a loop or a branch."""
        outer, self.times = self.times, self.times * times
        try:
            with self.builder.body() as nodes:
                return nodes, self.read(closed, inputs)
        finally:
            self.times = outer

    def _results(self, equation: Equation) -> list[Value]:
        """Return fresh results of an equation."""
        kinds = [_kind(one.aval) for one in equation.native.outvars]
        return [Value(shape=kind[0], tensor=self.builder.tensor(*kind)) for kind in kinds]

    def _carried(self, values: Sequence[Value], variables: Sequence[Any]) -> list[Value]:
        """Return what a loop carries: no longer what it began as."""
        kinds = [_kind(one.aval) for one in variables]
        return [
            Value(shape=kind[0], tensor=self.builder.tensor(*kind))
            if value.tensor is None
            else Value(shape=value.shape, tensor=value.tensor)
            for value, kind in zip(values, kinds, strict=True)
        ]

    def _loop(
        self,
        equation: Equation,
        nodes: Sequence[Node],
        times: int,
        *,
        exact: bool = True,
    ) -> list[Value]:
        results = self._results(equation)
        loop = Repeat(body=tuple(nodes), times=times, exact=exact)
        outputs = [one.tensor for one in results if one.tensor is not None]
        self._add(loop, equation, equation.inputs, outputs)
        return results

    def _scan(self, equation: Equation) -> list[Value]:
        """Read a step, with one row of what is gone through, and repeat it."""
        closed, length = equation["jaxpr"], int(equation["length"])
        constants, carried = int(equation["num_consts"]), int(equation["num_carry"])
        variables = closed.jaxpr.invars
        over = constants + carried
        state = self._carried(equation.inputs[constants:over], variables[constants:over])
        with self.builder.body() as first:
            rows = [
                self._row(whole, variable, equation)
                for whole, variable in zip(equation.inputs[over:], variables[over:], strict=True)
            ]
        inputs = [*equation.inputs[:constants], *state, *rows]
        nodes, _ = self._part(closed, inputs, length)
        return self._loop(equation, [*first, *nodes], length)

    def _row(self, whole: Value, variable: Any, equation: Equation) -> Value:
        """Return one row of what a loop goes through."""
        shape, dtype = _kind(variable.aval)
        if whole.stored is not None:
            return Value(shape=shape, stored=whole.stored._replace(whole=False))
        if whole.tensor is None:
            return Value(shape=shape)
        row = self.builder.tensor(shape, dtype, storage=whole.tensor.storage)
        self._add(free("step of the sequence", because=VIEW), equation, [whole], [row])
        return Value(shape=shape, tensor=row)

    def _while(self, equation: Equation) -> list[Value]:
        """Read a trip; how many there are follows from what is known before the loop, or not."""
        condition, body = equation["cond_jaxpr"], equation["body_jaxpr"]
        before, of_body = int(equation["cond_nconsts"]), int(equation["body_nconsts"])
        asked, more = equation.inputs[:before], equation.inputs[before : before + of_body]
        start = equation.inputs[before + of_body :]
        found = trips(condition, body, asked, more, start)
        state = self._carried(start, body.jaxpr.invars[of_body:])
        times = 1 if found is None else found
        nodes, carried = self._part(body, [*more, *state], times)
        tests, _ = self._part(condition, [*asked, *carried], times)
        return self._loop(equation, [*tests, *nodes], times, exact=found is not None)

    def _cond(self, equation: Equation) -> list[Value]:
        """Read every branch; which one is taken may be known."""
        index, *operands = equation.inputs
        branches = equation["branches"]
        taken = None
        if index.known is not None:
            taken = min(max(int(index.known()), 0), len(branches) - 1)
        alternatives = []
        for at, branch in enumerate(branches):
            runs = taken == at or (taken is None and at == 0)
            nodes, _ = self._part(branch, operands, int(runs))
            alternatives.append(tuple(nodes))
        results = self._results(equation)
        outputs = [one.tensor for one in results if one.tensor is not None]
        branch = Branch(alternatives=tuple(alternatives), taken=taken)
        self._add(branch, equation, equation.inputs, outputs)
        return results

    def _combine(self, equation: Equation) -> list[Value]:
        """Read how two elements become one, and repeat it for all but one of each group."""
        closed = equation["jaxpr"]
        elements = prod(equation.inputs[0].shape)
        if "window_dimensions" in equation.native.params:
            elements = equation.elements * prod(equation["window_dimensions"])
        times = max(elements - equation.elements, 0)
        scalars = self._carried(
            [Value(shape=())] * len(_opened(closed)[0].invars), _opened(closed)[0].invars
        )
        nodes, _ = self._part(closed, scalars, times)
        return self._loop(equation, nodes, times)

    def _linear_solve(self, equation: Equation) -> list[Value]:
        """Read how a system is solved; how its matrix multiplies serves derivatives."""
        lengths, jaxprs = equation["const_lengths"], equation["jaxprs"]
        start = lengths.matvec + lengths.vecmat
        constants = equation.inputs[start : start + lengths.solve]
        return self.read(jaxprs.solve, [*constants, *equation.inputs[sum(lengths) :]])


CONTROL: dict[str, Callable[[Reader, Equation], list[Value]]] = {
    "cond": Reader._cond,
    "custom_linear_solve": Reader._linear_solve,
    "reduce": Reader._combine,
    "reduce_window": Reader._combine,
    "scan": Reader._scan,
    "while": Reader._while,
}
"""Primitives that run equations in a way of their own."""

_ROLE_IN = {"add": "bias", "multiply": "scale"}


def _role(equation: Equation, operation: Operation, stored: Stored) -> tuple[str, tuple[str, ...]]:
    """Return what a parameter is: as a translator said, by its name, by what is done with it."""
    told = equation.roles.get(stored.name)
    if told is not None:
        return told
    if not stored.role and isinstance(operation, Elementwise):
        return _ROLE_IN.get(operation.function, ""), ()
    return stored.role, ()


def _opened(closed: Any) -> tuple[Any, Sequence[Any]]:
    """Return a jaxpr and its constants; one that is not closed has none."""
    return (closed.jaxpr, closed.consts) if hasattr(closed, "consts") else (closed, ())


def _constant(value: Any) -> Value:
    shape = tuple(getattr(value, "shape", ()))
    return Value(shape=shape, known=(lambda: value) if small(shape) else None)


def _item(known: Callable[[], Sequence[Any]], at: int) -> Callable[[], Any]:
    return lambda: known()[at]


def _kind(aval: Any) -> tuple[tuple[int, ...], str]:
    """Return shape and type; the state of a random generator is two whole numbers."""
    shape = tuple(map(int, getattr(aval, "shape", ())))
    dtype = str(getattr(aval, "dtype", "bool"))
    if dtype.startswith("key<"):
        return (*shape, 2), "uint32"
    return shape, "bool" if dtype == "float0" else dtype
