"""Functions, modules and graphs of TensorFlow that come as Python objects."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from analyzer import InputError, ModelError, Request
from analyzer_tensorflow.graphs import Graph, Place, Variable, frozen_graph
from analyzer_tensorflow.nodes import Body

__all__ = ["graph_of", "is_model", "name_of"]


def is_model(model: object) -> bool:
    """Say whether an object is a model of TensorFlow; those of Keras are for its own importer."""
    import tensorflow as tf

    if isinstance(model, Graph):
        return True
    keras = getattr(sys.modules.get("keras"), "Layer", None)
    if keras is not None and isinstance(model, keras):
        return False
    kinds = (
        tf.Graph,
        tf.Module,
        tf.compat.v1.GraphDef,
        tf.types.experimental.ConcreteFunction,
        tf.types.experimental.PolymorphicFunction,
    )
    return isinstance(model, kinds) or _is_loaded(model)


def _is_loaded(model: object) -> bool:
    """Say whether an object is what ``tf.saved_model.load`` returns."""
    return type(model).__name__ == "_UserObject" and hasattr(model, "signatures")


def name_of(function: object) -> str | None:
    """Return the name of the Python code that a function was made of, None of anything else."""
    code = getattr(function, "python_function", None)
    if code is not None:
        return str(getattr(code, "__name__", "")) or None
    name = getattr(function, "name", None)
    traced = re.fullmatch(rb"__inference_(.+)_\d+", name) if isinstance(name, bytes) else None
    return traced[1].decode() if traced else None


def graph_of(model: Any, request: Request) -> Graph:
    """Return the graph of an object.

    Raises:
        InputError: nothing tells the shapes of its inputs.
        ModelError: it cannot be traced.
    """
    import tensorflow as tf

    if isinstance(model, Graph):
        return model
    if isinstance(model, tf.compat.v1.GraphDef):
        return frozen_graph(model)
    if isinstance(model, tf.types.experimental.ConcreteFunction):
        return _of_function(model)
    if isinstance(model, tf.Graph):
        return _of_graph(model)
    if _is_loaded(model) and model.signatures:
        signatures: Mapping[str, Any] = model.signatures
        name = "serving_default" if "serving_default" in signatures else next(iter(signatures))
        return _of_function(signatures[name], _names(model))
    if isinstance(model, tf.types.experimental.PolymorphicFunction):
        return _of_function(_traced(model, request))
    call = getattr(model, "__call__", None)  # noqa: B004  # what is called is wanted
    if call is None:
        raise ModelError(
            f"{type(model).__name__} cannot be called: give one of its functions, or a tf.Module "
            "with __call__"
        )
    names = _names(model)
    graph = _of_function(_traced(call, request), names)
    return replace(graph, held=[_variable(one, names) for one in model.variables])


def _names(module: Any) -> dict[int, str]:
    """Return the names of a module's variables by their places in it."""
    flatten = getattr(module, "_flatten", None)
    if flatten is None:
        return {}
    import tensorflow as tf

    found: dict[int, str] = {}
    for path, variable in flatten(
        predicate=lambda one: isinstance(one, tf.Variable), with_path=True
    ):
        parts = [str(part[1]) if isinstance(part, tuple) else str(part) for part in path]
        found.setdefault(id(variable), "/".join(parts))
    return found


def _traced(call: Callable[..., Any], request: Request) -> Any:
    """Trace a function for the inputs that were given; the user's own keeps none of it."""
    import tensorflow as tf

    signature = getattr(call, "input_signature", None)
    python = getattr(call, "python_function", call)
    function = tf.function(python, input_signature=signature)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    if signature is None:
        specs = request.flat_inputs()
        if not specs:
            raise InputError(
                f"{getattr(python, '__name__', 'the function')!r} does not tell the shape of its "
                "inputs; give it, as in --input 1x224x224x3"
            )
        for spec in specs:
            dtype = spec.dtype or "float32"
            made = tf.TensorSpec(spec.shape, tf.as_dtype(dtype), name=spec.name)
            if spec.name is None:
                args.append(made)
            else:
                kwargs[spec.name] = made
    try:
        return function.get_concrete_function(*args, **kwargs)
    except Exception as error:  # the function's code may raise anything
        reason = " ".join(str(error).split())[:300]
        raise ModelError(
            f"{getattr(python, '__name__', 'the function')!r} cannot be traced on these inputs: "
            f"{type(error).__name__}: {reason}"
        ) from error


def _of_function(function: Any, names: Mapping[int, str] | None = None) -> Graph:
    """Return the graph of a concrete function, with the variables that it captures."""
    graph = function.graph
    variables = {id(one.handle): one for one in graph.variables if hasattr(one, "handle")}
    names = names or {}
    captured: dict[str, Any] = {}
    inside = set()
    for tensor, placeholder in graph.captures:
        inside.add(placeholder.op.name)
        variable = variables.get(id(tensor))
        if variable is None:
            captured[placeholder.op.name] = tensor
            continue
        captured[placeholder.op.name] = _variable(variable, names)
    given = [one for one in graph.inputs if one.op.name not in inside]
    return _graph(graph, given, graph.outputs, captured)


def _variable(variable: Any, names: Mapping[int, str]) -> Variable:
    return Variable(
        name=names.get(id(variable)) or variable.name.partition(":")[0],
        trainable=bool(variable.trainable),
        shape=tuple(variable.shape.as_list()),
        dtype=variable.dtype,
    )


def _of_graph(graph: Any) -> Graph:
    if getattr(graph, "outputs", None):  # a function's
        inside = {placeholder.op.name for _, placeholder in graph.captures}
        given = [one for one in graph.inputs if one.op.name not in inside]
        return _graph(graph, given, graph.outputs, {})
    return frozen_graph(graph.as_graph_def(add_shapes=True))


def _graph(graph: Any, given: Any, results: Any, captured: Mapping[str, Any]) -> Graph:
    import tensorflow as tf

    graph_def = graph.as_graph_def(add_shapes=True)
    return Graph(
        body=Body.of_graph(graph_def),
        library=list(graph_def.library.function),
        places=[
            Place(
                name=one.op.name,
                node=one.op.name,
                shape=None if one.shape.rank is None else tuple(one.shape.as_list()),
                native=one.dtype,
            )
            for one in given
        ],
        results=[f"{one.op.name}:{one.value_index}" for one in results],
        captured=captured,
        version=tf.__version__,
    )
