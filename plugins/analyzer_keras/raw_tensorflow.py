"""Raw TensorFlow code, followed through a ``FuncGraph`` and read by the TensorFlow importer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from analyzer import ModelError, Tensor
from analyzer_keras.raw import Hole, RawCall

__all__ = ["follow"]

_MARKER = "analyzer's place of a layer "


def follow(raw: RawCall) -> Sequence[Tensor | str]:
    """Run the code in a graph of its own and write the operations of that graph.

    Functions that the user has compiled are run as plain code first, so that nothing of this graph
    stays in them. Where that fails, all is compiled: only then can it branch on tensors.
    """
    import tensorflow as tf

    eagerly = tf.config.functions_run_eagerly()
    try:
        tf.config.run_functions_eagerly(True)
        graph = _Graph(raw, compiled=False)
    except Exception:  # the code may raise anything
        tf.config.run_functions_eagerly(False)
        graph = _Graph(raw, compiled=True)
    finally:
        tf.config.run_functions_eagerly(eagerly)
    return graph.write()


def _compiled(body: Callable[..., Any]) -> Callable[..., Any]:
    """Return code whose branches and loops may depend on tensors, as ``tf.function`` makes it."""
    from tensorflow.python.autograph.core import ag_ctx
    from tensorflow.python.autograph.impl import api

    made: Callable[..., Any] = api.tf_convert(
        body, ag_ctx.ControlStatusCtx(ag_ctx.Status.ENABLED), convert_by_default=True
    )
    return made


def _plain(body: Callable[..., Any]) -> Callable[..., Any]:
    return body


class _Graph:
    """The graph of one run of the code: stand-ins for what goes in, markers, and results."""

    def __init__(self, raw: RawCall, *, compiled: bool) -> None:
        import tensorflow as tf

        self.raw = raw
        self.holes: list[Hole] = []
        self.given: dict[str, Any] = {}
        self.graph = tf.__internal__.FuncGraph("raw")
        with self.graph.as_default():
            natives = [self._stand_in(one) for one in raw.inputs]
            convert = _compiled if compiled else _plain
            results = raw.run(natives, self._variable, self._mark, convert)
            self.results = [tf.identity(one) for one in results]

    def _stand_in(self, symbolic: Any) -> Any:
        import tensorflow as tf

        with self.graph.as_default():
            made = tf.compat.v1.placeholder(tf.as_dtype(symbolic.dtype), tuple(symbolic.shape))
        self.given[made.op.name] = symbolic
        return made

    def _variable(self, variable: Any) -> Any:
        import tensorflow as tf

        with self.graph.as_default():
            made = tf.compat.v1.placeholder(tf.as_dtype(variable._dtype), tuple(variable.shape))
        self.given[made.op.name] = variable
        return made

    def _mark(self, hole: Hole) -> Sequence[Any]:
        import tensorflow as tf

        made = tf.raw_ops.PyFunc(
            input=list(hole.inputs),
            token=f"{_MARKER}{len(self.holes)}",
            Tout=[tf.as_dtype(one.dtype) for one in hole.outputs],
        )
        self.holes.append(hole)
        outputs = [made] if tf.is_tensor(made) else list(made)
        for tensor, symbolic in zip(outputs, hole.outputs, strict=True):
            tensor.set_shape(symbolic.shape)
        return outputs

    def write(self) -> list[Tensor | str]:
        """Walk the graph and write its operations; return what the results are."""
        from analyzer_tensorflow.emit import emit
        from analyzer_tensorflow.nodes import Body
        from analyzer_tensorflow.values import Step, Stored, Value
        from analyzer_tensorflow.walk import Walk

        raw = self.raw
        graph_def = self.graph.as_graph_def(add_shapes=True)
        walk = Walk(graph_def.library.function)
        walk.constants = False
        scope: dict[tuple[str, int], Value] = {}
        for name, symbolic in self.given.items():
            known = raw.value(symbolic)
            shape = tuple(symbolic.shape)
            value = walk.value(shape, getattr(symbolic, "_dtype", None) or symbolic.dtype)
            if isinstance(known, str):
                value.stored = Stored(known, shape, value.dtype, trainable=True)
            else:
                value.stands_for(known)
            scope[name, 0] = value
        for tensor, placeholder in self.graph.captures:
            scope[placeholder.op.name, 0] = self._captured(walk, tensor, placeholder)

        def hole(node: Any, inputs: Sequence[Value]) -> Sequence[Value] | None:
            token = node.attr["token"].s.decode() if node.op == "PyFunc" else ""
            if not token.startswith(_MARKER):
                return None
            at = int(token.removeprefix(_MARKER))
            outputs = [
                walk.value(tuple(one.shape), one.dtype, maker="layer")
                for one in self.holes[at].outputs
            ]
            walk.add(None, node, inputs, outputs, hole=(self.holes[at], inputs))
            return outputs

        def write_hole(step: Step, times: int) -> None:
            which, inputs = step.hole
            values = [_told(raw, value) for value in inputs]
            for value, tensor in zip(step.outputs, raw.write(which, values, times), strict=True):
                value.stands_for(tensor)

        walk.hole = hole
        names = [f"{one.op.name}:{one.value_index}" for one in self.results]
        try:
            results = walk.run(Body.of_graph(graph_def), names, scope)
        except ModelError as error:  # it runs in TensorFlow: the reader does not go so far
            raise NotImplementedError(str(error)) from error
        emit(
            raw.builder,
            walk.steps,
            lambda step: raw.path,
            lambda stored, claim: _role(raw, stored, claim),
            write_hole,
        )
        for note in walk.notes:
            raw.builder.note(note)
        return [_told(raw, value) for value in results]

    def _captured(self, walk: Any, tensor: Any, placeholder: Any) -> Any:
        """Return what the code took from outside: a number as it is, anything else by its shape."""
        import tensorflow as tf

        if placeholder.dtype == tf.resource:
            return walk.handle(self._stored(tensor))
        known = hasattr(tensor, "numpy") and tensor.shape.num_elements() <= 1
        if not known:
            return walk.value(tuple(placeholder.shape), placeholder.dtype, settled=True)
        return walk.constant(tensor.numpy())

    def _stored(self, handle: Any) -> Any:
        """Return which parameter a handle is of.

        Keras has the variables of a SavedModel that a layer has loaded; one of TensorFlow's own,
        which it does not know, is a parameter of the layer that reads it.
        """
        from analyzer_tensorflow.nodes import dtype_name
        from analyzer_tensorflow.values import Stored

        for variable in self.raw.variables:
            known = self.raw.value(variable)
            if getattr(variable._value, "handle", None) is handle and isinstance(known, str):
                return Stored(known, tuple(variable.shape), variable._dtype, trainable=True)
        read = tuple(getattr(self.graph, "_watched_variables", ()))
        own = next((one for one in read if one.handle is handle), None)
        if own is None:
            return None
        shape, dtype = tuple(own.shape), dtype_name(own.dtype)
        name = self.raw.adopt(own, shape, dtype, trainable=bool(own.trainable))
        return Stored(name, shape, dtype, trainable=True)


def _role(raw: RawCall, stored: Any, claim: Any) -> Any:
    """Return what a parameter is to a step, by its name where the step does not say."""
    if not stored.trainable:  # a constant of the code
        return None
    return claim if claim.role else replace(claim, role=raw.role(stored.name))


def _told(raw: RawCall, value: Any) -> Tensor | str:
    """Return what a value of the walk is to the model."""
    if value.stored is not None:
        return str(value.stored.name)
    tensor = value.tensor(raw.builder)
    if tensor is None:
        raise ValueError("a result has no shape that can be told beforehand")
    made: Tensor = tensor
    return made
