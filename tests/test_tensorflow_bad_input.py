"""What is damaged or foreign is told in one line; what is unknown is listed by name."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from analyzer import AnalyzerError, InputError, ModelError, UsageError, analyze
from tests.commands import run


def graph(text: str) -> Any:
    """Read a ``GraphDef`` from text."""
    from google.protobuf import text_format

    return text_format.Parse(text, tf.compat.v1.GraphDef())


PLACE = """
node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } }
       attr { key: "shape" value { shape { dim { size: 2 } dim { size: 3 } } } } }
"""
FLOAT = 'attr { key: "T" value { type: DT_FLOAT } }'


def test_files_that_are_none(tmp_path: Path) -> None:
    for name, content, words in (
        ("broken.pb", b"\x0a\xff\xff\xff\xff\x0f", "is no graph of TensorFlow, or is damaged"),
        ("broken.pbtxt", b"node { name: ", "is no graph as text"),
        ("empty.pb", b"", "holds no nodes"),
        ("noise.pbtxt", b"\xff\xfe", "is no graph as text"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ModelError, match=words) as error:
            analyze(str(path))
        assert len(str(error.value).splitlines()) == 1
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(b"\x0a\xff\xff\xff\xff\x0f")
    with pytest.raises(ModelError, match="is damaged"):
        analyze(str(folder))
    (folder / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ModelError, match="holds no graph"):
        analyze(str(folder / "saved_model.pb"))


def test_a_cut_saved_model(tmp_path: Path) -> None:
    class Module(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec((2, 3))])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            return tf.nn.relu(x)

    tf.saved_model.save(Module(), str(tmp_path / "whole"))
    data = (tmp_path / "whole" / "saved_model.pb").read_bytes()
    assert analyze(str(tmp_path / "whole")).totals.flops == 6
    cut = tmp_path / "cut"
    cut.mkdir()
    for length in range(0, len(data), max(1, len(data) // 40)):
        (cut / "saved_model.pb").write_bytes(data[:length])
        with pytest.raises((ModelError, UsageError)) as error:
            analyze(str(cut))
        assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PLACE + 'node { name: "y" op: "Relu" input: "gone" ' + FLOAT + "}", "no node 'gone'"),
        (PLACE + 'node { name: "y" op: "Relu" input: "y" ' + FLOAT + "}", "no result"),
        (PLACE + PLACE, "stands twice"),
        (PLACE + 'node { name: "y" op: "Relu" input: "x:4" ' + FLOAT + "}", "has no output 4"),
        (PLACE + 'node { name: "y" op: "Add" input: "x" ' + FLOAT + "}", "cannot take inputs"),
        (
            PLACE + 'node { name: "y" op: "PartitionedCall" input: "x" '
            'attr { key: "f" value { func { name: "f" } } } }',
            "calls the function 'f', which it does not hold",
        ),
        (
            PLACE + 'node { name: "w" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } '
            'attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape '
            "{ dim { size: 5 } dim { size: 1 } } } } } }"
            'node { name: "y" op: "MatMul" input: "x" input: "w" ' + FLOAT + "}",
            "'y' [(]MatMul[)] cannot take inputs of 2x3, 5x1",
        ),
    ],
)
def test_graphs_that_are_damaged(text: str, words: str) -> None:
    with pytest.raises(ModelError, match=words) as error:
        analyze(graph(text))
    assert len(str(error.value).splitlines()) == 1


def test_custom_operations_are_unknown_by_name() -> None:
    model = graph(
        PLACE + 'node { name: "a" op: "MyOwn" input: "x" ' + FLOAT + "}"
        'node { name: "y" op: "Relu" input: "a" ' + FLOAT + "}"
        'node { name: "z" op: "Relu" input: "x" ' + FLOAT + "}"
    )
    report = analyze(model)
    unknown = [one.operation for one in report.coverage.unknown]
    assert unknown[0] == "tensorflow.MyOwn"
    assert not report.coverage.complete
    assert report.totals.flops == 6


def test_functions_that_call_themselves() -> None:
    model = graph(
        PLACE + 'node { name: "y" op: "PartitionedCall" input: "x" '
        'attr { key: "f" value { func { name: "f" } } } }'
        'library { function { signature { name: "f" input_arg { name: "a" type: DT_FLOAT } '
        'output_arg { name: "b" type: DT_FLOAT } } node_def { name: "c" op: "PartitionedCall" '
        'input: "a" attr { key: "f" value { func { name: "f" } } } } '
        'ret { key: "b" value: "c:output:0" } } }'
    )
    with pytest.raises(ModelError, match="calls itself"):
        analyze(model)


def test_a_saved_model_without_a_signature_or_with_several(tmp_path: Path) -> None:
    module = tf.Module()
    module.weight = tf.Variable([1.0])
    tf.saved_model.save(module, str(tmp_path / "none"))
    with pytest.raises(ModelError, match="has no signature"):
        analyze(str(tmp_path / "none"))
    make = tf.function(lambda x: x * 2.0)
    signatures = {
        name: make.get_concrete_function(tf.TensorSpec((None, size), name="x"))
        for name, size in (("small", 2), ("large", 20))
    }
    tf.saved_model.save(module, str(tmp_path / "two"), signatures=signatures)
    with pytest.raises(UsageError, match="several signatures, large, small"):
        analyze(str(tmp_path / "two"))
    report = analyze(str(tmp_path / "two"), arguments={"signature": "large"}, batch_size=3)
    assert report.totals.flops == 3 * 20


def test_functions_that_fail() -> None:
    def wrong(x: Any) -> Any:
        raise RuntimeError("no such thing\nand more")

    with pytest.raises(ModelError, match="cannot be traced on these inputs") as error:
        analyze(tf.function(wrong), inputs=[(2, 3)])
    assert len(str(error.value).splitlines()) == 1
    with pytest.raises(InputError, match="does not tell the shape"):
        analyze(tf.function(wrong))
    with pytest.raises(ModelError, match="cannot be called"):
        analyze(tf.Module())
    with pytest.raises(InputError, match="no open dimension of this name"):
        analyze(tf.function(lambda x: x), inputs=[(2, 3)], dims={"n": 2})


def test_the_command_says_one_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.pb"
    path.write_bytes(b"\x0a\xff\xff\xff\xff\x0f")
    done = run("summary", str(path))
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    np.testing.assert_equal(done.stdout, "")


def test_changed_bytes_are_told_in_one_line(tmp_path: Path) -> None:
    data = graph(
        PLACE.replace('"x"', '"several\\nlines"').replace("size: 2", "size: -1")
        + 'node { name: "w" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } '
        'attr { key: "value" value { tensor { dtype: DT_FLOAT float_val: 1 tensor_shape '
        "{ dim { size: 3 } dim { size: 4 } } } } } }"
        'node { name: "y" op: "MatMul" input: "several\\nlines" input: "w" ' + FLOAT + "}"
        'node { name: "z" op: "Relu" input: "y" ' + FLOAT + "}"
    ).SerializeToString()
    path = tmp_path / "changed.pb"
    draw = random.Random(0)
    told = []
    for _ in range(200):
        changed = bytearray(data)
        for _ in range(draw.choice([1, 2, 4])):
            changed[draw.randrange(len(changed))] = draw.randrange(256)
        path.write_bytes(changed)
        try:
            analyze(str(path))
        except AnalyzerError as error:
            told.append(str(error))
    assert told
    assert all(len(one.splitlines()) == 1 for one in told)
