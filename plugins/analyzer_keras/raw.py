"""Code that calls a backend directly: it is run on the backend's own symbolic tensors instead.

Keras follows a layer's ``call`` on ``KerasTensor``s as long as it uses ``keras.ops``. Raw code of
TensorFlow, JAX or PyTorch cannot take those. It is run here as that backend traces any code, and
the backend's graph is read. For each there is a module, in :data:`READERS`, with a function::

    def follow(raw: RawCall) -> Sequence[Tensor | str]

which makes tensors of its own (tracers) for ``raw.inputs``, lets :meth:`RawCall.run` run the code
on them, and writes the operations of the graph to ``raw.builder`` in the layer ``raw.path``. It
returns what each result of the code is to the model: a tensor, or the name of a parameter.

Two things are not the backend's: the model's variables, which are asked for one by one as the code
reads them, so that none is read or assigned; and the layers that the code calls. These stay whole:
a layer is followed in the usual way, and all that the backend's graph gets is a marker with the
right shapes, in whose place :meth:`RawCall.write` writes the layer's steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from analyzer import ModelBuilder, Tensor
from analyzer_keras.calls import Step
from analyzer_keras.record import Called, Written, leaves

if TYPE_CHECKING:
    from analyzer_keras.trace import Trace

__all__ = ["READERS", "Hole", "RawCall", "follow", "followed_by_backend"]

READERS: dict[str, str] = {
    "jax": "analyzer_keras.raw_jax",
    "tensorflow": "analyzer_keras.raw_tensorflow",
    "torch": "analyzer_keras.raw_torch",
}
"""Backends of Keras, to the modules that follow code written for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A layer that raw code called.

    Attributes:
        inputs: the backend's tensors that it was given.
        given: the symbolic tensors that it was followed on in their place.
        outputs: the symbolic tensors that it gave; masks are among them.
        steps: what it does.
    """

    inputs: tuple[Any, ...]
    given: tuple[Any, ...]
    outputs: tuple[Any, ...]
    steps: tuple[Any, ...]


def followed_by_backend() -> bool:
    """Say whether raw code of the active backend can be followed."""
    from keras import backend

    return backend.backend() in READERS


def follow(trace: Trace, body: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Return what a layer's body gives, as symbolic tensors; what it does is recorded.

    Raises:
        Exception: whatever the body raises on the backend's tensors.
    """
    from keras import KerasTensor, backend, tree

    raw = RawCall(trace, body, args, kwargs)
    reader = import_module(READERS[backend.backend()])
    with trace.builder.body() as nodes:
        values = iter(reader.follow(raw))
    trace.steps += [Written(tuple(nodes)), *raw.calls]

    def symbol(result: Any) -> Any:
        if not raw.is_native(result):
            return result
        value = next(values)
        if isinstance(value, Tensor):
            made = KerasTensor(value.shape, dtype=value.dtype)
            trace.stands_for(made, value)
        else:
            made = raw.symbol(result)
            trace.view_of_parameter(made, value)
        return made

    return tree.map_structure(symbol, raw.results)


