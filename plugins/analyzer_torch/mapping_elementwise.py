"""Functions of each element."""

from __future__ import annotations

from torch import Tensor

from analyzer import Operation
from analyzer.ops import COPY, NO_OP, Elementwise, free
from analyzer_torch.call import Call, Maker
from analyzer_torch.mapping_common import (
    elementwise,
    function,
    fused,
    has_complex,
    reduced,
    unknown,
)

__all__ = ["ELEMENTWISE"]


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
        name = plain if call.get("alpha", 1) in (1, None) else scaled
        bias = _stored_operand(call, vector="bias", table="embedding")
        return elementwise(call, name, bias=bias and call.name == "add" and name == plain)

    return make


def _multiply(call: Call) -> Operation:
    _stored_operand(call, vector="scale", table="scale")
    return elementwise(call, "multiply")


def _multiply_and_add(call: Call) -> Operation:
    """``self + value · tensor1 · tensor2``; a value of one is not multiplied."""
    scaled = call["value"] != 1
    return elementwise(call, "multiply, multiply and add" if scaled else "multiply and add")


def _divide_and_add(call: Call) -> Operation:
    """``self + value · tensor1 / tensor2``; a value of one is not multiplied."""
    if call["value"] != 1:
        return elementwise(call, "multiply, divide and add")
    return fused(call, elementwise(call, "divide"), elementwise(call, "add"))


def _outer_and_add(call: Call) -> Operation:
    """``beta · self + alpha · vec1 ⊗ vec2``; factors of one are not multiplied."""
    more = int(call["beta"] not in (0, 1)) + int(call["alpha"] != 1)
    of_factors = elementwise(call, "multiply", more * call.output.numel()) if more else None
    name = "multiply and add" if call["beta"] else "multiply"
    return fused(call, of_factors, elementwise(call, name))


def _divide(call: Call) -> Operation:
    functions = {None: "divide", "floor": "floor divide", "trunc": "floor divide"}
    return elementwise(call, functions[call.get("rounding_mode")])


def _clamp(call: Call) -> Operation:
    """One bound is one comparison, two bounds are two."""
    low, high = call.get("min"), call.get("max")
    one = "minimum" if low is None else "maximum"
    return elementwise(call, "clamp" if low is not None and high is not None else one)


def _hard_tanh(call: Call) -> Operation:
    is_relu6 = (call["min_val"], call["max_val"]) == (0, 6)
    return elementwise(call, "relu6" if is_relu6 else "hard tanh")


def _gelu(call: Call) -> Operation:
    return elementwise(call, "gelu tanh" if call["approximate"] == "tanh" else "gelu")


def _prelu(call: Call) -> Operation:
    call.plays(call["weight"], "slope", ("channels",))
    return elementwise(call, "prelu")


def _dropout(call: Call) -> Operation:
    """Only training drops anything; the fused form is for training alone."""
    training = call.get("train", True) in (True, None)
    if not training or call["p"] == 0:
        return free("dropout", because=NO_OP)
    return elementwise(call, "dropout")


def _power(call: Call) -> Operation:
    """Know the square of complex numbers; of their other powers nothing is settled."""
    if has_complex(call):
        exponent = call.get("exponent")
        squared = not isinstance(exponent, Tensor) and exponent == 2
        return elementwise(call, "square") if squared else unknown(call, dtype="complex")
    return elementwise(call, "power")


def _times_power(call: Call) -> Operation:
    """``x · 2ʸ``."""
    return fused(call, elementwise(call, "exp2"), elementwise(call, "multiply"))


def _logit(call: Call) -> Operation:
    """``log(x / (1 − x))``, of numbers that are first kept from the ends where that is asked."""
    bounded = elementwise(call, "clamp") if call["eps"] is not None else None
    return fused(call, bounded, elementwise(call, "logit"))


def _randomized_relu(call: Call) -> Operation:
    """In training each negative number has its own slope."""
    return elementwise(call, "prelu" if call["training"] else "leaky relu")


def _cross(call: Call) -> Operation:
    """Each of three numbers is a difference of two products."""
    return fused(
        call,
        elementwise(call, "multiply", 2 * call.output.numel()),
        elementwise(call, "subtract"),
    )


def _add_relu(call: Call) -> Operation:
    name = "add" if call["alpha"] == 1 else "multiply and add"
    return fused(call, elementwise(call, name), elementwise(call, "relu"))


