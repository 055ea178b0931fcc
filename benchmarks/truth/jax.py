"""JAX functions, run equation by equation: every product is made once more on ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
from jax import lax
from jax import numpy as jnp

from benchmarks.truth import Truth

__all__ = ["count"]

Settings = Mapping[str, Any]


def count(function: Callable[..., Any], *inputs: Any, learned: Any) -> Truth:
    """Run a function as JAX traces it, and count what its contractions multiply.

    Loops are run step by step, and of branches the one that the data takes. What leads to no
    result is left out, as XLA leaves it out.

    Args:
        function: of arrays, or of nests of them.
        inputs: what it is called with.
        learned: the arrays that an optimizer learns, in any nest.

    Raises:
        NotImplementedError: something that may multiply runs whole, and there is no way to make
            it on ones.
    """
    closed = jax.make_jaxpr(function)(*inputs)
    results = _run(closed, [_Value(number) for number in jax.tree.leaves(inputs)])
    sizes = {id(one): one.size for one in jax.tree.leaves(learned)}
    macs, unpadded = _behind(results)
    return Truth(macs=macs, unpadded=unpadded, parameters=sum(sizes.values()))


@dataclass(frozen=True, slots=True, eq=False)
class _Ran:
    """Something that ran.

    Attributes:
        read: what it is made of.
        products: how often it multiplied.
        unpadded: the same, without what was multiplied with padding.
    """

    read: tuple[_Ran, ...] = ()
    products: int = 0
    unpadded: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Value:
    """An array, and what made it."""

    number: Any
    ran: _Ran = _Ran()


def _behind(results: Sequence[_Value]) -> tuple[int, int]:
    """Return how often was multiplied for these results, with padding and without."""
    seen: set[int] = set()
    waiting = [one.ran for one in results]
    products = unpadded = 0
    while waiting:
        ran = waiting.pop()
        if id(ran) not in seen:
            seen.add(id(ran))
            products += ran.products
            unpadded += ran.unpadded
            waiting += ran.read
    return products, unpadded


def _made(number: Any, read: Sequence[_Value]) -> _Value:
    return _Value(number, _Ran(_rans(read)))


def _rans(values: Sequence[_Value]) -> tuple[_Ran, ...]:
    return tuple(one.ran for one in values)


def _run(program: Any, inputs: Sequence[_Value]) -> list[_Value]:
    """Run the equations of a jaxpr, which may be closed over constants."""
    jaxpr, constants = (
        (program.jaxpr, program.consts) if hasattr(program, "consts") else (program, ())
    )
    known = dict(zip(jaxpr.constvars, map(_Value, constants), strict=True))
    known.update(zip(jaxpr.invars, inputs, strict=True))

    def value(one: Any) -> _Value:
        return _Value(one.val) if hasattr(one, "val") else known[one]

    for equation in jaxpr.eqns:
        made = _executed(equation, [value(one) for one in equation.invars])
        known.update(zip(equation.outvars, made, strict=True))
    return [value(one) for one in jaxpr.outvars]


def _executed(equation: Any, inputs: Sequence[_Value]) -> list[_Value]:
    name, settings = equation.primitive.name, equation.params
    if name in INLINED:
        return _run(settings[INLINED[name]], inputs)
    if name in CONTROL:
        return CONTROL[name](inputs, settings)
    numbers = [one.number for one in inputs]
    ran = _Ran(_rans(inputs))
    if name in AGAIN:
        with jax.enable_x64(True):
            sums = [jnp.sum(made) for made in AGAIN[name](numbers, settings)]
        ran = _Ran(_rans(inputs), *(round(float(one)) for one in sums))
    elif name not in HARMLESS:
        raise NotImplementedError(f"{name} may multiply; say how it is made on ones")
    results = equation.primitive.bind(*numbers, **settings)
    return [
        _Value(one, ran) for one in (results if equation.primitive.multiple_results else [results])
    ]


INLINED: Mapping[str, str] = {
    "checkpoint": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "jit": "jaxpr",
    "remat2": "jaxpr",
}
"""Primitives that run what they hold, and the setting that holds it."""


def _scan(inputs: Sequence[_Value], settings: Settings) -> list[_Value]:
    constants, over = settings["num_consts"], settings["num_consts"] + settings["num_carry"]
    carried, rows = list(inputs[constants:over]), inputs[over:]
    steps = range(settings["length"])
    stacked: list[list[_Value]] = []
    for at in reversed(steps) if settings["reverse"] else steps:
        row = [_made(one.number[at], [one]) for one in rows]
        made = _run(settings["jaxpr"], [*inputs[:constants], *carried, *row])
        carried = made[: over - constants]
        stacked.append(made[over - constants :])
    if settings["reverse"]:
        stacked.reverse()
    columns = zip(*stacked, strict=True) if stacked else _no_rows(settings, over - constants)
    return [*carried, *map(_stacked, columns)]


def _stacked(column: Sequence[_Value]) -> _Value:
    return _made(jnp.stack([one.number for one in column]), column)


def _no_rows(settings: Settings, carried: int) -> Iterator[Sequence[_Value]]:
    if any(settings["jaxpr"].out_avals[carried:]):
        raise NotImplementedError("a scan over nothing")
    return iter(())


def _while(inputs: Sequence[_Value], settings: Settings) -> list[_Value]:
    before = settings["cond_nconsts"]
    after = before + settings["body_nconsts"]
    asked, constants, carried = inputs[:before], inputs[before:after], list(inputs[after:])
    tests = _run(settings["cond_jaxpr"], [*asked, *carried])
    while tests[-1].number:
        carried = _run(settings["body_jaxpr"], [*constants, *carried])
        tests += _run(settings["cond_jaxpr"], [*asked, *carried])
    return [_made(one.number, [one, *tests]) for one in carried]


def _cond(inputs: Sequence[_Value], settings: Settings) -> list[_Value]:
    index, *operands = inputs
    branches = settings["branches"]
    taken = branches[min(max(int(index.number), 0), len(branches) - 1)]
    return [_made(one.number, [one, index]) for one in _run(taken, operands)]


CONTROL: Mapping[str, Callable[[Sequence[_Value], Settings], list[_Value]]] = {
    "cond": _cond,
    "scan": _scan,
    "while": _while,
}
"""Primitives that choose what they run, or how often."""


def _ones(number: Any) -> Any:
    return jnp.ones(number.shape, jnp.float64)


Made = tuple[Any, Any]
"""What comes out of ones: with a padding of ones, and with one of zeros."""


def _product(numbers: Sequence[Any], settings: Settings) -> Made:
    summed, _ = settings["dimension_numbers"]
    if not any(summed):
        return 0, 0  # nothing is added up: elements times elements
    left, right = map(_ones, numbers)
    made = lax.dot_general(left, right, settings["dimension_numbers"])
    return made, made


def _ragged_product(numbers: Sequence[Any], settings: Settings) -> Made:
    rows, matrices, sizes = numbers
    made = lax.ragged_dot_general(
        _ones(rows), _ones(matrices), sizes, settings["ragged_dot_dimension_numbers"]
    )
    return made, made


def _convolution(numbers: Sequence[Any], settings: Settings) -> Made:
    """Convolve; from an image with holes, which nobody multiplies, spread every element."""
    image, kernel = map(_ones, numbers)
    axes, padding = settings["dimension_numbers"], settings["padding"]

    def convolved(image: Any, padding: Sequence[tuple[int, int]]) -> Any:
        return lax.conv_general_dilated(
            image,
            kernel,
            settings["window_strides"],
            padding,
            settings["lhs_dilation"],
            settings["rhs_dilation"],
            axes,
            settings["feature_group_count"],
            settings["batch_group_count"],
        )

    if any(step > 1 for step in settings["lhs_dilation"]):
        if any(step > 1 for step in settings["window_strides"]):
            raise NotImplementedError("a convolution with holes in its image, and strides")
        reach = [
            gap * (kernel.shape[axis] - 1)
            for gap, axis in zip(settings["rhs_dilation"], axes.rhs_spec[2:], strict=True)
        ]  # so far, each element meets the whole kernel: what is cropped was multiplied, too
        return convolved(image, [(width, width) for width in reach]), convolved(image, padding)
    around = [(0, 0, 0)] * image.ndim
    for axis, (low, high) in zip(axes.lhs_spec[2:], padding, strict=True):
        around[axis] = (low, high, 0)
    filled = lax.pad(image, jnp.float64(1), around)
    return convolved(filled, [(0, 0)] * len(padding)), convolved(image, padding)


AGAIN: Mapping[str, Callable[[Sequence[Any], Settings], Made]] = {
    "conv_general_dilated": _convolution,
    "dot_general": _product,
    "ragged_dot_general": _ragged_product,
}
"""How a product is made once more: from its inputs and its settings."""

HARMLESS = {
    "abs", "acos", "acosh", "add", "and", "argmax", "argmin", "asin", "asinh", "atan", "atan2",
    "atanh", "bitcast_convert_type", "broadcast_in_dim", "cbrt", "ceil", "clamp", "concatenate",
    "convert_element_type", "copy", "cos", "cosh", "cumlogsumexp", "cummax", "cummin",
    "cumprod", "cumsum", "device_put", "div", "dynamic_slice", "dynamic_update_slice", "eq",
    "erf", "erf_inv", "erfc", "exp", "exp2", "expm1", "floor", "gather", "ge", "gt",
    "integer_pow", "iota", "is_finite", "le", "lgamma", "log", "log1p", "logistic", "lt", "max",
    "min", "mul", "name", "ne", "neg", "nextafter", "not", "optimization_barrier", "or", "pad",
    "pow", "random_bits", "random_fold_in", "random_seed", "random_split", "random_unwrap",
    "random_wrap", "real", "reduce_and", "reduce_max", "reduce_min", "reduce_or",
    "reduce_precision", "reduce_prod", "reduce_sum", "reduce_window_max", "reduce_window_min",
    "reduce_window_sum", "rem", "reshape", "rev", "round", "rsqrt", "scatter", "scatter-add",
    "select_n", "shift_left", "shift_right_arithmetic", "shift_right_logical", "sign", "sin",
    "sinh", "slice", "sort", "split", "sqrt", "square", "squeeze", "stack", "stop_gradient",
    "sub", "tan", "tanh", "threefry2x32", "tile", "top_k", "transpose", "unstack", "xor",
}  # fmt: skip
"""What makes no contraction; whatever is not named here and in no table is an error."""
