"""Whether a node can be what it says: its operands, results and attributes by its operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from analyzer import InputError, ModelError
from analyzer_onnx.nodes import OnnxNode, named
from analyzer_onnx.plain_shapes import stretched

if TYPE_CHECKING:
    from analyzer_onnx.values import Value

__all__ = ["require_fitting", "require_matching"]

Shape = tuple[int, ...]

_BROADCASTING = frozenset(
    {
        "Add",
        "And",
        "Div",
        "Equal",
        "Greater",
        "GreaterOrEqual",
        "Less",
        "LessOrEqual",
        "Max",
        "Min",
        "Mod",
        "Mul",
        "Or",
        "Pow",
        "Sub",
        "Sum",
        "Where",
        "Xor",
    }
)
"""Operators whose operands are stretched to one shape."""


class _Signature(NamedTuple):
    """What an operator takes and gives, at least and at most, and its attributes by type.

    Attributes:
        reads_first: it cannot do without its first operand. (Of others, exporters do leave out
            some that the definition demands, as the ``roi`` of a ``Resize``.)
    """

    inputs: tuple[int, int]
    outputs: tuple[int, int]
    attributes: dict[str, int]
    required: frozenset[str]
    reads_first: bool


def require_fitting(node: OnnxNode, opsets: dict[str, int]) -> None:
    """Hold a node to the definition of its operator, where there is one.

    So nobody else has to ask whether an operand is there, or a number no text.

    Raises:
        ModelError: it has not what the operator needs.
    """
    signature = _signature(node.op_type, node.domain, opsets.get(node.domain, 0))
    if signature is None:
        return
    for what, number, (least, most) in (
        ("inputs", len(node.input), signature.inputs),
        ("outputs", len(node.output), signature.outputs),
    ):
        if not least <= number <= most:
            raise ModelError(
                f"{named(node)} has {number} {what}, and its operator has {least} to {most}; "
                "the file is damaged, or says another operator set than it uses"
            )
    if signature.reads_first and not node.input[0]:
        raise ModelError(f"{named(node)} has no first operand; the file is damaged")
    for name, attribute in node.attributes.items():
        kind = 0 if attribute.ref_attr_name else attribute.type
        if signature.attributes.get(name, kind) != kind:
            raise ModelError(
                f"{named(node)}: attribute {name!r} is not what its operator takes by this name; "
                "the file is damaged"
            )
    missing = signature.required and signature.required - node.attributes.keys()
    if missing:
        raise ModelError(
            f"{named(node)} has no attribute {', '.join(sorted(missing))}, which its operator "
            "needs; the file is damaged, or says another operator set than it uses"
        )


def require_matching(
    node: OnnxNode, inputs: Sequence[Value | None], results: Sequence[Shape | None]
) -> None:
    """Check the operands of a node that is sure to run.

    Operators that broadcast are asked only where no shape came out. Of others ONNX finds the shape
    of a result without a look at the sizes that are summed over.

    Raises:
        InputError: their sizes do not go together, as when an input is not what the model was
            built for.
    """
    if node.domain:
        return
    given = [None if value is None else value.shape for value in inputs]
    shapes = [shape for shape in given if shape is not None]
    if node.op_type in _READING:
        place, fits = _READING[node.op_type]
        first, weight = given[0], given[place] if place < len(given) else None
        if not first or not weight or fits(node, first, weight):
            return
        shapes = [first, weight]
    elif None not in results or len(shapes) < max(len(node.input), 2):
        return
    elif node.op_type == "MatMul":
        left, right = shapes
        fit = bool(left and right) and left[-1] == right[-2:][0]
        if fit and stretched([left[:-2], right[:-2]]) is not None:
            return
    elif node.op_type not in _BROADCASTING or _says_how(node) or stretched(shapes) is not None:
        return
    sizes = " and ".join("x".join(map(str, shape)) or "scalar" for shape in shapes)
    raise InputError(
        f"the inputs do not fit: {named(node)} gets {sizes}, which do not go together; give "
        "other sizes with --input, --batch or --dim"
    )


def _convolves(node: OnnxNode, x: Shape, kernel: Shape) -> bool:
    """Take ``(n, channels, …)`` and ``(filters, channels / groups, …)``, no larger than the map."""
    if len(x) != len(kernel) or len(x) < 2 or x[1] != kernel[1] * _ints(node, "group", 1)[0]:
        return False
    if "auto_pad" in node.attributes:
        return True
    rank = len(x) - 2
    pads, dilations = _ints(node, "pads", *[0] * 2 * rank), _ints(node, "dilations", *[1] * rank)
    return all(
        size + before + after >= dilation * (window - 1) + 1
        for size, window, before, after, dilation in zip(
            x[2:], kernel[2:], pads, pads[rank:], dilations, strict=False
        )
    )


def _spreads(node: OnnxNode, x: Shape, kernel: Shape) -> bool:
    """Take ``(n, channels, …)`` and ``(channels, filters / groups, …)``."""
    return len(x) == len(kernel) and x[1:2] == kernel[:1]


def _multiplies(node: OnnxNode, a: Shape, b: Shape) -> bool:
    """Take ``(m, k)`` and ``(k, n)``, transposed or not."""
    if len(a) != 2 or len(b) != 2:
        return False
    return a[0 if _ints(node, "transA", 0)[0] else 1] == b[1 if _ints(node, "transB", 0)[0] else 0]


def _steps(node: OnnxNode, x: Shape, kernel: Shape) -> bool:
    """Take ``(steps, n, features)`` and ``(directions, gates · hidden, features)``."""
    return x[-1] == kernel[-1]


def _normalizes(node: OnnxNode, x: Shape, scale: Shape) -> bool:
    """Take ``(n, channels, …)`` and ``(channels)``."""
    return x[1:2] in (scale, ())


_READING: dict[str, tuple[int, Callable[[OnnxNode, Shape, Shape], bool]]] = {
    "BatchNormalization": (1, _normalizes),
    "Conv": (1, _convolves),
    "ConvInteger": (1, _convolves),
    "ConvTranspose": (1, _spreads),
    "GRU": (1, _steps),
    "Gemm": (1, _multiplies),
    "InstanceNormalization": (1, _normalizes),
    "LSTM": (1, _steps),
    "QLinearConv": (3, _convolves),
    "RNN": (1, _steps),
}
"""Operators to the place of the weights that the first operand meets, and whether both fit."""


def _ints(node: OnnxNode, name: str, *default: int) -> Sequence[int]:
    attribute = node.attributes.get(name)
    return default if attribute is None else attribute.ints[:] or [attribute.i]


def _says_how(node: OnnxNode) -> bool:
    """Say whether an attribute tells how operands are stretched, as before operator set 7."""
    return "broadcast" in node.attributes


@cache
def _signature(op_type: str, domain: str, version: int) -> _Signature | None:
    from onnx import defs

    if defs.has(op_type, domain=domain, max_inclusive_version=version):
        schema = defs.get_schema(op_type, max_inclusive_version=version, domain=domain)
    elif defs.has(op_type, domain=domain):  # of a later set than the file says it uses
        schema = defs.get_schema(op_type, domain=domain)
    else:
        return None
    return _Signature(
        (schema.min_input, schema.max_input),
        (schema.min_output, schema.max_output),
        {name: int(attribute.type.value) for name, attribute in schema.attributes.items()},
        frozenset(name for name, attribute in schema.attributes.items() if attribute.required),
        schema.min_input > 0 and not schema.inputs[0].option.name.startswith("Optional"),
    )
