"""Shapes and types of operators of classical models, most of which ``onnx`` has no rule for."""

from __future__ import annotations

from math import prod

from analyzer_onnx.call import Call
from analyzer_onnx.inferred import Inferred, Shaper

__all__ = ["TABLE"]


def _rows(call: Call) -> int:
    x = call.x.sizes
    return x[0] if len(x) > 1 else 1


def _floats(call: Call) -> list[Inferred]:
    return [Inferred(call.x.sizes, "float32")]


def _same(call: Call) -> list[Inferred]:
    return [Inferred(call.x.sizes, call.x.dtype)]


def _scores(call: Call) -> list[Inferred]:
    return [Inferred((_rows(call), call.attribute("targets", 1)), "float32")]


def _one_score(call: Call) -> list[Inferred]:
    return [Inferred((_rows(call), 1), "float32")]


def _label_and_scores(call: Call) -> list[Inferred]:
    """Give the label of each row, and a score for each label."""
    integers = call.attribute("classlabels_ints")
    labels = integers or call.attribute("classlabels_strings")
    dtype = "int64" if integers else "string"
    rows = _rows(call)
    return [Inferred((rows,), dtype), Inferred((rows, len(labels)), "float32")]


def _joined(call: Call) -> list[Inferred]:
    columns = sum(call.attribute("inputdimensions"))
    return [Inferred((_rows(call), columns), "float32")]


def _extracted(call: Call) -> list[Inferred]:
    x = call.x.sizes
    rows = (1,) if len(x) == 1 else x[:-1]
    return [Inferred((*rows, call.input(1).elements), call.x.dtype)]


def _one_hot(call: Call) -> list[Inferred]:
    categories = call.attribute("cats_int64s") or call.attribute("cats_strings")
    return [Inferred((*call.x.sizes, len(categories)), "float32")]


def _labels(call: Call) -> list[Inferred]:
    """Give what is looked up the type of the values, one of which is there."""
    kinds = {"floats": "float32", "int64s": "int64", "strings": "string"}
    found = (kinds[kind] for kind in kinds if call.attribute(f"values_{kind}") is not None)
    return [Inferred(call.x.sizes, next(found, None))]


def _category(call: Call) -> list[Inferred]:
    return [Inferred(call.x.sizes, "int64" if call.x.dtype == "string" else "string")]


def _maps(call: Call) -> list[Inferred]:
    """Give a map of each row: as many numbers as come."""
    return [Inferred((prod(call.x.sizes),), "float32")]


TABLE: dict[str, Shaper] = {
    "ai.onnx.ml::ArrayFeatureExtractor": _extracted,
    "ai.onnx.ml::Binarizer": _same,
    "ai.onnx.ml::CategoryMapper": _category,
    "ai.onnx.ml::FeatureVectorizer": _joined,
    "ai.onnx.ml::Imputer": _same,
    "ai.onnx.ml::LabelEncoder": _labels,
    "ai.onnx.ml::LinearClassifier": _label_and_scores,
    "ai.onnx.ml::LinearRegressor": _scores,
    "ai.onnx.ml::Normalizer": _floats,
    "ai.onnx.ml::OneHotEncoder": _one_hot,
    "ai.onnx.ml::SVMClassifier": _label_and_scores,
    "ai.onnx.ml::SVMRegressor": _one_score,
    "ai.onnx.ml::Scaler": _floats,
    "ai.onnx.ml::ZipMap": _maps,
}
"""Operators of classical models, to what finds the shapes of their results."""
