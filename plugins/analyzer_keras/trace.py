"""Follows a model's ``call`` on symbolic tensors and writes down what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from analyzer import AnalyzerError, ModelBuilder, ModelError
from analyzer.ops import VIEW, Operation, Unknown, free
from analyzer_keras.calls import Call, Found
from analyzer_keras.control import CONTROL, as_symbol
from analyzer_keras.drawing import DRAWN
from analyzer_keras.mapping import (
    ALIASES,
    FOLLOWED,
    OPEN,
    OTHER_SHAPES,
    PARAMETER_VIEWS,
    TABLE,
    VIEWS,
)
from analyzer_keras.messages import said
from analyzer_keras.raw import RawCall, follow, followed_by_backend
from analyzer_keras.record import Called, Record, leaves
from analyzer_keras.tree import LayerTree

__all__ = ["NotBuiltError", "Trace", "closed"]


class NotBuiltError(Exception):
    """A layer came up that has no variables yet; building it would change the user's model."""


class Trace(Record):
    """Records a model's operations in the order of their execution.

    One instance is one trace. It is what :func:`analyzer_keras.patches.recording` tells of every
    call; :meth:`write` puts the result into a builder.
    """

    def __init__(self, builder: ModelBuilder, tree: LayerTree, *, may_build: bool) -> None:
        super().__init__(builder, tree)
        self.may_build = may_build
        self._never_called: list[Any] = []
        self._thread = get_ident()
        self._pauses = 0
        self._raw: RawCall | None = None
        self._declined: Exception | None = None
        """What the last operation raised that would not take its inputs."""

    def close(self) -> None:
        """Leave no trace on the layers."""
        for layer in self._never_called:
            layer._called = False

    # What Keras tells, by way of the replaced functions.

    @property
    def listening(self) -> bool:
        return not self._pauses and get_ident() == self._thread

    @property
    def hears_layers(self) -> bool:
        return self.listening or (self._raw is not None and get_ident() == self._thread)

    @contextmanager
    def paused(self) -> Iterator[None]:
        self._pauses += 1
        raw, self._raw = self._raw, None
        try:
            yield
        finally:
            self._raw = raw
            self._pauses -= 1

    @contextmanager
    def raw(self, code: RawCall) -> Iterator[None]:
        """Let Keras be itself, but for the layers that raw code calls."""
        with self.paused():
            self._raw = code
            yield

    @contextmanager
    def apart(self) -> Iterator[list[Any]]:
        """Listen as usual for one layer that raw code calls, and collect its steps."""
        pauses, self._pauses = self._pauses, 0
        raw, self._raw = self._raw, None
        outer, self.steps = self.steps, []
        try:
            yield self.steps
        finally:
            self.steps, self._raw, self._pauses = outer, raw, pauses

    def call_layer(self, layer: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if not layer.built and not self.may_build:
            raise NotBuiltError(layer.name)
        if not layer._called:
            self._never_called.append(layer)
        if self._raw is not None:
            return self._raw.call_layer(layer, call, args, kwargs)
        path = self.tree.path(layer, parent=self.path[-1] if self.path else None)
        self.path.append(path)
        try:
            outputs = call(layer, *args, **kwargs)
        finally:
            self.path.pop()
        self.steps.append(Called(path, self.tensors_in(outputs)))
        return outputs

    def run_layer(self, layer: Any, infer: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        from analyzer_keras.layers import whole

        self._inputs_of(layer, args, kwargs)
        before = len(self.steps)
        body = layer.quantized_call if getattr(layer, "quantization_mode", None) else layer.call
        try:
            read = whole(layer)
            return body(*args, **kwargs) if read is None else read(self, layer, *args, **kwargs)
        except (NotBuiltError, AnalyzerError) as error:
            error._keras_call_info_injected = True  # type: ignore[union-attr]  # it says enough
            raise
        except Exception as error:  # a body may be anything, and what it says is told below
            failed = symbolic = error
            del self.steps[before:]
        if followed_by_backend():
            try:
                return follow(self, body, args, kwargs)
            except (NotBuiltError, AnalyzerError) as error:
                error._keras_call_info_injected = True  # type: ignore[union-attr]  # as above
                raise
            except Exception as error:  # what Keras can infer is still known
                if symbolic is self._declined:
                    raise self._refused(layer, symbolic, "; give inputs that fit") from error
                failed = error
                del self.steps[before:]
        return self._unknown_layer(layer, infer, args, kwargs, failed)

    def _unknown_layer(
        self, layer: Any, infer: Callable[..., Any], args: Any, kwargs: Any, failed: Exception
    ) -> Any:
        with self.paused():
            try:
                outputs = _inferred(layer, infer, args, kwargs)
            except Exception as error:
                raise self._refused(layer, error) from failed
        self.builder.note(
            f"{type(layer).__name__} could not be followed and counts as unknown: {said(failed)}"
        )
        name = f"keras.{type(layer).__name__}"
        self.add(Unknown(name=name), args=(args, kwargs), outputs=outputs, native=name)
        return outputs

    def _refused(self, layer: Any, error: Exception, advice: str = "") -> ModelError:
        refused = ModelError(
            f"layer {self.path[-1] or layer.name!r} ({type(layer).__name__}) cannot be run: "
            f"{said(error)}{advice}"
        )
        refused._keras_call_info_injected = True  # type: ignore[attr-defined]
        return refused

    def run_operation(self, operation: Any, args: Any, kwargs: Any) -> Any:
        if type(operation).__name__ in FOLLOWED:
            return operation.call(*args, **kwargs)
        with self.paused():
            try:
                shapes = _shapes(operation, args, kwargs)
            except NotImplementedError:
                raise
            except Exception as error:  # each backend has its own for inputs that do not fit
                self._declined = error
                raise
            outputs, exact = closed(shapes, at_least=getattr(operation, "minlength", 0))
        call = Call(operation, args, kwargs, leaves(outputs), self.parameter_of, self.tree.kind)
        if call.name in ALIASES and self.alias(call):
            return outputs
        if not exact:
            self.open_ended(f"keras.ops.{call.name}", outputs)
        translate = TABLE.get(call.name)
        if translate is None or not (exact or call.name in OPEN):
            self._unknown(call)
            return outputs
        if call.name == "Add" and self.takes_bias(call):
            return outputs
        found = translate(call)
        if isinstance(found, Operation):
            self._one(call, found)
        else:
            self._several(call, found)
        return outputs

    def run_control(self, name: str, *args: Any, **kwargs: Any) -> Any:
        run = CONTROL.get(name) or DRAWN[name]
        return run(self, *args, **kwargs)

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
        before = tree.map_structure(as_symbol, tuple(initial_states))
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
        loop.outputs = (*self.tensors_in(outputs), *self.tensors_in((output, states)))
        return output, outputs, states

    def run_inside(self, layer: Any, args: Any, kwargs: Any) -> Any:
        """Run the body of a layer that another one runs without calling it."""
        path = self.tree.path(layer, parent=self.path[-1])
        self.path.append(path)
        try:
            outputs = self.run_layer(layer, type(layer).compute_output_spec, args, kwargs)
        finally:
            self.path.pop()
        self.steps.append(Called(path, self.tensors_in(outputs)))
        return outputs

    # How one operation becomes nodes.

    def _one(self, call: Call, operation: Operation) -> None:
        read = (call.args, call.kwargs)
        viewed = next((name for value in leaves(read) if (name := self.parameter_of(value))), None)
        activation = any(self.is_activation(value) for value in leaves(read))
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
                self.view_of_parameter(output, viewed)

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

    def open_ended(self, name: str, outputs: Any) -> None:
        """Say that how much something gives depends on data."""
        sizes = " and ".join("x".join(map(str, one.shape)) for one in leaves(outputs))
        self.builder.note(
            f"{name}: how much it gives depends on data; what follows is counted as for {sizes}, "
            "the least"
        )
        self.at_least(outputs)

    def _unknown(self, call: Call) -> None:
        self.add(
            Unknown(name=f"keras.ops.{call.name}"),
            args=(call.args, call.kwargs),
            outputs=call.outputs,
            native=call.name,
        )

    def _inputs_of(self, layer: Any, args: Any, kwargs: Any) -> None:
        """Let the input layers of a functional model give what the model is given."""
        from keras.src.models.functional import Functional

        functional = getattr(layer, "_functional", layer)
        if not isinstance(functional, Functional):
            return
        given = [value for value in leaves((args, kwargs)) if self.is_activation(value)]
        for place, value in zip(functional.inputs, given, strict=False):
            path = self.tree.known_path(place._keras_history.operation)
            if path is not None:
                self.steps.append(Called(path, (self.tensor(value),)))


def closed(outputs: Any, *, at_least: int = 0) -> tuple[Any, bool]:
    """Close sizes that depend on data with the least, which is 1; say whether there were none."""
    from keras import KerasTensor, tree

    if all(None not in leaf.shape for leaf in leaves(outputs) if isinstance(leaf, KerasTensor)):
        return outputs, True

    def close(leaf: Any) -> Any:
        sizes = [max(at_least, 1) if size is None else size for size in leaf.shape]
        return KerasTensor(sizes, dtype=leaf.dtype)

    return tree.map_structure(close, outputs), False


def _shapes(operation: Any, args: Any, kwargs: Any) -> Any:
    """Return what an operation gives, by its own rule or, where that fails, by the backend's.

    Some rules are narrower than the operation: Keras 3.15's refuses a grouped convolution, and a
    batch normalisation without γ.
    """
    from keras import KerasTensor, Variable, tree
    from keras.src import backend

    def symbol(value: Any) -> Any:  # of a variable; not every rule and backend takes one
        symbolic = isinstance(value, Variable)
        return KerasTensor(value.shape, dtype=value.dtype) if symbolic else value

    args, kwargs = tree.map_structure(symbol, (args, kwargs))
    try:
        if type(operation).__name__ not in OTHER_SHAPES:
            return operation.compute_output_spec(*args, **kwargs)
    except Exception:  # a rule may fail in any way; the backend is asked, and raises if it must
        pass
    return backend.compute_output_spec(operation.call, *args, **kwargs)


def _inferred(layer: Any, infer: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    outputs, exact = closed(infer(layer, *args, **kwargs))
    if not exact:
        raise ModelError(f"layer {layer.name!r}: the size of its result depends on data")
    return outputs
