"""Inputs of ONNX models, and what is said when something does not fit."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

import analyzer
from analyzer import AnalyzerError, InputError, ModelError
from tests.commands import error, run
from tests.onnx_runs import model, stored
from tests.onnx_runs import run as run_in_runtime

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def tokens(*sizes: int | str | None) -> onnx.ModelProto:
    """A table of 11 rows looked up at integer inputs."""
    node = helper.make_node("Gather", ["table", "tokens"], ["y"])
    return model(
        [node], {"tokens": list(sizes)}, ["y"], [stored("table", 11, 4)], types={"tokens": 7}
    )


def shape_of(report: analyzer.Report) -> tuple[int, ...]:
    return report.model.inputs[0].shape


def test_the_file_tells() -> None:
    assert shape_of(analyzer.analyze(tokens(2, 7))) == (2, 7)


@pytest.mark.parametrize("batch", ["batch", "N", "batch_size", "unk__43", None])
def test_an_open_first_dimension_is_the_batch(batch: str | None) -> None:
    assert shape_of(analyzer.analyze(tokens(batch, 7))) == (1, 7)
    assert shape_of(analyzer.analyze(tokens(batch, 7), batch_size=3)) == (3, 7)


def test_named_dimensions() -> None:
    report = analyzer.analyze(tokens("batch", "sequence"), dims={"sequence": 9})
    assert shape_of(report) == (1, 9)
    both = analyzer.analyze(tokens("batch", "sequence"), dims={"sequence": 9, "batch": 2})
    assert shape_of(both) == (2, 9)


def test_inputs_by_name_or_in_order() -> None:
    assert shape_of(analyzer.analyze(tokens("batch", "sequence"), (1, 5))) == (1, 5)
    assert shape_of(analyzer.analyze(tokens("b", "s"), {"tokens": (4, 5)})) == (4, 5)


def test_one_input_tells_the_dimensions_of_another() -> None:
    add = helper.make_node("Add", ["a", "b"], ["y"])
    pair = model([add], {"a": ["n", "k"], "b": ["n", "k"]}, ["y"])
    report = analyzer.analyze(pair, {"a": (2, 3)})
    assert [tensor.shape for tensor in report.model.inputs] == [(2, 3), (2, 3)]
    with pytest.raises(InputError, match="'k' is 3 elsewhere and 4 here"):
        analyzer.analyze(pair, {"a": (2, 3), "b": (2, 4)})


def test_old_files_list_their_weights_among_the_inputs() -> None:
    report = analyzer.analyze(str(LIGHT / "light_squeezenet.onnx"))
    assert [tensor.name for tensor in report.model.inputs] == ["data_0"]


@pytest.mark.parametrize(
    ("inputs", "dims", "said"),
    [
        (None, {}, "have no size: tokens batchxsequence; give --dim sequence=N$"),
        (None, {"length": 3}, "no open dimension of this name; it has 'batch', 'sequence'"),
        ({"token": (1, 5)}, {}, "the model has no input 'token'; it has 'tokens'"),
        ((5,), {}, "takes 2 dimensions .* and tokens=5 has 1|has 1"),
        ("tokens=1x5:float32", {}, "takes int64 and float32 came"),
        ([(1, 5), (1, 6)], {}, "the model takes only 1"),
    ],
)
def test_what_does_not_fit(inputs: object, dims: dict[str, int], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        analyzer.analyze(tokens("batch", "sequence"), inputs, dims=dims)
    assert "\n" not in str(caught.value)


def test_a_fixed_dimension_stays_as_it_is() -> None:
    with pytest.raises(InputError, match="dimension 1 is fixed at 7 in the file and 8 came"):
        analyzer.analyze(tokens("batch", 7), (1, 8))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_file(tmp_path: Path, share: float) -> None:
    whole = (LIGHT / "light_squeezenet.onnx").read_bytes()
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelError, match=r"cut\.onnx") as caught:
        analyzer.analyze(str(cut))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no", b"\x08\x07", b"{}" * 100])
def test_no_onnx_at_all(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="no ONNX model"):
        analyzer.analyze(str(path))


def test_damaged_graphs() -> None:
    relu = helper.make_node("Relu", ["nowhere"], ["y"], name="act")
    with pytest.raises(ModelError, match="Relu node 'act': tensor 'nowhere' is made by no node"):
        analyzer.analyze(model([relu], {"x": [1]}, ["y"]))
    circle = [
        helper.make_node("Add", ["x", "b"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
    ]
    with pytest.raises(ModelError, match="form a circle"):
        analyzer.analyze(model(circle, {"x": [1]}, ["b"]))
    huge = onnx.TensorProto(name="w", data_type=1, dims=[2**31, 2**31])
    big = model([helper.make_node("Mul", ["x", "w"], ["y"])], {"x": [1, 1]}, ["y"], [huge])
    assert analyzer.analyze(big).totals.parameters.total == 2**62


@pytest.mark.parametrize("seed", range(40))
def test_mutated_files_end_in_a_report_or_one_line(tmp_path: Path, seed: int) -> None:
    numbers = random.Random(seed)
    content = bytearray((LIGHT / "light_squeezenet.onnx").read_bytes())
    for _ in range(numbers.choice((1, 2, 5))):
        content[numbers.randrange(len(content))] = numbers.randrange(256)
    path = tmp_path / "mutated.onnx"
    path.write_bytes(content)
    said = ""
    try:
        analyzer.analyze(str(path))
    except AnalyzerError as error:
        said = str(error)
    assert "\n" not in said


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "tokens.onnx"
    onnx.save(tokens("batch", "sequence"), path)
    assert "--dim sequence=N" in error(run("summary", str(path)), 2)
    assert run("summary", str(path), "--dim", "sequence=8").returncode == 0
    path.write_bytes(path.read_bytes()[:-40])
    assert "export or copy it again" in error(run("summary", str(path)), 3)


def test_no_framework_is_imported() -> None:
    code = (
        "import sys, analyzer; "
        f"analyzer.analyze({str(LIGHT / 'light_squeezenet.onnx')!r}); "
        "print([name for name in ('torch', 'tensorflow', 'keras', 'jax') if name in sys.modules])"
    )
    assert run(code=code).stdout.strip() == "[]"


def test_the_model_is_left_as_it_was() -> None:
    proto = tokens("batch", 7)
    before = proto.SerializeToString(deterministic=True)
    analyzer.analyze(proto)
    assert proto.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(
    ("operator", "left", "right"), [("Add", (2, 3), (2, 4)), ("MatMul", (2, 3), (4, 5))]
)
def test_sizes_that_do_not_go_together(
    operator: str, left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    node = helper.make_node(operator, ["x", "z"], ["y"], name="meet")
    graph = model([node], {"x": ["a", "b"], "z": ["c", "d"]}, ["y"])
    with pytest.raises(InputError, match=r"node .meet. gets 2x3 and .* do not go together"):
        analyzer.analyze(graph, {"x": left, "z": right})


READING: dict[str, tuple[dict[str, object], tuple[tuple[int, ...], ...], str]] = {
    "BatchNormalization": ({}, ((5,), (5,), (5,), (5,)), "2x4x7x7"),
    "Conv": ({}, ((6, 5, 3, 3),), "2x4x7x7"),
    "Conv, grouped": ({"group": 2}, ((6, 2, 3, 3),), "2x5x7x7"),
    "Conv, wide": ({"dilations": [3, 3]}, ((6, 4, 3, 3),), "2x4x7x6"),
    "Conv, padded": ({"pads": [1, 0, 0, 0]}, ((6, 4, 5, 3),), "2x4x3x3"),
    "ConvTranspose": ({}, ((5, 6, 3, 3),), "2x4x7x7"),
    "GRU": ({"hidden_size": 2}, ((1, 6, 5), (1, 6, 2)), "7x3x4"),
    "Gemm": ({}, ((5, 6),), "2x4"),
    "Gemm, transposed": ({"transB": 1}, ((6, 5),), "2x4"),
    "InstanceNormalization": ({}, ((5,), (5,)), "2x4x7x7"),
    "LSTM": ({"hidden_size": 2}, ((1, 8, 5), (1, 8, 2)), "7x3x4"),
    "RNN": ({"hidden_size": 2}, ((1, 2, 5), (1, 2, 2)), "7x3x4"),
}
"""Operators with attributes and the shapes of weights, and an input that these do not take."""


@pytest.mark.parametrize("case", READING)
def test_an_input_that_does_not_fit_the_weights(case: str) -> None:
    """ONNX's own inference gives a shape for most of them; ONNX Runtime refuses them all."""
    attributes, shapes, sizes = READING[case]
    names = [f"w{at}" for at in range(len(shapes))]
    operator = case.partition(",")[0]
    node = helper.make_node(operator, ["x", *names], ["y"], name="meet", **attributes)
    weights = [stored(name, *shape) for name, shape in zip(names, shapes, strict=True)]
    shape = tuple(map(int, sizes.split("x")))
    graph = model([node], {"x": [f"d{at}" for at in range(len(shape))]}, ["y"], weights)
    with pytest.raises(Exception, match=r"ONNXRuntimeError"):
        run_in_runtime(graph, {"x": np.ones(shape, dtype=np.float32)})
    with pytest.raises(InputError, match=rf"{operator} node .meet. gets {sizes} and .* do not go"):
        analyzer.analyze(graph, {"x": shape})
