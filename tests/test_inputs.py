"""What users say of inputs, in one form: shapes, tensors, values, and containers of them."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

import numpy
import pytest

from analyzer import InputError, InputGroup, InputSpec, InputValue, normalize_inputs
from analyzer.given import parse_input, parse_value
from analyzer.inputs import flat_inputs, nested_inputs

ARRAY = numpy.zeros((2, 3), dtype=numpy.int32)
Pair = namedtuple("Pair", ["left", "right"])


class Way(Enum):
    FAST = 1


@dataclass(frozen=True)
class Batch:
    image: Any
    mask: Any = None


def texts(inputs: object) -> list[str]:
    return [str(item) for item in normalize_inputs(inputs)]


def filled(given: object) -> Any:
    """Put the paths of the tensors where the tensors are."""
    (item,) = normalize_inputs({"x": given})
    assert isinstance(item, InputGroup)
    return item.filled(lambda path, spec: path, "x")


class TestNormalizing:
    def test_shapes_are_no_containers(self) -> None:
        assert texts((1, 3)) == ["1x3"]
        assert texts([(1, 3), (2, 4)]) == ["1x3", "2x4"]
        assert texts({"x": [1, 3]}) == ["x=1x3"]
        assert texts(()) == ["scalar"]

    def test_nothing_is_nothing(self) -> None:
        assert normalize_inputs(None) == ()
        assert normalize_inputs([]) == normalize_inputs({}) == ()
        (empty,) = normalize_inputs({"past": []})
        assert isinstance(empty, InputGroup)
        assert not empty.items

    def test_values_are_passed_as_they_are(self) -> None:
        for value in (True, 3, 0.5, None, "fast", b"raw", 2j, Way.FAST):
            assert normalize_inputs([value, "x"])[0] == InputValue(value=value)
            assert normalize_inputs({"x": value}) == (InputValue(name="x", value=value),)
        assert texts(5) == [":=5"]

    def test_strings_may_say_a_shape(self) -> None:
        assert texts({"x": "1x3:int8", "how": "fast"}) == ["x=1x3:int8", "how:='fast'"]
        assert texts("x=1x3") == ["x=1x3"]

    def test_arrays_bring_their_type(self) -> None:
        (spec,) = normalize_inputs(ARRAY)
        assert isinstance(spec, InputSpec)
        assert (spec.shape, spec.dtype) == ((2, 3), "int32")
        assert spec.value is ARRAY

    def test_containers_nest(self) -> None:
        given = {"images": [(3, 8, 8), (3, 6, 8)], "more": {"deep": ((1, 2), None)}}
        assert texts(given) == ["images=[3x8x8, 3x6x8]", "more={deep: [1x2, :=None]}"]

    def test_specs_get_the_name_of_their_place(self) -> None:
        assert texts({"x": InputSpec(shape=(1, 2), dtype="int64")}) == ["x=1x2:int64"]
        assert texts([InputSpec(name="x", shape=(1, 2))]) == ["x=1x2"]

    def test_anything_goes_in_a_value(self) -> None:
        stranger = object()
        (item,) = normalize_inputs({"x": InputValue(value=stranger)})
        assert isinstance(item, InputValue)
        assert item.value is stranger

    @pytest.mark.parametrize(
        ("given", "where"),
        [
            ({"x": object()}, r"input 'x' is of type object"),
            ({"x": [(1, 2), object()]}, r"input 'x\[1\]' is of type object"),
            ({"x": {"mask": {1, 2}}}, r"input 'x\.mask' is of type set"),
            ({"x": {"a.b": object()}}, r"input 'x\[a\.b\]' is of type object"),
            ({"x": Batch(image=object())}, r"input 'x\.image' is of type object"),
            ([(1, 2), object()], r"input '\[1\]' is of type object"),
            (object(), "an input is of type object"),
            ({"x": [(1, -2)]}, r"input 'x\[0\]' has the size -2"),
            ({"x": {"y": (None, 3)}}, r"input 'x\.y' has the size None"),
            (Batch, "an input is of type type"),
        ],
    )
    def test_errors_name_the_path(self, given: object, where: str) -> None:
        with pytest.raises(InputError, match=where):
            normalize_inputs(given)


class TestContainersAreRebuilt:
    def test_lists_and_tuples(self) -> None:
        assert filled([ARRAY, (1, 2)]) == ["x[0]", "x[1]"]
        assert filled((ARRAY, [ARRAY])) == ("x[0]", ["x[1][0]"])
        assert filled(Pair(ARRAY, 3)) == Pair("x.left", 3)

    def test_mappings(self) -> None:
        assert filled({"a": ARRAY, "n": 2}) == {"a": "x.a", "n": 2}
        ordered = filled(OrderedDict(b=ARRAY))
        assert type(ordered) is OrderedDict
        assert ordered == {"b": "x.b"}
        assert filled(MappingProxyType({"a": ARRAY})) == {"a": "x.a"}
        assert filled({7: ARRAY}) == {7: "x[7]"}

    def test_records(self) -> None:
        given = Batch(image=ARRAY)
        assert filled(given) == Batch(image="x.image", mask=None)
        assert given.image is ARRAY
        (whole,) = normalize_inputs(given)
        assert isinstance(whole, InputGroup)
        assert list(whole.items) == ["image", "mask"]


class TestTheCommandLine:
    def test_tensors(self) -> None:
        assert parse_input("1x3") == InputSpec(shape=(1, 3))
        assert parse_input(" x=1,3:int8 ") == InputSpec(name="x", shape=(1, 3), dtype="int8")
        assert parse_input("images[0]=scalar") == InputSpec(name="images[0]", shape=())

    def test_values(self) -> None:
        assert parse_input("use_cache:=False") == InputValue(name="use_cache", value=False)
        assert parse_input("sizes:=[4, 7]") == InputValue(name="sizes", value=[4, 7])
        assert parse_input("how:=a=b") == InputValue(name="how", value="a=b")
        assert parse_input(":=3") == InputValue(value=3)

    def test_words_of_other_languages(self) -> None:
        assert [parse_value(word) for word in ("true", "false", "null", "None")] == [
            True, False, None, None,
        ]  # fmt: skip
        assert parse_value("'true'") == "true"

    @pytest.mark.parametrize("text", ["", "?", "x=", "x=?", "1x-3", "x:=", ":=", "1x3:float7"])
    def test_nonsense(self, text: str) -> None:
        with pytest.raises(InputError, match=r"input '"):
            parse_input(text)


def nested(*inputs: str) -> tuple[Any, ...]:
    return nested_inputs(map(parse_input, inputs))


class TestPaths:
    def test_lists_in_any_order(self) -> None:
        (images,) = nested("images[1]=3x6x8", "images[0]=3x8x8")
        assert str(images) == "images=[3x8x8, 3x6x8]"
        assert images.filled(lambda path, spec: spec.shape, "images") == [(3, 8, 8), (3, 6, 8)]

    def test_parts_can_be_asked_by_key_and_by_attribute(self) -> None:
        first, batch = nested("batch.pixels=1x3", "y=2x2", "batch.more[mask]=1x4:bool")[::-1]
        assert str(first) == "y=2x2"
        made = batch.filled(lambda path, spec: path, "batch")
        assert made["pixels"] == made.pixels == "batch.pixels"
        assert made.more["mask"] == "batch.more.mask"
        with pytest.raises(AttributeError, match="absent"):
            _ = made.absent

    def test_values_have_places_too(self) -> None:
        (batch,) = nested("batch.flag:=True")
        assert batch.filled(lambda path, spec: path, "batch") == {"flag": True}

    @pytest.mark.parametrize("name", ["serving_default:0", ".hidden", "[0]", "a[", "a[0", "a..b"])
    def test_other_names_are_left_alone(self, name: str) -> None:
        given = (InputSpec(name=name, shape=(1,)),)
        assert nested_inputs(given) == given

    @pytest.mark.parametrize(
        ("given", "what"),
        [
            (("x=1x2", "x[0]=1x2"), "as a whole and in parts"),
            (("x[0]=1x2", "x=1x2"), "as a whole and in parts"),
            (("x.a=1x2", "x.a.b=1x2"), "as a whole and in parts"),
            (("x.a.b=1x2", "x.a=1x2"), "as a whole and in parts"),
            (("x[0]=1x2", "x[0]=1x3"), "as a whole and in parts"),
            (("x[1]=1x2",), "every place from 0"),
            (("x[0]=1x2", "x.a=1x2"), "only names"),
        ],
    )
    def test_what_does_not_go_together(self, given: tuple[str, ...], what: str) -> None:
        with pytest.raises(InputError, match=what):
            nested(*given)


class TestFlat:
    def test_containers_are_opened(self) -> None:
        given = normalize_inputs([[(1, 2), (3, 4)], {"mask": (5,)}])
        assert [str(spec) for spec in flat_inputs(given)] == ["1x2", "3x4", "mask=5"]
        named = normalize_inputs({"x": [(1, 2)], "steps": 3, "rate": 0.5, "on": True})
        assert [str(spec) for spec in flat_inputs(named)] == [
            "x[0]=1x2", "steps=scalar:int64", "rate=scalar:float32", "on=scalar:bool",
        ]  # fmt: skip

    @pytest.mark.parametrize("value", [None, "fast", [4, 7]])
    def test_only_tensors_are_taken(self, value: object) -> None:
        given = [InputGroup(name="x", items={"y": InputValue(value=value)})]
        with pytest.raises(InputError, match=r"input 'x\.y' is .* takes tensors only"):
            flat_inputs(given)

    def test_names_with_signs_stay(self) -> None:
        (spec,) = flat_inputs([InputSpec(name="input.1", shape=(1, 2))])
        assert spec.name == "input.1"
