"""What the ONNX importer takes, and that it never touches a weight."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

import analyzer
from analyzer import ModelError
from analyzer_onnx.importer import OnnxImporter
from analyzer_onnx.wire import WireError, lean
from tests.commands import error, run
from tests.onnx_files import field, write_chain, write_many_nodes
from tests.onnx_runs import model, stored

LIGHT = sorted((Path(onnx.__file__).parent / "backend" / "test" / "data" / "light").glob("*.onnx"))


def wide(rows: int = 40) -> onnx.ModelProto:
    """A product with a weight large enough to be left out, and one in a Constant."""
    kernel = numpy_helper.from_array(np.ones((64, 64), np.float32), "kernel")
    nodes = [
        helper.make_node("Constant", [], ["k"], value=kernel),
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("MatMul", ["h", "k"], ["y"]),
    ]
    return model(nodes, {"x": [rows, 48]}, ["y"], [stored("w", 48, 64)])


def numbers(report: analyzer.Report) -> object:
    return report.totals, report.coverage, report.layers


# Nothing but large elements is left out


def without_elements(tensor: onnx.TensorProto) -> onnx.TensorProto:
    bare = onnx.TensorProto()
    bare.CopyFrom(tensor)
    for name in (
        "raw_data",
        "float_data",
        "int32_data",
        "int64_data",
        "double_data",
        "string_data",
    ):
        bare.ClearField(name)
    return bare


@pytest.mark.parametrize("path", LIGHT, ids=lambda path: path.stem)
def test_a_file_without_large_tensors_stays_as_it_is(path: Path) -> None:
    content = path.read_bytes()
    assert lean(content) == content


@pytest.mark.parametrize(
    ("dtype", "elements", "kept"),
    [
        (np.float32, 16, True),
        (np.float32, 1000, False),
        (np.int64, 4096, True),
        (np.int64, 70_000, False),
        (np.bool_, 4096, True),
        (np.float64, 1000, False),
        (np.complex64, 1000, False),
    ],
)
@pytest.mark.parametrize("raw", [True, False])
def test_large_elements_go_and_integers_that_shapes_are_made_of_stay(
    dtype: type, elements: int, kept: bool, raw: bool
) -> None:
    array: np.ndarray = np.arange(elements).astype(dtype)
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    given = array.tobytes() if raw else array.tolist()
    tensor = helper.make_tensor("t", kind, [elements], given, raw=raw)
    whole = model([], {}, [], [tensor])
    found = onnx.ModelProto.FromString(lean(whole.SerializeToString()))
    assert found.graph.initializer[0] == (tensor if kept else without_elements(tensor))
    del found.graph.initializer[0], whole.graph.initializer[0]
    assert found == whole


def everywhere(weight: onnx.TensorProto) -> onnx.ModelProto:
    """A model with a weight in every place that the format has for one."""
    sparse = helper.make_sparse_tensor(weight, numpy_helper.from_array(np.arange(4096)), [9999])
    constant = helper.make_node("Constant", [], ["c"], value=weight)
    several = helper.make_node("Several", [], ["d"], domain="mine")
    several.attribute.add(name="tensors", type=9).tensors.extend([weight, weight])
    several.attribute.add(name="sparse", type=11).sparse_tensor.CopyFrom(sparse)
    several.attribute.add(name="sparses", type=12).sparse_tensors.append(sparse)
    inner = helper.make_graph([constant, several], "inner", [], [], [weight])
    outer = helper.make_node("If", ["p"], ["e"], then_branch=inner, else_branch=inner)
    graphs = helper.make_node("Graphs", [], ["f"], domain="mine", graphs=[inner])
    made = model([constant, several, outer, graphs], {}, [], [weight])
    made.graph.sparse_initializer.append(sparse)
    function = helper.make_function(
        "mine", "F", [], ["c"], [constant], [helper.make_opsetid("", 17)],
        attribute_protos=[helper.make_attribute("table", weight)],
    )  # fmt: skip
    made.functions.append(function)
    training = made.training_info.add()
    training.initialization.CopyFrom(inner)
    training.algorithm.CopyFrom(inner)
    return made


def test_weights_are_left_out_wherever_they_are() -> None:
    weight = stored("w", 64, 64)
    assert lean(everywhere(weight).SerializeToString()) == (
        everywhere(without_elements(weight)).SerializeToString()
    )


def test_elements_written_one_by_one_are_left_out() -> None:
    tensor = onnx.TensorProto(name="w", data_type=1, dims=[1000])
    apart = b"".join(b"\x25" + np.float32(at).tobytes() for at in range(1000))
    assert onnx.TensorProto.FromString(apart).float_data[999] == 999
    whole = field(7, field(5, tensor.SerializeToString() + apart))
    found = onnx.ModelProto.FromString(lean(whole))
    assert found.graph.initializer[0] == tensor


WHOLE = everywhere(stored("w", 20, 20)).SerializeToString()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 4), st.binary(max_size=3))
def test_what_protobuf_reads_is_read_and_nothing_else(at: int, gone: int, put: bytes) -> None:
    content = WHOLE[:at] + put + WHOLE[at + gone :]
    try:
        onnx.ModelProto.FromString(content)
        readable = True
    except DecodeError:
        readable = False
    refused = ""
    try:
        onnx.ModelProto.FromString(lean(content))
    except (DecodeError, WireError) as error:
        refused = f"refused: {error}"
    assert bool(refused) != readable or "bytes of elements" in refused


# Every form of a model is read alike


FORMS: dict[str, Callable[[onnx.ModelProto], object]] = {
    "ModelProto": lambda proto: proto,
    "bytes": lambda proto: proto.SerializeToString(),
    "bytearray": lambda proto: bytearray(proto.SerializeToString()),
    "memoryview": lambda proto: memoryview(proto.SerializeToString()),
    "every second byte": lambda proto: memoryview(
        b"".join(bytes([byte, 0]) for byte in proto.SerializeToString())
    )[::2],
    "onnx_ir": onnx_ir.from_proto,
}
SUFFIXES = {".onnx": None, ".onnxtxt": "onnxtxt", ".onnxtext": "onnxtxt", ".onnxjson": "json"}


@pytest.mark.parametrize("form", FORMS)
def test_objects(form: str) -> None:
    expected = analyzer.analyze(wide())
    report = analyzer.analyze(FORMS[form](wide()))
    assert numbers(report) == numbers(expected)
    assert report.model.name == "graph"
    assert report.totals.macs == 40 * 64 * (48 + 64)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"wide{suffix.upper()}"
    onnx.save(wide(), path, format=SUFFIXES[suffix])
    assert numbers(analyzer.analyze(str(path))) == numbers(analyzer.analyze(wide()))


def test_the_format_of_onnx_runtime_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "model.ort").write_bytes(b"\x00ORTM")
    with pytest.raises(ModelError, match=r"only that reads; give the \.onnx file that it was made"):
        analyzer.analyze(str(tmp_path / "model.ort"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"{}", b"\x89HDF", b"\x80\x04"])
def test_other_bytes_are_nobodys(content: bytes) -> None:
    assert not OnnxImporter().accepts(content)


def test_a_model_of_onnx_ir_is_neither_computed_nor_changed() -> None:
    def never() -> onnx_ir.Tensor:
        raise AssertionError("a weight was asked for")

    ir = onnx_ir.from_proto(wide())
    lazy = onnx_ir.LazyTensor(
        never, dtype=onnx_ir.DataType.FLOAT, shape=onnx_ir.Shape((48, 64)), name="kept"
    )
    ir.graph.initializers["w"].const_value = lazy
    constant = next(node for node in ir.graph if node.op_type == "Constant").attributes["value"]
    assert analyzer.analyze(ir).totals.parameters.total == 48 * 64 + 64 * 64
    assert ir.graph.initializers["w"].const_value is lazy
    assert lazy.name == "kept"
    assert next(iter(ir.graph)).attributes["value"] is constant
    ir.graph.initializers["w"].const_value = None  # a model whose weights were taken out
    assert analyzer.analyze(ir).totals.parameters.total == 48 * 64 + 64 * 64


def test_a_model_of_onnx_ir_that_cannot_be_written() -> None:
    ir = onnx_ir.from_proto(wide())
    node = next(node for node in ir.graph if node.op_type == "MatMul")
    node.attributes["odd"] = onnx_ir.Attr("odd", onnx_ir.AttributeType.SPARSE_TENSOR, object())
    with pytest.raises(ModelError, match="onnx_ir model 'graph' cannot be written") as caught:
        analyzer.analyze(ir)
    assert "\n" not in str(caught.value)


def test_objects_are_told_without_their_packages() -> None:
    code = (
        "import sys; from analyzer_onnx.importer import OnnxImporter; "
        "print(OnnxImporter().accepts(object()), OnnxImporter().accepts(bytes([8, 7])), "
        "[name for name in ('onnx', 'onnx_ir', 'numpy') if name in sys.modules])"
    )
    assert run(code=code).stdout.strip() == "False True []"


# Weights in other files


def outside(tmp_path: Path, location: str, **told: str) -> Path:
    weight = onnx.TensorProto(name="w", data_type=1, dims=[48, 64], data_location=1)
    for key, value in {"location": location, **told}.items():
        weight.external_data.add(key=key, value=value)
    proto = wide()
    proto.graph.initializer[0].CopyFrom(weight)
    path = tmp_path / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


@pytest.mark.parametrize("there", [True, False])
def test_other_files_are_never_opened(tmp_path: Path, there: bool) -> None:
    path = outside(tmp_path, "w.bin", offset="64", length=str(48 * 64 * 4))
    if there:
        (tmp_path / "w.bin").write_bytes(bytes(64 + 48 * 64 * 4))
        (tmp_path / "w.bin").chmod(0)
    code = (
        "import sys; opened = []; "
        "sys.addaudithook(lambda event, args: event == 'open' and opened.append(str(args[0]))); "
        f"import analyzer; report = analyzer.analyze({str(path)!r}); "
        "print(report.totals.parameters.total, len(report.notes), "
        "sum(name.endswith('.onnx') for name in opened), any('w.bin' in name for name in opened))"
    )
    assert run(code=code).stdout.split() == [str(48 * 64 + 64 * 64), str(1 - there), "1", "False"]


def test_a_short_file_beside_the_model_is_a_note(tmp_path: Path) -> None:
    path = outside(tmp_path, "w.bin", offset="64")
    (tmp_path / "w.bin").write_bytes(bytes(100))
    (note,) = analyzer.analyze(str(path)).notes
    assert note.startswith("'w.bin' is cut short: weights are kept in its first 12352 bytes")


@pytest.mark.parametrize("location", ["../w.bin", "/etc/passwd", "data/../../w", "C:\\w", "..\\w"])
def test_a_path_that_leaves_the_folder_is_not_followed(tmp_path: Path, location: str) -> None:
    path = outside(tmp_path, location)
    (note,) = analyzer.analyze(str(path)).notes
    assert "outside the folder of the model" in note
    assert "not looked at" in note


@pytest.mark.parametrize("location", ["w\0.bin", "w" * 5000, "no/such/folder/w.bin"])
def test_a_name_that_no_file_can_have_is_absent(tmp_path: Path, location: str) -> None:
    (note,) = analyzer.analyze(str(outside(tmp_path, location))).notes
    assert "which is not there" in note
    assert "\n" not in note


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"location": ""}, "the model does not say in which"),
        ({"location": "w.bin", "offset": "-4"}, "the offset of its data, '-4', is no number"),
        ({"location": "w.bin", "offset": "many"}, "the offset of its data, 'many', is no number"),
        ({"location": "w.bin", "length": "12"}, "takes 12288 bytes, and the model says that 12"),
        (
            {"location": "w.bin", "length": "9" * 400},
            "takes 12288 bytes, and the model says that 9",
        ),
    ],
)
def test_nonsense_of_other_files(tmp_path: Path, told: dict[str, str], said: str) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        analyzer.analyze(str(outside(tmp_path, **told)))
    assert "\n" not in str(caught.value)


# Operator sets


@pytest.mark.parametrize("opset", [6, 7, 13, 17, onnx.defs.onnx_opset_version()])
def test_operator_sets(opset: int) -> None:
    report = analyzer.analyze(
        model([helper.make_node("Relu", ["x"], ["y"])], {"x": [3]}, ["y"], opset=opset)
    )
    assert report.totals.flops == 3
    assert [note for note in report.notes if "before 7" in note] == list(report.notes)
    assert len(report.notes) == (opset < 7)


def test_an_operator_set_of_the_future() -> None:
    relu = helper.make_node("Relu", ["x"], ["y"])
    (note,) = analyzer.analyze(model([relu], {"x": [3]}, ["y"], opset=999)).notes
    assert note.startswith("the file uses operator set 999, and the onnx ")


@pytest.mark.parametrize("version", [0, -1, 2**40])
def test_operator_sets_that_cannot_be(version: int) -> None:
    made = model([helper.make_node("Relu", ["x"], ["y"])], {"x": [3]}, ["y"], opset=17)
    made.opset_import[0].version = version
    with pytest.raises(ModelError, match=f"no operator set 'ai.onnx' of version {version}"):
        analyzer.analyze(made)


# Speed and memory

_MEASURE = """
import time
start = time.perf_counter()
{}
print(time.perf_counter() - start)
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def measured(code: str) -> tuple[float, int]:
    """Return the seconds and the most memory, in KiB, of a process that runs this."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE.format(code)], capture_output=True, text=True, check=True
    )
    seconds, kib = done.stdout.split()
    return float(seconds), int(kib)


@linux
def test_memory_does_not_grow_with_weights(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    macs = write_chain(path, layers=300, features=1500)
    assert path.stat().st_size > 2**31  # which protobuf refuses
    _, kib = measured(
        f"import analyzer; assert analyzer.analyze({str(path)!r}).totals.macs == {macs}"
    )
    assert kib < 200 * 1024


@linux
@pytest.mark.slow
def test_a_file_of_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    macs = write_chain(path, layers=28, features=3584)
    theirs, _ = measured(f"import onnx; onnx.load({str(path)!r})")
    ours, kib = measured(
        f"import analyzer; assert analyzer.analyze({str(path)!r}).totals.macs == {macs}"
    )
    assert ours < theirs / 3
    assert kib < 200 * 1024


def test_the_collector_of_garbage_is_left_as_it_was() -> None:
    relu = model([helper.make_node("Relu", ["x"], ["y"])], {"x": [3]}, ["y"])
    assert gc.isenabled()
    analyzer.analyze(relu)
    assert gc.isenabled()
    gc.disable()
    try:
        analyzer.analyze(relu)
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.slow
def test_cost_grows_with_nodes_and_no_faster(tmp_path: Path) -> None:
    seconds = []
    for blocks in (1250, 5000):
        path = tmp_path / f"{blocks}.onnx"
        write_many_nodes(path, blocks)
        start = time.process_time()
        report = analyzer.analyze(str(path))
        seconds.append(time.process_time() - start)
        assert report.coverage.counted == 3 * blocks
    assert seconds[1] < 6 * seconds[0]
    assert seconds[1] < 15  # 3 where nothing else runs


def test_the_command_reads_bytes_of_no_model_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder.onnx").mkdir()
    assert "is no regular file" in error(run("summary", str(tmp_path / "folder.onnx")), 3)
