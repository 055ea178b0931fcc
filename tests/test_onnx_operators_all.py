"""Every operator of ONNX and of ONNX Runtime: counted, free, or named as not counted, and why."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from onnx import defs
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from analyzer.ops import why_uncounted
from analyzer_onnx.contrib_shapes import TABLE as CONTRIB_SHAPES
from analyzer_onnx.control import CONTROL
from analyzer_onnx.mapping import FAMILIES, MAPPERS
from analyzer_onnx.mapping_uncounted import UNCOUNTED
from analyzer_onnx.nodes import full_name
from analyzer_onnx.sequences import SEQUENCES

OF_THE_WALK = {"CastLike", "Constant", "SequenceMap", *CONTROL, *SEQUENCES}
"""What the walk itself translates: control flow, sequences, constants, a body by its definition."""

WITHOUT_A_SHAPE = {
    "Crop", "DynamicSlice", "GivenTensorFill", "com.microsoft::Range",
    "com.microsoft::RemovePadding", "com.microsoft::Unique",
}  # fmt: skip
"""Operators of ONNX Runtime of which elements say how large the result is."""


@cache
def of_onnx() -> frozenset[str]:
    return frozenset(
        full_name(schema.domain, schema.name) for schema in defs.get_all_schemas_with_history()
    )


@cache
def of_runtime() -> frozenset[str]:
    return frozenset(
        full_name(schema.domain, schema.name) for schema in runtime.get_all_operator_schema()
    )


def left() -> Iterator[str]:
    for name in sorted(of_onnx() | of_runtime()):
        if name not in MAPPERS and name not in OF_THE_WALK:
            yield name


def test_every_operator_has_its_place() -> None:
    unexplained = [name for name in left() if not why_uncounted(name, UNCOUNTED)]
    assert not unexplained, "in no table: map them, or name them in mapping_uncounted"


def test_every_pattern_names_operators_that_are_in_no_other_table() -> None:
    for pattern, why in UNCOUNTED.items():
        assert any(why_uncounted(name, {pattern: why}) for name in left()), pattern
    assert not [name for name in MAPPERS if why_uncounted(name, UNCOUNTED)]
    assert list(UNCOUNTED) == sorted(UNCOUNTED)


def test_names_exist_and_stand_in_one_family_each() -> None:
    assert set(MAPPERS) <= of_onnx() | of_runtime()
    assert len(MAPPERS) == sum(map(len, FAMILIES))


def test_what_onnx_does_not_know_has_a_shape() -> None:
    own = {name for name in MAPPERS if name not in of_onnx()}
    assert own - set(CONTRIB_SHAPES) == WITHOUT_A_SHAPE
    assert set(CONTRIB_SHAPES) <= of_runtime()
