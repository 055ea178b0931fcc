"""Primitives of JAX that compute nothing, or add to what they move."""

from __future__ import annotations

from math import prod

from analyzer import Operation
from analyzer.ops import CAST, COPY, FILL, LOOK_UP, NO_OP, VIEW, Embedding, free
from analyzer_keras.jaxpr_call import Equation, Maker, elementwise

__all__ = ["ALIASES", "MOVEMENT", "PARAMETER_VIEWS", "SAME", "VIEWS"]

_ORDER = "places are worked out, no element is computed"
_RANDOM = "random numbers are drawn, which is not counted as arithmetic"


def _free(because: str) -> Maker:
    return lambda equation: free(equation.name, because=because)


def _broadcast(equation: Equation) -> Operation:
    """Return a copy, or a view where there are but more axes."""
    alike = equation.elements == prod(equation.shape())
    return free(equation.name, because=VIEW if alike else COPY)


def _look_up(equation: Equation) -> Operation:
    """Return a look-up; of whole rows of a stored table, an embedding."""
    table, numbers = equation.shape(), equation["dimension_numbers"]
    stored = equation.stored(0)
    rows = len(table) == 2 and tuple(equation["slice_sizes"]) == (1, table[1])
    if stored is None or not rows or tuple(numbers.start_index_map) != (0,):
        return free("gather", because=LOOK_UP)
    vocabulary, width = table
    equation.plays(0, "embedding", ("vocabulary", "width"))
    look_ups = equation.elements // width if width else 0
    return Embedding(look_ups=look_ups, vocabulary=vocabulary, width=width)


def _scattered(name: str) -> Maker:
    """Return what makes a function of each element that is put into others."""

    def make(equation: Equation) -> Operation:
        return elementwise(equation, name, prod(equation.shape(2)))

    return make


def _added_to_reference(equation: Equation) -> Operation:
    return elementwise(equation, "add", prod(equation.shape(1)))


VIEWS = frozenset({"bitcast_convert_type", "broadcast_in_dim", "reshape", "squeeze"})
"""Their result lives in the memory of their operand, where it has no more elements."""

ALIASES = frozenset(
    {"device_put", "layout_constraint", "name", "optimization_barrier", "pvary", "reshard"}
    | {"sharding_constraint", "stop_gradient", "tie", "with_memory_space_constraint"}
)
"""Their results are their operands."""

SAME = frozenset({"convert_element_type", "copy", "reduce_precision"})
"""Of a stored tensor, their result is that tensor as it is stored."""

PARAMETER_VIEWS = VIEWS | {
    "dynamic_slice",
    "rev",
    "slice",
    "split",
    "transpose",
    "unstack",
}
"""Of a stored tensor, their result is still that tensor, or a part of it."""

MOVEMENT: dict[str, Maker] = {
    "addupdate": _added_to_reference,
    "after_all": _free(NO_OP),
    "axis_index": _free(FILL),
    "bitcast_convert_type": _free(CAST),
    "broadcast_in_dim": _broadcast,
    "broadcast_to": _free(COPY),
    "complex": _free(COPY),
    "concatenate": _free(COPY),
    "convert_element_type": _free(CAST),
    "copy": _free(COPY),
    "create_token": _free(NO_OP),
    "dce_sink": _free(NO_OP),
    "debug_callback": _free(NO_OP),
    "debug_print": _free(NO_OP),
    "device_put": _free(NO_OP),
    "dim_as_value": _free(FILL),
    "dimension_size": _free(FILL),
    "dynamic_slice": _free(COPY),
    "dynamic_update_slice": _free(COPY),
    "empty": _free(FILL),
    "empty2": _free(FILL),
    "empty_ref": _free(FILL),
    "free_ref": _free(NO_OP),
    "freeze": _free(NO_OP),
    "from_edtype": _free(CAST),
    "gather": _look_up,
    "get": _free(LOOK_UP),
    "imag": _free(COPY),
    "inspect_sharding": _free(NO_OP),
    "iota": _free(FILL),
    "iota_2x32_shape": _free(FILL),
    "layout_constraint": _free(NO_OP),
    "lu_pivots_to_permutation": _free(_ORDER),
    "name": _free(NO_OP),
    "new_ref": _free(COPY),
    "optimization_barrier": _free(NO_OP),
    "pad": _free(COPY),
    "philox2x32": _free(_RANDOM),
    "philox4x32": _free(_RANDOM),
    "pin": _free(NO_OP),
    "platform_index": _free(FILL),
    "pvary": _free(NO_OP),
    "random_bits": _free(_RANDOM),
    "random_clone": _free(_RANDOM),
    "random_fold_in": _free(_RANDOM),
    "random_gamma": _free(_RANDOM),
    "random_seed": _free(_RANDOM),
    "random_split": _free(_RANDOM),
    "random_unwrap": _free(_RANDOM),
    "random_wrap": _free(_RANDOM),
    "real": _free(COPY),
    "reduce_precision": _free(CAST),
    "reshape": _free(VIEW),
    "reshard": _free(NO_OP),
    "rev": _free(COPY),
    "rng_bit_generator": _free(_RANDOM),
    "rng_uniform": _free(_RANDOM),
    "scatter": _free(COPY),
    "scatter-add": _scattered("add"),
    "scatter-max": _scattered("maximum"),
    "scatter-min": _scattered("minimum"),
    "scatter-mul": _scattered("multiply"),
    "scatter-sub": _scattered("subtract"),
    "shape_assertion": _free(NO_OP),
    "sharding_constraint": _free(NO_OP),
    "slice": _free(COPY),
    "split": _free(COPY),
    "squeeze": _free(VIEW),
    "stack": _free(COPY),
    "stop_gradient": _free(NO_OP),
    "swap": _free(COPY),
    "threefry2x32": _free(_RANDOM),
    "threefry4x32": _free(_RANDOM),
    "tie": _free(NO_OP),
    "tile": _free(COPY),
    "to_edtype": _free(CAST),
    "transpose": _free(COPY),
    "unpin": _free(NO_OP),
    "unreachable": _free(NO_OP),
    "unstack": _free(COPY),
    "with_memory_space_constraint": _free(NO_OP),
    "zeros_like": _free(FILL),
}
"""Name of a primitive → function that makes our operation."""