class RawCall:
    """A layer's body that is to be run on tensors of the backend.

    Attributes:
        builder: to which the operations are written.
        path: of the layer in which they run.
        inputs: the symbolic tensors that the body is given, each once.
        results: what the body gave, in whatever nest.
        calls: which layers the code called, told as they are written.
    """

    def __init__(self, trace: Trace, body: Callable[..., Any], args: Any, kwargs: Any) -> None:
        from keras import KerasTensor

        self.builder: ModelBuilder = trace.builder
        self.path = trace.path[-1]
        self.results: Any = None
        self.calls: list[Called] = []
        self._trace = trace
        self._body = body
        self._arguments = (args, kwargs)
        symbols = {id(one): one for one in leaves((args, kwargs)) if isinstance(one, KerasTensor)}
        masks = {id(mask): mask for one in symbols.values() if (mask := _mask(one)) is not None}
        self.inputs: tuple[Any, ...] = tuple((symbols | masks).values())
        self._symbols: dict[int, tuple[Any, Any]] = {}

    def value(self, symbolic: Any) -> Tensor | str:
        """Return what a symbolic tensor or a variable is to the model: parameters by name."""
        name = self._trace.parameter_of(symbolic)
        return self._trace.tensor(symbolic) if name is None else name

    @property
    def variables(self) -> tuple[Any, ...]:
        """The variables of the layer and of those inside it; the code may read others too."""
        return tuple(getattr(getattr(self._body, "__self__", None), "variables", ()))

    def role(self, parameter: str) -> str:
        """Return what a parameter is by its name, "" where that tells nothing."""
        return self._trace.tree.role(parameter)

    def adopt(self, variable: Any, shape: tuple[int, ...], dtype: str, *, trainable: bool) -> str:
        """Declare a variable of the backend's own that the code reads; return its name."""
        return self._trace.tree.adopt(variable, self.path, shape, dtype, trainable=trainable)

    def run(
        self,
        natives: Sequence[Any],
        variable: Callable[[Any], Any],
        mark: Callable[[Hole], Sequence[Any]],
        convert: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda body: body,
        aside: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> list[Any]:
        """Run the body; return those of its results that are tensors of the backend.

        Args:
            natives: the backend's tensors in place of ``inputs``.
            variable: returns a stand-in for a variable's value; asked once for each.
            mark: puts a marker for a layer into the backend's graph, and returns a tensor for each
                of ``hole.outputs``.
            convert: returns what to run instead of the body, where a backend compiles code.
            aside: a context in which the backend traces nothing, for layers to be followed in.
        """
        from keras import KerasTensor, tree

        stands = {id(one): native for one, native in zip(self.inputs, natives, strict=True)}
        for symbolic in self.inputs:
            mask = _mask(symbolic)
            if mask is not None:
                _set_mask(stands[id(symbolic)], stands[id(mask)])
        self._symbols = {
            id(native): (native, symbolic)
            for native, symbolic in zip(natives, self.inputs, strict=True)
        }
        self._mark = mark
        self._aside = aside

        def native(leaf: Any) -> Any:
            return stands[id(leaf)] if isinstance(leaf, KerasTensor) else leaf

        args, kwargs = tree.map_structure(native, self._arguments)
        with self._trace.raw(self), _stand_ins(variable):
            self.results = convert(self._body)(*args, **kwargs)
        return [leaf for leaf in leaves(self.results) if self.is_native(leaf)]

    def is_native(self, value: Any) -> bool:
        """Say whether a value is a tensor of the backend."""
        from keras import KerasTensor
        from keras.src.backend import is_tensor

        return not isinstance(value, KerasTensor) and bool(is_tensor(value))

    def call_layer(self, layer: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Follow a layer that the code calls, and give it the marker's tensors instead.

        One that is given a tensor whose size is open in the backend's graph is run there.
        """
        from keras import KerasTensor, tree

        natives = {id(one): one for one in leaves((args, kwargs)) if self.is_native(one)}
        if any(None in tuple(one.shape) for one in natives.values()):
            return call(layer, *args, **kwargs)
        given: dict[int, Any] = {}

        def symbol(leaf: Any) -> Any:
            if not self.is_native(leaf):
                return leaf
            if id(leaf) not in given:
                given[id(leaf)] = self.symbol(leaf)
                mask = _mask(leaf)
                if mask is not None:
                    natives[id(mask)] = mask
                    _set_mask(given[id(leaf)], symbol(mask))
            return given[id(leaf)]

        args, kwargs = tree.map_structure(symbol, (args, kwargs))
        with self._aside(), self._trace.apart() as steps:
            outputs = self._trace.call_layer(layer, call, args, kwargs)
        symbols = [one for one in leaves(outputs) if isinstance(one, KerasTensor)]
        symbols += [mask for one in symbols if (mask := _mask(one)) is not None]
        unique = tuple({id(one): one for one in symbols}.values())
        hole = Hole(
            inputs=tuple(natives[key] for key in given),
            given=tuple(given.values()),
            outputs=unique,
            steps=tuple(steps),
        )
        made = {id(one): native for one, native in zip(unique, self._mark(hole), strict=True)}
        for one in symbols:
            mask = _mask(one)
            if mask is not None:
                _set_mask(made[id(one)], made[id(mask)])
        return tree.map_structure(
            lambda leaf: made[id(leaf)] if isinstance(leaf, KerasTensor) else leaf, outputs
        )

    def write(self, hole: Hole, values: Sequence[Tensor | str], times: int = 1) -> list[Tensor]:
        """Write a layer's steps in place of its marker, and return its outputs.

        Args:
            hole: the layer.
            values: what ``hole.inputs`` are to the model.
            times: how often the place runs in which the marker stands.
        """
        storages = {}
        for symbolic, value in zip(hole.given, values, strict=True):
            stored = self.builder.storage_of(value) if isinstance(value, str) else value.storage
            storages[self._trace.tensor(symbolic).storage] = stored

        def moved(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
            return tuple(
                replace(one, storage=storages.get(one.storage, one.storage)) for one in tensors
            )

        steps = [_moved(step, moved) for step in hole.steps]
        self._trace.write_steps(
            steps, 1, lambda call: self.calls.append(replace(call, times=call.times * times))
        )
        return list(moved([self._trace.tensor(one) for one in hole.outputs]))

    def symbol(self, native: Any) -> Any:
        """Return a new symbolic tensor like one of the backend's."""
        from keras import KerasTensor
        from keras.src.backend import standardize_dtype

        return KerasTensor(tuple(native.shape), dtype=standardize_dtype(native.dtype))


def _moved(step: Any, moved: Callable[[Sequence[Tensor]], tuple[Tensor, ...]]) -> Any:
    """Return a recorded step with its tensors where the raw code has them."""
    if isinstance(step, Called):
        return replace(step, outputs=moved(step.outputs))
    if isinstance(step, Written):
        return Written(
            tuple(
                replace(node, inputs=moved(node.inputs), outputs=moved(node.outputs))
                for node in step.nodes
            )
        )
    assert isinstance(step, Step)
    return replace(
        step,
        inputs=moved(step.inputs),
        outputs=moved(step.outputs),
        body=[_moved(inner, moved) for inner in step.body],
    )


@contextmanager
def _stand_ins(variable: Callable[[Any], Any]) -> Iterator[None]:
    """Let variables have other values than their own for a while, as the code asks for them."""
    from keras import StatelessScope

    class StandIns(StatelessScope):  # type: ignore[misc]  # Keras has no types
        """The scope in which Keras itself gives variables other values, asked one by one."""

        def get_current_value(self, ref: Any) -> Any:
            known = super().get_current_value(ref)
            if known is None:
                known = variable(ref)
                self.add_update((ref, known))
            return known

    with StandIns():
        yield


def _mask(tensor: Any) -> Any:
    return getattr(tensor, "_keras_mask", None)


def _set_mask(tensor: Any, mask: Any) -> None:
    from keras.src.backend import set_keras_mask

    set_keras_mask(tensor, mask)
