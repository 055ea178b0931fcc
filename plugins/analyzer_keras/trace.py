"""Follows a model's ``call`` on symbolic tensors and writes down what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import get_ident
from typing import Any

from analyzer import AnalyzerError, ModelBuilder, ModelError, Tensor, Use
from analyzer.ops import VIEW, Convolution, Linear, Operation, Repeat, Unknown, free
from analyzer_keras.calls import Call, Found, Step
from analyzer_keras.mapping import ALIASES, PARAMETER_VIEWS, TABLE, VIEWS
from analyzer_keras.messages import said
from analyzer_keras.tree import LayerTree

__all__ = ["NotBuiltError", "Trace"]


Roles = Mapping[str, tuple[str, tuple[str, ...]]]


class NotBuiltError(Exception):
    """A layer came up that has no variables yet; building it would change the user's model."""


@dataclass(slots=True)
class _Called:
    """A layer ran once and gave these."""

    path: str
    outputs: tuple[Tensor, ...]


class Trace:
    """Records a model's operations in the order of their execution.

    One instance is one trace. It is what :func:`analyzer_keras.patches.recording` tells of every
    call; :meth:`write` puts the result into a builder.
    """

    def __init__(self, builder: ModelBuilder, tree: LayerTree, *, may_build: bool) -> None:
        self.builder = builder
        self.tree = tree
        self.may_build = may_build
        self._steps: list[Step | _Called] = []
        self._path: list[str] = []
        self._tensors: dict[int, tuple[Any, Tensor]] = {}  # the symbolic one is kept alive
        self._views: dict[int, tuple[Any, str]] = {}
        self._never_called: list[Any] = []
        self._thread = get_ident()
        self._pauses = 0

    # What a trace is asked for before and after.

    def tensor(self, symbolic: Any, *, storage: int | None = None, name: str = "") -> Tensor:
        """Return the tensor that a symbolic one stands for."""
        known = self._tensors.get(id(symbolic))
        if known is None:
            made = self.builder.tensor(
                symbolic.shape, str(symbolic.dtype), storage=storage, name=name
            )
            known = self._tensors[id(symbolic)] = (symbolic, made)
        return known[1]

    def write(self) -> None:
        """Give everything that was recorded to the builder."""
        self._write(self._steps, 1)

    def close(self) -> None:
        """Leave no trace on the layers."""
        for layer in self._never_called:
            layer._called = False

    # What Keras tells, by way of the replaced functions.

    @property
    def listening(self) -> bool:
        return not self._pauses and get_ident() == self._thread

    @contextmanager
    def paused(self) -> Iterator[None]:
        self._pauses += 1
        try:
            yield
        finally:
            self._pauses -= 1

    def call_layer(self, layer: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if not layer.built and not self.may_build:
            raise NotBuiltError(layer.name)
        if not layer._called:
            self._never_called.append(layer)
        path = self.tree.path(layer, parent=self._path[-1] if self._path else None)
        self._path.append(path)
        try:
            outputs = call(layer, *args, **kwargs)
        finally:
            self._path.pop()
        self._steps.append(_Called(path, self._tensors_in(outputs)))
        return outputs

    def run_layer(self, layer: Any, infer: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        from analyzer_keras.layers import whole

        self._inputs_of(layer, args, kwargs)
        before = len(self._steps)
        body = layer.quantized_call if getattr(layer, "quantization_mode", None) else layer.call
        try:
            read = whole(layer)
            return body(*args, **kwargs) if read is None else read(self, layer, *args, **kwargs)
        except (NotBuiltError, AnalyzerError) as error:
            error._keras_call_info_injected = True  # type: ignore[union-attr]  # it says enough
            raise
        except Exception as failed:  # a body may be anything; what Keras can infer is still known
            del self._steps[before:]
            with self.paused():
                try:
                    outputs = _inferred(layer, infer, args, kwargs)
                except Exception as error:
                    refused = ModelError(
                        f"layer {self._path[-1] or layer.name!r} ({type(layer).__name__}) cannot "
                        f"be run: {said(error)}"
                    )
                    refused._keras_call_info_injected = True  # type: ignore[attr-defined]
                    raise refused from failed
            self.builder.note(
                f"{type(layer).__name__} could not be followed and counts as unknown: "
                f"{said(failed)}"
            )
            name = f"keras.{type(layer).__name__}"
            self.add(Unknown(name=name), args=(args, kwargs), outputs=outputs, native=name)
            return outputs

    def run_operation(self, operation: Any, args: Any, kwargs: Any) -> Any:
        with self.paused():
            outputs, exact = _closed(_shapes(operation, args, kwargs))
        call = Call(operation, args, kwargs, _leaves(outputs), self.parameter_of)
        if call.name in ALIASES and self._is_alias(call):
            return outputs
        translate = TABLE.get(call.name)
        if translate is None or not exact:
            self._unknown(call)
            return outputs
        if call.name == "Add" and self._takes_bias(call):
            return outputs
        found = translate(call)
        if isinstance(found, Operation):
            self._one(call, found)
        else:
            self._several(call, found)
        return outputs

    def run_steps(
        self,
        step: Callable[..., Any],
        inputs: Any,
        initial_states: Any,
        go_backwards: bool = False,
        mask: Any = None,
        constants: Any = None,
        unroll: bool = False,
        input_length: Any = None,
        time_major: bool = False,
        zero_output_for_mask: bool = False,
        return_all_outputs: bool = True,
    ) -> Any:
        from keras import KerasTensor, tree

        def at_one_step(whole: Any) -> Any:
            shape = whole.shape[1:] if time_major else (whole.shape[0], *whole.shape[2:])
            return KerasTensor(shape, dtype=whole.dtype)

        first = tree.flatten(inputs)[0]
        batch, times = first.shape[:2] if not time_major else first.shape[1::-1]
        now = tree.map_structure(at_one_step, inputs)
        before = tree.map_structure(_symbol_of, tuple(initial_states))
        with self.repeat(times, "rnn", (inputs, initial_states)) as loop:
            self.add(
                free("step of the sequence", because=VIEW),
                args=inputs,
                outputs=now,
                native="rnn",
                view=True,
            )
            output, states = step(now, before + tuple(constants or ()))
        kept = times if return_all_outputs else 1

        def all_steps(one: Any) -> Any:
            shape = (kept, batch) if time_major else (batch, kept)
            return KerasTensor((*shape, *one.shape[1:]), dtype=one.dtype)

        outputs = tree.map_structure(all_steps, output)
        loop.outputs = (*self._tensors_in(outputs), *self._tensors_in((output, states)))
        return output, outputs, states

    # What readers of whole layers use as well.

    def parameter_of(self, value: Any) -> str | None:
        """Return the name of the parameter that a value is, or is a view of."""
        viewed = self._views.get(id(value))
        return viewed[1] if viewed else self.tree.parameter_name(value)

    def add(
        self,
        operation: Operation,
        *,
        args: Any,
        outputs: Any,
        native: str,
        roles: Roles | None = None,
        view: bool = False,
    ) -> Step:
        """Record an executed operation; ``args`` and ``outputs`` are any nest of values."""
        read = _leaves(args)
        inputs = tuple(self.tensor(value) for value in read if self._is_activation(value))
        names = dict.fromkeys(name for value in read if (name := self.parameter_of(value)))
        storage = None
        if view and (inputs or names):
            storage = inputs[0].storage if inputs else self.builder.storage_of(next(iter(names)))
        step = Step(
            operation=operation,
            inputs=inputs,
            outputs=tuple(self.tensor(one, storage=storage) for one in _leaves(outputs)),
            uses=tuple(
                Use(name, *(roles or {}).get(name, (self.tree.role(name), ()))) for name in names
            ),
            layer=self._path[-1] if self._path else "",
            native=native,
        )
        self._steps.append(step)
        return step

    @contextmanager
    def repeat(self, times: int, native: str, args: Any) -> Iterator[Step]:
        """Collect what is recorded inside as the body of a loop. Its outputs are set afterwards."""
        outer, self._steps = self._steps, []
        try:
            loop = Step(
                operation=None,
                inputs=self._tensors_in(args),
                outputs=(),
                uses=(),
                layer=self._path[-1],
                native=native,
                body=self._steps,
                times=times,
            )
            yield loop
        finally:
            self._steps = outer
        self._steps.append(loop)

    @contextmanager
    def inside(self, layer: Any) -> Iterator[None]:
        """Attribute what is recorded inside to a layer that is not called by ``__call__``."""
        self._path.append(self.tree.path(layer, parent=self._path[-1]))
        try:
            yield
        finally:
            path = self._path.pop()
        self._steps.append(_Called(path, ()))

    # How one operation becomes nodes.

    def _one(self, call: Call, operation: Operation) -> None:
        read = (call.args, call.kwargs)
        viewed = next((name for value in _leaves(read) if (name := self.parameter_of(value))), None)
        activation = any(self._is_activation(value) for value in _leaves(read))
        of_parameter = call.name in PARAMETER_VIEWS and viewed is not None and not activation
        self.add(
            operation,
            args=read,
            outputs=call.outputs,
            native=call.name,
            roles=call.roles,
            view=call.name in VIEWS or of_parameter,
        )
        if of_parameter and viewed is not None:
            for output in call.outputs:
                self._views[id(output)] = (output, viewed)

    def _several(self, call: Call, parts: Any) -> None:
        from keras import KerasTensor

        before: Any = ()
        for part in parts:
            assert isinstance(part, Found)
            outputs = call.outputs
            if part.shape is not None:
                outputs = (KerasTensor(part.shape, dtype=call.outputs[0].dtype),)
            args = (before, *(call[name] for name in part.reads))
            self.add(part.operation, args=args, outputs=outputs, native=call.name, roles=call.roles)
            before = outputs

    def _unknown(self, call: Call) -> None:
        self.add(
            Unknown(name=f"keras.ops.{call.name}"),
            args=(call.args, call.kwargs),
            outputs=call.outputs,
            native=call.name,
        )

    def _is_alias(self, call: Call) -> bool:
        """Let a result that is its operand under another name be just that."""
        (operand,) = (*call.args, *call.kwargs.values())[:1]
        (result,) = call.outputs
        if str(operand.dtype) != str(result.dtype):
            return False
        name = self.parameter_of(operand)
        if name is not None:
            self._views[id(result)] = (result, name)
        elif self._is_activation(operand):
            self._tensors[id(result)] = (result, self.tensor(operand))
        return True

    def _takes_bias(self, call: Call) -> bool:
        """Put a layer's own bias into the contraction just before, where Keras has one layer."""
        bias, result = call["x2"], call["x1"]
        name = self.parameter_of(bias)
        last = self._last_with_inputs()
        if name is None or last is None or self.tree.role(name) != "bias":
            return False
        operation = last.operation
        match operation:
            case (
                Linear(out_features=width, bias=False) | Convolution(out_channels=width, bias=False)
            ):
                pass
            case _:
                return False
        fits = (
            last.layer == self._path[-1] == self.tree.owner(name)
            and self.tensor(result) == last.outputs[0]
            and width == self.tree.elements(name)
            and call.shape == tuple(result.shape)
        )
        if fits:
            last.operation = replace(operation, bias=True)
            axis = "filters" if isinstance(operation, Convolution) else "output features"
            axes = (axis,) if self.tree.rank(name) == 1 else ()
            last.uses = (*last.uses, Use(name, "bias", axes))
            (output,) = call.outputs
            made = self.tensor(output, storage=last.outputs[0].storage)
            last.outputs = (made,)
        return fits

    def _last_with_inputs(self) -> Step | None:
        for step in reversed(self._steps):
            if isinstance(step, _Called):
                return None
            if step.inputs:
                return step
        return None

    # Small things.

    def _inputs_of(self, layer: Any, args: Any, kwargs: Any) -> None:
        """Let the input layers of a functional model give what the model is given."""
        from keras.src.models.functional import Functional

        functional = getattr(layer, "_functional", layer)
        if not isinstance(functional, Functional):
            return
        given = [value for value in _leaves((args, kwargs)) if self._is_activation(value)]
        for place, value in zip(functional.inputs, given, strict=False):
            path = self.tree.known_path(place._keras_history.operation)
            if path is not None:
                self._steps.append(_Called(path, (self.tensor(value),)))

    def _is_activation(self, value: Any) -> bool:
        from keras import KerasTensor

        return isinstance(value, KerasTensor) and id(value) not in self._views

    def _tensors_in(self, values: Any) -> tuple[Tensor, ...]:
        return tuple(self.tensor(value) for value in _leaves(values) if self._is_activation(value))

    def _write(self, steps: list[Any], times: int) -> None:
        for step in steps:
            if isinstance(step, _Called):
                for _ in range(times):
                    self.builder.called(step.path, step.outputs)
                continue
            operation = step.operation
            if operation is None:
                with self.builder.body() as nodes:
                    self._write(step.body, times * step.times)
                operation = Repeat(body=tuple(nodes), times=step.times)
            self.builder.add(
                operation,
                inputs=step.inputs,
                outputs=step.outputs,
                uses=step.uses,
                layer=step.layer,
                native=step.native,
            )


def _symbol_of(value: Any) -> Any:
    """Return a symbolic tensor like a value: the state of a loop is no longer what it began as."""
    from keras import KerasTensor

    return KerasTensor(value.shape, dtype=getattr(value.dtype, "name", value.dtype))


def _leaves(values: Any) -> tuple[Any, ...]:
    from keras import tree

    return tuple(value for value in tree.flatten(values) if value is not None)


def _closed(outputs: Any) -> tuple[Any, bool]:
    """Close sizes that depend on data with 1; say whether there were none."""
    from keras import KerasTensor, tree

    if all(None not in leaf.shape for leaf in _leaves(outputs) if isinstance(leaf, KerasTensor)):
        return outputs, True

    def close(leaf: Any) -> Any:
        return KerasTensor([1 if size is None else size for size in leaf.shape], dtype=leaf.dtype)

    return tree.map_structure(close, outputs), False


def _shapes(operation: Any, args: Any, kwargs: Any) -> Any:
    """Return what an operation gives, by its own rule or, where that fails, by the backend's.

    Some rules are narrower than the operation: Keras 3.15's refuses a grouped convolution, and a
    batch normalisation without γ.
    """
    from keras.src import backend

    try:
        return operation.compute_output_spec(*args, **kwargs)
    except Exception:
        return backend.compute_output_spec(operation.call, *args, **kwargs)


def _inferred(layer: Any, infer: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    outputs, exact = _closed(infer(layer, *args, **kwargs))
    if not exact:
        raise ModelError(f"layer {layer.name!r}: the size of its result depends on data")
    return outputs