def _conjugated(call: Call) -> Operation:
    """Complex numbers are copied with another sign, real ones are only copied."""
    if has_complex(call):
        return Elementwise(function="complex conjugate", elements=call.output.numel())
    return free(call.name, because=COPY)


def _from_polar(call: Call) -> Operation:
    return Elementwise(function="from polar", elements=call.output.numel())


def _dynamically_quantized(call: Call) -> Operation:
    """Find the least and the largest number, which tell the scale."""
    return fused(
        call, reduced(call, "min and max", call.first.numel(), 1), elementwise(call, "quantize")
    )


def _extreme(name: str, of_two: str) -> Maker:
    """``max(x)`` and ``max(x, axis)`` reduce; ``max(x, y)`` compares element by element."""

    def make(call: Call) -> Operation:
        if isinstance(call.get("other"), Tensor):
            return elementwise(call, of_two)
        return reduced(call, name, call.first.numel(), call.output.numel())

    return make


ELEMENTWISE: dict[str, Maker] = {
    "__and__": function("bitwise and"),
    "__lshift__": function("shift left"),
    "__or__": function("bitwise or"),
    "__rshift__": function("shift right"),
    "__xor__": function("bitwise xor"),
    "_add_relu": _add_relu,
    "_conj_physical": _conjugated,
    "_fake_quantize_learnable_per_channel_affine": function("fake quantize"),
    "_fake_quantize_learnable_per_tensor_affine": function("fake quantize"),
    "_fake_quantize_per_tensor_affine_cachemask_tensor_qparams": function("fake quantize"),
    "_fused_dropout": _dropout,
    "_masked_scale": function("multiply"),
    "_prelu_kernel": _prelu,
    "abs": function("abs"),
    "acos": function("acos"),
    "acosh": function("acosh"),
    "add": _sum("add", "multiply and add"),
    "addcdiv": _divide_and_add,
    "addcmul": _multiply_and_add,
    "addr": _outer_and_add,
    "alpha_dropout": _dropout,
    "angle": function("angle"),
    "asin": function("asin"),
    "asinh": function("asinh"),
    "atan": function("atan"),
    "atan2": function("atan2"),
    "atanh": function("atanh"),
    "bitwise_and": function("bitwise and"),
    "bitwise_left_shift": function("shift left"),
    "bitwise_not": function("bitwise not"),
    "bitwise_or": function("bitwise or"),
    "bitwise_right_shift": function("shift right"),
    "bitwise_xor": function("bitwise xor"),
    "ceil": function("ceil"),
    "celu": function("celu"),
    "clamp": _clamp,
    "clamp_max": function("minimum"),
    "clamp_min": function("maximum"),
    "clip": _clamp,
    "conj_physical": _conjugated,
    "copysign": function("copy sign"),
    "cos": function("cos"),
    "cosh": function("cosh"),
    "deg2rad": function("multiply"),
    "dequantize": function("dequantize"),
    "digamma": function("digamma"),
    "div": _divide,
    "divide": _divide,
    "dropout": _dropout,
    "elu": function("elu"),
    "eq": function("equal"),
    "erf": function("erf"),
    "erfc": function("erfc"),
    "erfinv": function("inverse erf"),
    "exp": function("exp"),
    "exp2": function("exp2"),
    "expm1": function("expm1"),
    "fake_quantize_per_channel_affine": function("fake quantize"),
    "fake_quantize_per_channel_affine_cachemask": function("fake quantize"),
    "fake_quantize_per_tensor_affine": function("fake quantize"),
    "fake_quantize_per_tensor_affine_cachemask": function("fake quantize"),
    "feature_alpha_dropout": _dropout,
    "feature_dropout": _dropout,
    "floor": function("floor"),
    "floor_divide": function("floor divide"),
    "fmax": function("maximum"),
    "fmin": function("minimum"),
    "fmod": function("remainder"),
    "frac": function("fractional part"),
    "ge": function("greater or equal"),
    "gelu": _gelu,
    "glu": function("gated linear unit"),
    "greater": function("greater"),
    "gt": function("greater"),
    "hardshrink": function("hard shrink"),
    "hardsigmoid": function("hard sigmoid"),
    "hardswish": function("hard swish"),
    "hardtanh": _hard_tanh,
    "heaviside": function("Heaviside"),
    "hypot": function("hypotenuse"),
    "i0": function("Bessel"),
    "igamma": function("incomplete gamma"),
    "igammac": function("incomplete gamma"),
    "isfinite": function("is finite"),
    "isinf": function("is infinite"),
    "isnan": function("is nan"),
    "isneginf": function("equal"),
    "isposinf": function("equal"),
    "ldexp": _times_power,
    "le": function("less or equal"),
    "leaky_relu": function("leaky relu"),
    "lerp": function("interpolate"),
    "less": function("less"),
    "lgamma": function("log gamma"),
    "linalg_cross": _cross,
    "log": function("log"),
    "log10": function("log10"),
    "log1p": function("log1p"),
    "log2": function("log2"),
    "log_sigmoid": function("log sigmoid"),
    "log_sigmoid_forward": function("log sigmoid"),
    "logaddexp": function("log add exp"),
    "logaddexp2": function("log add exp"),
    "logical_and": function("logical and"),
    "logical_not": function("logical not"),
    "logical_or": function("logical or"),
    "logical_xor": function("logical xor"),
    "logit": _logit,
    "lt": function("less"),
    "masked_fill": function("select"),
    "max": _extreme("max", "maximum"),
    "maximum": function("maximum"),
    "min": _extreme("min", "minimum"),
    "minimum": function("minimum"),
    "mish": function("mish"),
    "mul": _multiply,
    "multiply": _multiply,
    "nan_to_num": function("replace what is not finite"),
    "native_dropout": _dropout,
    "ne": function("not equal"),
    "neg": function("negate"),
    "negative": function("negate"),
    "nextafter": function("next after"),
    "not_equal": function("not equal"),
    "outer": function("multiply"),
    "polar": _from_polar,
    "polygamma": function("polygamma"),
    "pow": _power,
    "prelu": _prelu,
    "quantize_per_channel": function("quantize"),
    "quantize_per_tensor": function("quantize"),
    "quantize_per_tensor_dynamic": _dynamically_quantized,
    "rad2deg": function("multiply"),
    "reciprocal": function("reciprocal"),
    "relu": function("relu"),
    "relu6": function("relu6"),
    "remainder": function("remainder"),
    "round": function("round"),
    "rrelu_with_noise": _randomized_relu,
    "rrelu_with_noise_functional": _randomized_relu,
    "rsqrt": function("reciprocal square root"),
    "rsub": _sum("subtract", "multiply and add"),
    "selu": function("selu"),
    "sgn": function("sign"),
    "sigmoid": function("sigmoid"),
    "sign": function("sign"),
    "signbit": function("less"),
    "silu": function("silu"),
    "sin": function("sin"),
    "sinc": function("sine cardinal"),
    "sinh": function("sinh"),
    "softplus": function("softplus"),
    "softshrink": function("soft shrink"),
    "special_airy_ai": function("Bessel"),
    "special_bessel_j0": function("Bessel"),
    "special_bessel_j1": function("Bessel"),
    "special_bessel_y0": function("Bessel"),
    "special_bessel_y1": function("Bessel"),
    "special_entr": function("entropy"),
    "special_erfcx": function("scaled erfc"),
    "special_expit": function("sigmoid"),
    "special_i0e": function("Bessel"),
    "special_i1": function("Bessel"),
    "special_i1e": function("Bessel"),
    "special_log_ndtr": function("log normal"),
    "special_modified_bessel_i0": function("Bessel"),
    "special_modified_bessel_i1": function("Bessel"),
    "special_modified_bessel_k0": function("Bessel"),
    "special_modified_bessel_k1": function("Bessel"),
    "special_ndtri": function("inverse normal"),
    "special_scaled_modified_bessel_k0": function("Bessel"),
    "special_scaled_modified_bessel_k1": function("Bessel"),
    "special_spherical_bessel_j0": function("Bessel"),
    "special_xlog1py": function("x log1p y"),
    "special_zeta": function("zeta"),
    "sqrt": function("square root"),
    "square": function("square"),
    "sub": _sum("subtract", "multiply and add"),
    "subtract": _sum("subtract", "multiply and add"),
    "tan": function("tan"),
    "tanh": function("tanh"),
    "threshold": function("threshold"),
    "true_divide": _divide,
    "trunc": function("truncate"),
    "where": function("select"),
    "xlogy": function("x log y"),
}
"""ATen name → function that makes our operation, for functions of each element."""
