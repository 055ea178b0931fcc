"""Open dimensions of ONNX inputs: who sets them, and what is said when nobody does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
import pytest
from onnx import helper

import analyzer
from analyzer import InputError
from tests.commands import error, run
from tests.onnx_runs import model

Sizes = Sequence[int | str | None]
Shapes = dict[str, tuple[int, ...]]


def taking(**inputs: Sizes) -> onnx.ModelProto:
    """A model that only takes inputs, each of these sizes."""
    nodes = [helper.make_node("Relu", [name], [f"{name}_out"]) for name in inputs]
    return model(
        nodes,
        {name: list(sizes) for name, sizes in inputs.items()},
        [f"{name}_out" for name in inputs],
    )


def shapes(given: onnx.ModelProto, inputs: Any = None, **settings: Any) -> Shapes:
    report = analyzer.analyze(given, inputs, **settings)
    assert not report.notes
    return {tensor.name: tensor.shape for tensor in report.model.inputs}


CACHE = {
    "ids": ("batch", "new"),
    "mask": ("batch", "past + new"),
    "key": ("batch", 2, "past", 8),
    "value": ("batch", 2, "past", 8),
}


# Names


def test_sums_and_products_of_names() -> None:
    found = shapes(taking(**CACHE), dims={"past": 6, "new": 2}, batch_size=3)
    assert found == {"ids": (3, 2), "mask": (3, 8), "key": (3, 2, 6, 8), "value": (3, 2, 6, 8)}
    scaled = taking(x=(1, "s0"), z=(1, "2*s0 + 1"), w=(1, "s0 - 1"))
    assert shapes(scaled, dims={"s0": 4}) == {"x": (1, 4), "z": (1, 9), "w": (1, 3)}


def test_sums_of_sizes_that_were_given_with_an_input() -> None:
    given = {"ids": (1, 2), "key": (1, 2, 6, 8)}
    assert shapes(taking(**CACHE), given)["mask"] == (1, 8)
    with pytest.raises(InputError, match="dimension 'past \\+ new' is 8 elsewhere and 9 here"):
        analyzer.analyze(taking(**CACHE), {**given, "mask": (1, 9)})


def test_a_whole_sum_can_be_given_as_if_it_were_a_name() -> None:
    alone = taking(x=(1, "a + b"), z=(2, "a + b"))
    assert shapes(alone, dims={"a + b": 5}) == {"x": (1, 5), "z": (2, 5)}
    with pytest.raises(InputError, match=r"x 1xa \+ b, z 2xa \+ b; give --dim 'a \+ b'=N"):
        analyzer.analyze(alone)


@pytest.mark.parametrize("name", ["batch-size", "*", "+", "a*", "1", "-", "x y"])
def test_names_that_look_like_sums(name: str) -> None:
    assert shapes(taking(x=(1, name)), dims={name: 7}) == {"x": (1, 7)}


# The batch


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"x": ("batch", 3)}, {"x": (4, 3)}),
        ({"x": (None, 3), "z": (None, 5)}, {"x": (4, 3), "z": (4, 5)}),
        ({"x": (3, "batch_size", 8)}, {"x": (3, 4, 8)}),
        ({"x": (None, 3), "z": ("batch",)}, {"x": (4, 3), "z": (4,)}),
        ({"x": ("n", 3), "z": ("n",)}, {}),
        ({"x": ("n", 3), "z": (2, "n")}, {}),
    ],
)
def test_which_dimension_the_batch_size_is_for(
    inputs: Mapping[str, Sizes], expected: Shapes
) -> None:
    """A name that has another place somewhere is not taken for the batch."""
    if expected:
        assert shapes(taking(**inputs), batch_size=4) == expected
    else:
        with pytest.raises(InputError, match=r"give --dim n=N$"):
            analyzer.analyze(taking(**inputs), batch_size=4)


def test_a_batch_size_that_nothing_takes_is_told() -> None:
    (note,) = analyzer.analyze(taking(x=(1, 3)), batch_size=4).notes
    assert note == (
        "the batch size 4 has no effect: the file leaves no dimension of an input open for it"
    )
    assert not analyzer.analyze(taking(x=(1, 3)), (1, 3), batch_size=4).notes


# What is missing


@pytest.mark.parametrize(
    ("inputs", "settings", "said"),
    [
        (CACHE, {}, "ids batchxnew, mask batchxpast + new, key batchx2xpastx8, "
                    "value batchx2xpastx8; give --dim new=N --dim past=N"),
        (CACHE, {"dims": {"new": 1}}, "give --dim past=N"),
        ({"x": (None, 3, None, "w")}, {}, "x ?x3x?xw; give --input x=1x3xNxN"),
        ({"x": (None, 3, None)}, {"batch_size": 2}, "x ?x3x?; give --input x=2x3xN"),
        ({"x": ("n",)}, {}, "x n; give --dim n=N"),
        ({"x": (None,)}, {}, "x ?; give --input x=N"),
        ({f"x{at}": (1, "n") for at in range(9)}, {},
         "x0 1xn, x1 1xn, x2 1xn, x3 1xn and 5 more; give --dim n=N"),
        ({"x": (1, "n"), "z": (1, None)}, {}, "x 1xn, z 1x?; give --dim n=N --input z=1xN"),
        ({"x": (1, "two words")}, {}, "give --dim 'two words'=N"),
    ],
)  # fmt: skip
def test_every_missing_size_is_listed_with_what_to_type(
    inputs: Mapping[str, Sizes], settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        analyzer.analyze(taking(**inputs), **settings)
    assert str(caught.value).startswith("open dimensions of inputs have no size: ")
    assert str(caught.value).endswith(said)


def test_an_input_of_any_rank() -> None:
    made = taking(x=(1,))
    made.graph.input[0].type.tensor_type.ClearField("shape")
    with pytest.raises(InputError, match="x of any rank; give --input x=NxN"):
        analyzer.analyze(made)
    assert shapes(made, (2, 3)) == {"x": (2, 3)}


def test_what_the_command_says_can_be_typed(tmp_path: Any) -> None:
    path = str(tmp_path / "cache.onnx")
    onnx.save(taking(**CACHE), path)
    said = error(run("summary", path), 2)
    flags = said.rpartition("; give ")[2].replace("=N", "=5").split()
    assert run("summary", path, *flags).returncode == 0


# What does not fit


@pytest.mark.parametrize(
    ("inputs", "given", "settings", "said"),
    [
        ({"x": (2, 3)}, None, {"dims": {"n": 1}}, "no open dimension of this name; it has none at"),
        ({"x": (1, "n")}, None, {"dims": {"m": 1}}, "of this name; it has 'n'"),
        ({"x": (1, "n")}, (1, 4), {"dims": {"n": 5}}, "dimension 'n' is 5 elsewhere and 4 here"),
        ({"x": (1, "n")}, {"z": (1, 4)}, {}, "the model has no input 'z'; it has 'x'"),
        ({"x": (1, "n")}, None, {"dims": {"n": 2**64}}, "is more elements than the format can"),
    ],
)
def test_what_does_not_fit(
    inputs: Mapping[str, Sizes], given: Any, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        analyzer.analyze(taking(**inputs), given, **settings)
    assert "\n" not in str(caught.value)
