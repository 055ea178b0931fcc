"""Functions of each element."""

from __future__ import annotations

from torch import Tensor

from analyzer import Operation
from analyzer.ops import COPY, NO_OP, Elementwise, Reduction, Unknown, free
from analyzer_torch.call import Call, Maker, full_name

__all__ = ["ELEMENTWISE"]


def _function(name: str) -> Maker:
    def make(call: Call) -> Operation:
        return Elementwise(function=name, elements=call.output.numel())

    return make


def _stored_operand(call: Call, *, vector: str, table: str) -> bool:
    """Give the stored operand its role, and say whether it is a vector, one number a channel."""
    tensors = list(call.tensors())
    stored = [tensor for tensor in tensors if call.stored(tensor)]
    if len(stored) != 1 or len(tensors) != 2:
        return False
    found = call.stored(stored[0])
    if found is None or not found.learnable:
        return False
    is_vector = max(found.shape, default=1) == stored[0].numel()
    call.plays(stored[0], vector if is_vector else table, ("channels",) if is_vector else ())
    return is_vector


def _sum(plain: str, scaled: str) -> Maker:
    """``x ± alpha · y``: a factor other than one is a multiplication more."""

    def make(call: Call) -> Operation:
        function = plain if call.get("alpha", 1) in (1, None) else scaled
        bias = _stored_operand(call, vector="bias", table="embedding")
        return Elementwise(
            function=function,
            elements=call.output.numel(),
            bias=bias and call.name == "add" and function == plain,
        )

    return make


def _multiply(call: Call) -> Operation:
    _stored_operand(call, vector="scale", table="scale")
    return Elementwise(function="multiply", elements=call.output.numel())


def _multiply_and_add(call: Call) -> Operation:
    """``self + value · tensor1 · tensor2``; a value other than one is not known."""
    if call["value"] != 1:
        return Unknown(name=full_name(call.func), attributes=(("value", call["value"]),))
    return Elementwise(function="multiply and add", elements=call.output.numel())


def _fold(call: Call) -> Operation:
    """Add columns up where they overlap: one addition for each of their elements."""
    return Elementwise(function="add", elements=call.first.numel())


def _scattered(call: Call) -> Operation:
    """Write elements where indices say: free, unless what is there is combined with them."""
    functions = {"add": "add", "multiply": "multiply"}
    reduce = "add" if call.name == "scatter_add" else call.get("reduce")
    if reduce is None:
        return free(call.name, because=COPY)
    return Elementwise(function=functions[reduce], elements=call["index"].numel())


def _index_add(call: Call) -> Operation:
    """``self[index] += alpha · source``: each element of the source is added once."""
    function = "add" if call["alpha"] == 1 else "multiply and add"
    return Elementwise(function=function, elements=call["source"].numel())


def _divide(call: Call) -> Operation:
    functions = {None: "divide", "floor": "floor divide", "trunc": "floor divide"}
    function = functions[call.get("rounding_mode")]
    return Elementwise(function=function, elements=call.output.numel())


def _clamp(call: Call) -> Operation:
    """One bound is one comparison, two bounds are two."""
    low, high = call.get("min"), call.get("max")
    one = "minimum" if low is None else "maximum"
    function = "clamp" if low is not None and high is not None else one
    return Elementwise(function=function, elements=call.output.numel())


def _hard_tanh(call: Call) -> Operation:
    is_relu6 = (call["min_val"], call["max_val"]) == (0, 6)
    function = "relu6" if is_relu6 else "hard tanh"
    return Elementwise(function=function, elements=call.output.numel())


def _gelu(call: Call) -> Operation:
    function = "gelu tanh" if call["approximate"] == "tanh" else "gelu"
    return Elementwise(function=function, elements=call.output.numel())


def _prelu(call: Call) -> Operation:
    call.plays(call["weight"], "slope", ("channels",))
    return Elementwise(function="prelu", elements=call.output.numel())


def _dropout(call: Call) -> Operation:
    """Only training drops anything."""
    training: bool = call["train"]
    if not training or call["p"] == 0:
        return free("dropout", because=NO_OP)
    return Elementwise(function="dropout", elements=call.output.numel())


def _extreme(reduction: str, function: str) -> Maker:
    """``max(x)`` and ``max(x, axis)`` reduce; ``max(x, y)`` compares element by element."""

    def make(call: Call) -> Operation:
        if isinstance(call.get("other"), Tensor):
            return Elementwise(function=function, elements=call.output.numel())
        return Reduction(
            function=reduction,
            in_elements=call.first.numel(),
            out_elements=call.output.numel(),
        )

    return make


