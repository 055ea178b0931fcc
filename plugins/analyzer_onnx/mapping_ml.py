"""Classical models: linear ones, support vectors, scaling of features."""

from __future__ import annotations

from math import prod

from analyzer import Operation, ops
from analyzer_onnx.call import Call, Mapper

__all__ = ["TABLE", "rows_and_features", "shares"]

_SHARES = {"LOGISTIC": "sigmoid", "PROBIT": "inverse normal"}
"""What makes shares of single scores, to functions of ``analyzer.ops``."""


def _each(function: str, elements: int) -> Operation:
    return ops.Elementwise(function=function, elements=elements)


def rows_and_features(call: Call) -> tuple[int, int]:
    """Return how many examples there are, and of how many features; one may come alone."""
    x = call.x.sizes
    return (x[0], prod(x[1:])) if len(x) > 1 else (1, prod(x))


def shares(call: Call, rows: int, scores: int) -> Operation | None:
    """Return what ``post_transform`` makes of the scores of each example."""
    kind = call.attribute("post_transform", "NONE")
    if kind in ("SOFTMAX", "SOFTMAX_ZERO"):
        return ops.Softmax(rows=rows, size=scores)
    return None if kind == "NONE" else _each(_SHARES[kind], rows * scores)


def _linear(call: Call) -> Operation:
    """``(rows, features) → (rows, classes or targets)``, and which class has the best score.

    Weights are written into the node.
    """
    rows, features = rows_and_features(call)
    weights = len(call.attribute("coefficients"))
    scores = weights // features if features else 0
    call.hold("coefficients", (scores, features), "kernel", ("output features", "input features"))
    bias = bool(call.attribute("intercepts"))
    if bias:
        shape = (len(call.attribute("intercepts")),)
        call.hold("intercepts", shape, "bias", ("output features",))
    layer = ops.Linear(rows=rows, in_features=features, out_features=scores, bias=bias)
    best = None
    if call.op_type.endswith("Classifier") and rows and scores:
        best = ops.Reduction(function="argmax", in_elements=rows * scores, out_elements=rows)
    return call.fused(layer, best, shares(call, rows, scores))


_KERNELS: dict[str, tuple[str, ...]] = {
    "LINEAR": (),
    "POLY": ("multiply", "add", "power"),
    "SIGMOID": ("multiply", "add", "tanh"),
}
"""What a kernel makes of the product of an example and a support vector."""


def _support_vectors(call: Call) -> Operation | None:
    """``(rows, features) → (rows, 1)``: a kernel with every support vector, and a weighted sum.

    Kernels: x·v; (γ·x·v + c)ᵈ; exp(−γ·|x − v|²); tanh(γ·x·v + c).
    """
    rows, features = rows_and_features(call)
    vectors = call.attribute("n_supports", 0)
    kind = call.attribute("kernel_type", "LINEAR")
    if not vectors:  # the vectors are summed up already
        return call.fused(
            ops.MatrixProduct(batch=1, m=rows, k=features, n=1, addend=True),
            _verdict(call, rows),
        )
    pairs = rows * vectors
    steps: list[Operation] = []
    if kind == "RBF":
        if pairs:
            steps = [
                _each("squared difference", pairs * features),
                ops.Reduction(function="sum", in_elements=pairs * features, out_elements=pairs),
            ]
        steps += [_each("multiply", pairs), _each("exp", pairs)]
    else:
        steps = [ops.MatrixProduct(batch=1, m=rows, k=features, n=vectors)]
        steps += [_each(name, pairs) for name in _KERNELS[kind]]
    call.hold("support_vectors", (vectors, features), "kernel", ("support vectors", "features"))
    call.hold("coefficients", (vectors,), "coefficients", ("support vectors",))
    weighted = ops.MatrixProduct(batch=1, m=rows, k=vectors, n=1, addend=True)
    return call.fused(*steps, weighted, _verdict(call, rows))


def _verdict(call: Call, rows: int) -> Operation | None:
    """Return the comparison of a regressor that only says whether an example is an odd one."""
    return _each("greater", rows) if call.attribute("one_class", 0) else None


def _scaler(call: Call) -> Operation:
    """``(x − offset)·scale``; either may be left out."""
    elements = prod(call.y.sizes)
    steps = [
        _each(name, elements)
        for attribute, name in (("offset", "subtract"), ("scale", "multiply"))
        if call.attribute(attribute) is not None
    ]
    return call.fused(*steps) if steps else ops.free("Scaler", because=ops.NO_OP)


def _normalizer(call: Call) -> Operation:
    """Divide each row by its largest element, its sum of |x|, or the root of its squares."""
    rows, features = rows_and_features(call)
    norm = {"L1": "L1 norm", "L2": "L2 norm", "MAX": "max"}[call.attribute("norm", "MAX")]
    elements = rows * features
    reduction = ops.Reduction(function=norm, in_elements=elements, out_elements=rows)
    return call.fused(reduction if elements else None, _each("divide", elements))


def _comparison(function: str) -> Mapper:
    def make(call: Call) -> Operation:
        return _each(function, prod(call.y.sizes))

    return make


TABLE: dict[str, Mapper] = {
    "ai.onnx.ml::Binarizer": _comparison("greater"),
    "ai.onnx.ml::Imputer": _comparison("equal"),
    "ai.onnx.ml::LinearClassifier": _linear,
    "ai.onnx.ml::LinearRegressor": _linear,
    "ai.onnx.ml::Normalizer": _normalizer,
    "ai.onnx.ml::SVMRegressor": _support_vectors,
    "ai.onnx.ml::Scaler": _scaler,
}
"""Operators of classical models, to the functions that translate them."""
