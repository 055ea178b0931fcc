"""Makes Keras describe what it would compute, for as long as a trace lasts, and puts it all back.

Keras runs on symbolic tensors (``KerasTensor``) already, but only to learn the shape that a layer
gives: it does not look inside, and it notes every call on the layers themselves. Here a call of a
layer leads into its own ``call``, every ``keras.ops`` operation is told to a recorder, variables
count as symbolic (so their values are never read), and nothing is noted on the user's objects.

The replaced functions are Keras's own, so the replacement is for the whole process. It lasts for
one trace, one trace at a time, and other threads go on as before.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from threading import RLock
from typing import Any, Protocol

from analyzer_keras.control import CONTROL
from analyzer_keras.drawing import DRAWN

__all__ = ["Recorder", "building", "recording", "without_values"]

_LOCK = RLock()
_NOT_OPERATORS = frozenset(
    {"__array__", "__bool__", "__doc__", "__float__", "__init__", "__int__", "__module__"}
    | {"__repr__", "__tf_tensor__", "__dict__", "__weakref__", "__jax_array__", "__hash__"}
)


class Recorder(Protocol):
    """What is told of a trace."""

    @property
    def listening(self) -> bool:
        """Whether the caller is the trace: the right thread, and not inside shape inference."""

    @property
    def hears_layers(self) -> bool:
        """Whether calls of layers are told: those of raw code are, though nothing else there is."""

    def call_layer(self, layer: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run ``call``, which is Keras's ``Layer.__call__``, as one call of this layer."""

    def run_layer(self, layer: Any, infer: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Give the outputs of the layer's body; ``infer`` only tells their shapes."""

    def run_operation(self, operation: Any, args: Any, kwargs: Any) -> Any:
        """Give the outputs of an operation of ``keras.ops``."""

    def run_control(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Give the outputs of a loop, a branch or a map, or of random numbers for a tensor."""

    def run_steps(self, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Give the outputs of a recurrent loop, as ``backend.rnn`` does."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let Keras be itself for a while."""


_SEEDS = "global_seed_generator"


@contextmanager
def without_values() -> Iterator[None]:
    """Let variables that are made inside have no values, and Keras's counters stay as they are."""
    from keras import StatelessScope
    from keras.src.backend.common import global_state

    kept = {
        name: copy(global_state.get_global_attribute(name))
        for name in ("uninitialized_variables", "object_name_uids")
    }
    kept[_SEEDS] = global_state.get_global_attribute(_SEEDS)  # itself: the scope keeps its state
    with StatelessScope(initialize_variables=False):
        try:
            yield
        finally:
            for name, value in kept.items():
                global_state.set_global_attribute(name, value)


@contextmanager
def building() -> Iterator[None]:
    """Let a model that is called inside make its variables, without values.

    Layers of JAX code run that code to learn which there are, and will not while Keras traces what
    is around them. They do so aside.
    """
    from keras import backend
    from keras.layers import JaxLayer

    if backend.backend() != "jax":
        with without_values():
            yield
        return
    make, drawn = JaxLayer._initialize_weights, random.getstate()

    def aside(layer: Any, shape: Any) -> None:
        import jax

        with jax.ensure_compile_time_eval():
            make(layer, shape)

    with _LOCK, without_values():
        JaxLayer._initialize_weights = aside
        try:
            yield
        finally:
            JaxLayer._initialize_weights = make
            random.setstate(drawn)


@contextmanager
def recording(recorder: Recorder, *, training: bool) -> Iterator[None]:
    """Tell the recorder whatever Keras does inside; afterwards Keras is as it was."""
    from keras.src.backend.common import global_state
    from keras.src.layers.layer import CallContext

    # A call context from outside keeps the first layer from clearing its losses.
    context = CallContext(entry_layer=None)
    context.set_value("training", training)
    outer = global_state.get_global_attribute("current_call_ctx")
    undo: list[tuple[Any, str, Any]] = []
    with _LOCK, without_values():
        try:
            global_state.set_global_attribute("current_call_ctx", context)
            for owner, name, replacement in _replacements(recorder):
                undo.append((owner, name, vars(owner).get(name, _MISSING)))
                setattr(owner, name, replacement)
            yield
        finally:
            for owner, name, original in reversed(undo):
                if original is _MISSING:
                    delattr(owner, name)
                else:
                    setattr(owner, name, original)
            global_state.set_global_attribute("current_call_ctx", outer)


_MISSING = object()


def _replacements(recorder: Recorder) -> Iterator[tuple[Any, str, Any]]:
    """Yield what is replaced: where, under which name, by what."""
    from keras.src import backend, ops
    from keras.src.layers.layer import Layer
    from keras.src.layers.rnn.rnn import RNN
    from keras.src.ops.node import Node
    from keras.src.ops.operation import Operation
    from keras.src.random.seed_generator import SeedGenerator

    def when_listening(original: Any, instead: Callable[..., Any]) -> Callable[..., Any]:
        def either(*args: Any, **kwargs: Any) -> Any:
            return (instead if recorder.listening else original)(*args, **kwargs)

        return either

    layer_call, layer_infer, note = Layer.__call__, Layer.symbolic_call, Node.__init__

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if recorder.hears_layers:
            return recorder.call_layer(layer, layer_call, args, kwargs)
        return layer_call(layer, *args, **kwargs)

    yield Layer, "__call__", call
    yield (
        Layer,
        "symbolic_call",
        when_listening(
            layer_infer,
            lambda layer, *args, **kwargs: recorder.run_layer(layer, layer_infer, args, kwargs),
        ),
    )
    yield (
        Operation,
        "symbolic_call",
        when_listening(
            Operation.symbolic_call,
            lambda operation, *args, **kwargs: recorder.run_operation(operation, args, kwargs),
        ),
    )
    yield Node, "__init__", when_listening(note, lambda node, *args, **kwargs: None)
    yield backend, "rnn", when_listening(backend.rnn, recorder.run_steps)
    yield from _control_and_chance(recorder)
    masks = RNN._maybe_config_dropout_masks  # runs stacked cells once more, only to have shapes
    yield RNN, "_maybe_config_dropout_masks", when_listening(masks, lambda *args: None)
    for name in ("bidirectional_gru", "bidirectional_lstm"):
        if hasattr(backend, name):  # one kernel for both directions, where a backend has it
            yield backend, name, when_listening(getattr(backend, name), _not_here)

    def next_seed(generator: Any, *args: Any, **kwargs: Any) -> Any:
        with recorder.paused():  # random numbers are of no concern, and the scope keeps the state
            return seed(generator, *args, **kwargs)

    seed = SeedGenerator.next
    yield SeedGenerator, "next", when_listening(seed, next_seed)
    with_gradient = ops.custom_gradient
    yield ops, "custom_gradient", when_listening(with_gradient, _without_gradient)
    yield from _symbolic_variables(when_listening)
    yield from _functions_of_the_backend(recorder)


def _control_and_chance(recorder: Recorder) -> Iterator[tuple[Any, str, Any]]:
    """Yield what leads loops, branches and maps to the recorder, and draws for a tensor."""
    from keras.src import backend

    def lead(name: str, native: Callable[..., Any]) -> Callable[..., Any]:
        def either(*args: Any, **kwargs: Any) -> Any:
            if recorder.listening and (name in CONTROL or _any_symbolic(args, kwargs)):
                return recorder.run_control(name, *args, **kwargs)
            return native(*args, **kwargs)

        return either

    for module in _modules_of_the_backend(("", ".core")):
        for name in CONTROL:
            native = vars(module).get(name)
            if callable(native):
                yield module, name, lead(name, native)
    for name in DRAWN:
        yield backend.random, name, lead(name, getattr(backend.random, name))


def _without_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what a function with a gradient of its own computes, without that gradient."""

    def result(*args: Any, **kwargs: Any) -> Any:
        outputs, _ = function(*args, **kwargs)
        return outputs

    return result


def _any_symbolic(args: Any = (), kwargs: Any = None) -> bool:
    """Say whether a symbolic tensor or a variable is among arguments, in whatever nest."""
    from keras import KerasTensor, tree
    from keras.src.backend.common.variables import Variable

    symbols = (KerasTensor, Variable)
    values = (*(args or ()), *(kwargs or {}).values())
    if any(isinstance(value, symbols) for value in values):
        return True
    nests = [value for value in values if isinstance(value, (list, tuple, dict))]
    return any(isinstance(leaf, symbols) for leaf in tree.flatten(nests))


def _symbolic_variables(
    when_listening: Callable[[Any, Callable[..., Any]], Callable[..., Any]],
) -> Iterator[tuple[Any, str, Any]]:
    """Yield what makes a variable behave as the symbolic tensor that it is to a trace."""
    from keras.src.backend import KerasTensor
    from keras.src.backend.common import keras_tensor
    from keras.src.backend.common.variables import Variable

    test = keras_tensor.any_symbolic_tensors
    replacement = when_listening(test, _any_symbolic)
    for name, module in list(sys.modules.items()):
        if name.startswith("keras.src") and getattr(module, "any_symbolic_tensors", None) is test:
            yield module, "any_symbolic_tensors", replacement
    for name in vars(KerasTensor).keys() & vars(Variable).keys() - _NOT_OPERATORS:
        if name.startswith("__") and callable(vars(Variable)[name]):
            original, operator = vars(Variable)[name], vars(KerasTensor)[name]
            yield Variable, name, when_listening(original, operator)
    assign = Variable.assign
    yield Variable, "assign", when_listening(assign, lambda variable, value: value)


def _functions_of_the_backend(recorder: Recorder) -> Iterator[tuple[Any, str, Any]]:
    """Yield what leads a backend's function to its namesake in ``keras.ops``.

    Preprocessing layers and some activations call the backend directly.
    """
    from keras import ops, tree

    def lead(native: Any, symbolic: Any) -> Callable[..., Any]:
        inside = False

        def either(*args: Any, **kwargs: Any) -> Any:
            nonlocal inside
            if not recorder.listening or not _any_symbolic(args, kwargs):
                return native(*args, **kwargs)
            if inside:  # only a variable was symbolic, and the namesake looked at the others only
                args, kwargs = tree.map_structure(_symbol_of, (args, kwargs))
            before, inside = inside, True
            try:
                return symbolic(*args, **kwargs)
            finally:
                inside = before

        return either

    for module in _modules_of_the_backend(_FAMILIES):
        namesakes = getattr(ops, module.__name__.rpartition(".")[2], ops)
        for name, native in list(vars(module).items()):
            if name in CONTROL:
                continue
            symbolic = getattr(namesakes, name, None) or getattr(ops, name, None)
            code = getattr(symbolic, "__code__", None)
            if callable(native) and code and "any_symbolic_tensors" in code.co_names:
                yield module, name, lead(native, symbolic)


_FAMILIES = ("", ".core", ".image", ".linalg", ".math", ".nn", ".numpy")


def _modules_of_the_backend(families: Iterable[str]) -> list[Any]:
    from keras import backend

    package = f"keras.src.backend.{backend.backend()}"
    paths = ("keras.src.backend", *(package + family for family in families))
    return [sys.modules[path] for path in paths]


def _symbol_of(value: Any) -> Any:
    """Return a symbolic tensor in place of a constant one."""
    from keras import KerasTensor
    from keras.src.backend import is_tensor

    if is_tensor(value) and not isinstance(value, KerasTensor):
        return KerasTensor(value.shape, dtype=str(value.dtype.name))
    return value


def _not_here(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError("a trace reads each direction by itself")