ELEMENTWISE: dict[str, Maker] = {
    "__and__": _function("bitwise and"),
    "__lshift__": _function("shift left"),
    "__or__": _function("bitwise or"),
    "__rshift__": _function("shift right"),
    "__xor__": _function("bitwise xor"),
    "abs": _function("abs"),
    "acos": _function("acos"),
    "acosh": _function("acosh"),
    "add": _sum("add", "multiply and add"),
    "addcmul": _multiply_and_add,
    "alpha_dropout": _dropout,
    "asin": _function("asin"),
    "asinh": _function("asinh"),
    "atan": _function("atan"),
    "atan2": _function("atan2"),
    "atanh": _function("atanh"),
    "bitwise_and": _function("bitwise and"),
    "bitwise_left_shift": _function("shift left"),
    "bitwise_not": _function("bitwise not"),
    "bitwise_or": _function("bitwise or"),
    "bitwise_right_shift": _function("shift right"),
    "bitwise_xor": _function("bitwise xor"),
    "ceil": _function("ceil"),
    "celu": _function("celu"),
    "clamp": _clamp,
    "clamp_max": _function("minimum"),
    "clamp_min": _function("maximum"),
    "clip": _clamp,
    "col2im": _fold,
    "cos": _function("cos"),
    "cosh": _function("cosh"),
    "div": _divide,
    "divide": _divide,
    "dropout": _dropout,
    "elu": _function("elu"),
    "eq": _function("equal"),
    "erf": _function("erf"),
    "erfc": _function("erfc"),
    "exp": _function("exp"),
    "expm1": _function("expm1"),
    "feature_alpha_dropout": _dropout,
    "feature_dropout": _dropout,
    "floor": _function("floor"),
    "floor_divide": _function("floor divide"),
    "fmod": _function("remainder"),
    "ge": _function("greater or equal"),
    "gelu": _gelu,
    "glu": _function("gated linear unit"),
    "greater": _function("greater"),
    "gt": _function("greater"),
    "hardsigmoid": _function("hard sigmoid"),
    "hardswish": _function("hard swish"),
    "hardtanh": _hard_tanh,
    "index_add": _index_add,
    "isfinite": _function("is finite"),
    "isinf": _function("is infinite"),
    "isnan": _function("is nan"),
    "le": _function("less or equal"),
    "leaky_relu": _function("leaky relu"),
    "less": _function("less"),
    "log": _function("log"),
    "log10": _function("log10"),
    "log1p": _function("log1p"),
    "log2": _function("log2"),
    "log_sigmoid": _function("log sigmoid"),
    "logical_and": _function("logical and"),
    "logical_not": _function("logical not"),
    "logical_or": _function("logical or"),
    "logical_xor": _function("logical xor"),
    "lt": _function("less"),
    "masked_fill": _function("select"),
    "max": _extreme("max", "maximum"),
    "maximum": _function("maximum"),
    "min": _extreme("min", "minimum"),
    "minimum": _function("minimum"),
    "mish": _function("mish"),
    "mul": _multiply,
    "multiply": _multiply,
    "ne": _function("not equal"),
    "neg": _function("negate"),
    "negative": _function("negate"),
    "not_equal": _function("not equal"),
    "outer": _function("multiply"),
    "pow": _function("power"),
    "prelu": _prelu,
    "reciprocal": _function("reciprocal"),
    "relu": _function("relu"),
    "relu6": _function("relu6"),
    "remainder": _function("remainder"),
    "round": _function("round"),
    "rsqrt": _function("reciprocal square root"),
    "rsub": _sum("subtract", "multiply and add"),
    "scatter": _scattered,
    "scatter_add": _scattered,
    "selu": _function("selu"),
    "sgn": _function("sign"),
    "sigmoid": _function("sigmoid"),
    "sign": _function("sign"),
    "silu": _function("silu"),
    "sin": _function("sin"),
    "sinh": _function("sinh"),
    "softplus": _function("softplus"),
    "special_expit": _function("sigmoid"),
    "sqrt": _function("square root"),
    "square": _function("square"),
    "sub": _sum("subtract", "multiply and add"),
    "subtract": _sum("subtract", "multiply and add"),
    "tan": _function("tan"),
    "tanh": _function("tanh"),
    "threshold": _function("threshold"),
    "true_divide": _divide,
    "trunc": _function("truncate"),
    "where": _function("select"),
}
"""ATen name → function that makes our operation, for functions of each element."""
