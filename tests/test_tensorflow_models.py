"""SavedModels, frozen graphs, modules and functions: the same numbers as the models they are of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from analyzer import (
    Importer,
    InputError,
    ModelError,
    Report,
    Request,
    UsageError,
    analyze,
    normalize_inputs,
)
from analyzer.testing import ImporterConformance
from analyzer_tensorflow import TensorFlowImporter
from tests.tensorflow_graphs import counts, frozen, saved, tagger, transformer, vision, work_of

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="Keras exports with TensorFlow"
)


def check_all_forms(model: Any, shape: tuple[int, ...], folder: Path) -> Report:
    """Hold a SavedModel and a frozen graph to the Keras model that they are of."""
    known = analyze(model, inputs=[shape])
    of_file = analyze(str(saved(model, folder)), batch_size=shape[0])
    of_graph = analyze(frozen(model, shape))
    assert of_file.coverage.complete
    assert of_graph.coverage.complete
    assert counts(of_file) == counts(known)
    # A graph holds what it reads alone, and a layer's statistics may be numbers in it.
    assert {**counts(of_graph), "state": None} == {**counts(known), "state": None}
    assert counts(of_graph)["state"] <= counts(known)["state"]
    assert of_file.totals.flops == of_graph.totals.flops
    return of_file


@pytest.mark.parametrize("make", [vision, tagger, transformer])
def test_every_form_of_a_model_has_the_same_numbers(
    make: Callable[[], Any], tmp_path: Path
) -> None:
    model = make()
    shape = (2, *model.inputs[0].shape[1:])
    report = check_all_forms(model, shape, tmp_path / "saved")
    trained = sum(one.elements for one in report.model.parameters if one.trainable)
    assert trained == sum(int(np.prod(one.shape)) for one in model.trainable_variables)


def test_the_step_that_keras_traces_to_see_the_shape_of_a_masked_output_is_not_counted(
    tmp_path: Path,
) -> None:
    layers = keras.layers
    embedded = layers.Embedding(50, 8, mask_zero=True)
    recurrent = layers.Bidirectional(layers.LSTM(6, return_sequences=True))
    model = keras.Sequential([keras.Input((7,), dtype="int32"), embedded, recurrent])
    found = analyze(str(saved(model, tmp_path / "masked")), batch_size=3)
    assert counts(found) == counts(analyze(model, batch_size=3))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["EfficientNetB0", "MobileNetV2", "ResNet50"])
def test_models_of_the_zoo(name: str, tmp_path: Path) -> None:
    model = getattr(keras.applications, name)(weights=None)
    check_all_forms(model, (1, 224, 224, 3), tmp_path / name)


def test_a_saved_model_tells_layers_names_and_signatures(tmp_path: Path) -> None:
    folder = saved(vision(), tmp_path / "vision")
    report = analyze(str(folder / "saved_model.pb"), arguments={"signature": "serve"})
    assert not report.notes
    assert report.model.framework == "TensorFlow"
    assert report.model.framework_version == tf.__version__
    kernels = {one.name: one for one in report.model.parameters if one.role == "kernel"}
    assert any(name.endswith("first/kernel") for name in kernels)
    assert all(one.trainable and not one.assumed for one in kernels.values())
    paths = {one.path: one for one in report.model.layers}
    (convolution,) = (path for path in paths if path.startswith("first"))
    assert paths[convolution].type == "Conv2D"
    assert paths[convolution].outputs[0].shape == (1, 20, 20, 4)
    with pytest.raises(UsageError, match="has no signature 'mine'; it has serve, serving_default"):
        analyze(str(folder), arguments={"signature": "mine"})
    with pytest.raises(UsageError, match="takes only signature="):
        analyze(str(folder), arguments={"outputs": "x"})
    with pytest.raises(InputError, match=r"the model takes .*\?x24x24x3"):
        analyze(str(folder), inputs=[(1, 20, 24, 3)])


class Net(tf.Module):  # type: ignore[misc]
    """A module as TensorFlow's guide writes it: variables, scopes, functions in functions."""

    def __init__(self) -> None:
        super().__init__(name="net")
        self.kernel = tf.Variable(tf.ones((8, 6)), name="kernel")
        self.bias = tf.Variable(tf.zeros((6,)), name="bias", trainable=False)
        self.table = tf.Variable(tf.ones((30, 8)), name="table")

    @tf.function  # type: ignore[untyped-decorator]
    def project(self, x: Any) -> Any:
        return tf.nn.relu(tf.matmul(x, self.kernel) + self.bias)

    @tf.function  # type: ignore[untyped-decorator]
    def __call__(self, words: Any) -> Any:
        with tf.name_scope("look_up"):
            x = tf.gather(self.table, words)
        with tf.name_scope("project"):
            return self.project(tf.reshape(x, (-1, 8)))


def test_a_module_is_read_by_its_call() -> None:
    net = Net()
    before = [one.numpy().tolist() for one in net.variables]
    report = analyze(net, inputs=["words=4x5:int32"])
    assert report.totals.macs == 4 * 5 * 8 * 6
    assert next(node.operation.kind for node in report.model.nodes or ()) == "Embedding"
    stored = [one for one in report.model.parameters if one.kind != "constant"]  # shapes
    assert {one.name: (one.role, one.kind, one.trainable) for one in stored} == {
        "bias": ("bias", "learnable", False),
        "kernel": ("kernel", "learnable", True),
        "table": ("embedding", "learnable", True),
    }
    assert {"look_up", "project"} <= {layer.path for layer in report.model.layers}
    assert [one.numpy().tolist() for one in net.variables] == before
    with pytest.raises(InputError, match="does not tell the shape of its inputs"):
        analyze(net)


def test_functions_graphs_and_definitions() -> None:
    net = Net()
    concrete = net.__call__.get_concrete_function(tf.TensorSpec((None, 5), tf.int32))
    whole = analyze(concrete, batch_size=4)
    assert whole.totals.macs == 4 * 5 * 8 * 6
    part = analyze(net.project, inputs=[(20, 8)])
    assert part.totals.macs == whole.totals.macs
    assert (whole.model.name, part.model.name) == ("__call__", "project")
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, (None, 4), name="x")
        w = tf.compat.v1.get_variable("w", (4, 3), use_resource=False)
        tf.nn.softmax(tf.matmul(x, w), name="y")
    for model in (graph, graph.as_graph_def()):
        report = analyze(model, inputs=["x=2x4"])
        assert work_of(report) == ["Linear", "Softmax"]
        assert counts(report)["learnable"] == 12


class Int8(tf.Module):  # type: ignore[misc]
    """A layer whose weights are integers with a scale, one or two in a byte."""

    def __init__(self, packed: bool) -> None:
        super().__init__()
        kernel = np.arange(24 // (2 if packed else 1)).reshape(-1, 3)
        self.kernel = tf.Variable(kernel, trainable=False, dtype=tf.int8)
        self.zero = tf.Variable([1, 2, 3], trainable=False, dtype=tf.int8)
        self.scale = tf.Variable(tf.ones((2, 3)), trainable=False)
        self.group = tf.Variable([0, 0, 0, 0, 1, 1, 1, 1], trainable=False)
        self.packed = packed

    def __call__(self, x: Any) -> Any:
        kernel = tf.convert_to_tensor(self.kernel)
        if self.packed:
            halves = tf.bitwise.bitwise_and(kernel, 15), tf.bitwise.right_shift(kernel, 4)
            kernel = tf.reshape(tf.stack(halves, 1), (-1, 3))
        scale = tf.gather(self.scale, self.group)
        return x @ (tf.cast(kernel - self.zero, tf.float32) * scale)


@pytest.mark.parametrize(("packed", "dtype"), [(False, "int8"), (True, "int4")])
def test_weights_that_were_quantised_are_learnable_by_their_logical_elements(
    packed: bool, dtype: str
) -> None:
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    module = Int8(packed)
    x = tf.zeros((5, 8))  # a tensor of TensorFlow tells its shape and type
    call = tf.function(module).get_concrete_function(x)
    for model, inputs in ((module, [x]), (convert_variables_to_constants_v2(call), None)):
        report = analyze(model, inputs)
        assert report.totals.macs == 5 * 8 * 3
        (kernel,) = [one for one in report.model.parameters if one.kind == "learnable"]
        assert (kernel.role, kernel.elements, kernel.dtype) == ("kernel", 8 * 3, dtype)
        assert kernel.stored_bytes == (12 if packed else 24)


def test_files_of_graphs(tmp_path: Path) -> None:
    graph = frozen(vision(), (1, 24, 24, 3))
    binary, text = tmp_path / "graph.pb", tmp_path / "graph.pbtxt"
    tf.io.write_graph(graph, str(tmp_path), binary.name, as_text=False)
    tf.io.write_graph(graph, str(tmp_path), text.name, as_text=True)
    assert counts(analyze(str(binary))) == counts(analyze(str(text))) == counts(analyze(graph))
    name = next(node.name for node in graph.node if node.op == "Conv2D")
    report = analyze(str(binary), arguments={"outputs": name})
    assert work_of(report) == ["Convolution"]
    with pytest.raises(ModelError, match="has no node 'nowhere'"):
        analyze(str(binary), arguments={"outputs": "nowhere"})


def test_what_frozen_constants_are(tmp_path: Path) -> None:
    report = analyze(frozen(vision(), (1, 24, 24, 3)))
    roles = {one.role: one for one in report.model.parameters}
    assert roles["kernel"].kind == "learnable"
    assert not roles["kernel"].assumed
    assert roles["running mean"].kind == roles["running variance"].kind == "state"


def test_inputs_that_nothing_tells_are_asked_for() -> None:
    function = tf.function(
        lambda a, b: a @ b,
        input_signature=[tf.TensorSpec((None, None), name="a"), tf.TensorSpec(None, name="b")],
    )
    with pytest.raises(
        InputError, match=r"a \?x\?, b of any rank; give --input a=1xN --input b=NxN"
    ):
        analyze(function)
    assert analyze(function, inputs=["a=2x3", "b=3x4"]).totals.macs == 2 * 3 * 4
    with pytest.raises(ModelError, match="cannot take inputs of 2x3, 5x4"):
        analyze(function, inputs=["a=2x3", "b=5x4"])
    with pytest.raises(InputError, match="'c' is not an input of the model; it has a, b"):
        analyze(function, inputs=["c=2x3"])


def test_what_was_saved_reads_as_what_is_loaded(tmp_path: Path) -> None:
    folder = saved(tagger(), tmp_path / "tagger")
    loaded = tf.saved_model.load(str(folder))
    assert counts(analyze(loaded)) == counts(analyze(str(folder)))


def test_graphs_of_tensorflow_1_with_their_variables(tmp_path: Path) -> None:
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        x = v1.placeholder(tf.float32, (None, 8, 8, 3), name="x")
        kernel = v1.get_variable("conv/kernel", (3, 3, 3, 4), use_resource=False)
        bias = v1.get_variable("conv/bias", (4,), use_resource=True)
        mean = v1.get_variable("mean", (4,), trainable=False)
        y = tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias) - mean
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(tmp_path / "old"), {"x": x}, {"y": y})
    report = analyze(str(tmp_path / "old"), batch_size=2)
    assert report.totals.macs == 2 * 8 * 8 * 4 * 3 * 3 * 3
    assert {one.name: (one.kind, one.trainable) for one in report.model.parameters} == {
        "conv/kernel": ("learnable", True),
        "conv/bias": ("learnable", True),
        "mean": ("state", False),
    }


class TestConformance(ImporterConformance):
    """What every importer must do, damaged files of every suffix included."""

    @pytest.fixture
    def importer(self) -> Importer:
        return TensorFlowImporter()

    @pytest.fixture
    def model(self) -> object:
        return Net()

    @pytest.fixture
    def expected_total(self) -> int:
        return sum(int(np.prod(one.shape)) for one in Net().variables)

    @pytest.fixture
    def request_for_model(self) -> Request:
        return Request(inputs=normalize_inputs(["words=4x5:int32"]), name="net")

    def fingerprint(self, model: object) -> object:
        assert isinstance(model, Net)
        return [(one.name, one.numpy().tolist()) for one in model.variables]


def test_variables_of_one_name_and_those_that_nothing_reads(tmp_path: Path) -> None:
    class Twins(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.parts = [tf.Variable(tf.ones((4, 4)), name="kernel") for _ in range(3)]
            self.parts.append(tf.Variable(tf.ones((4, 4)), name="kernel", trainable=False))

        @tf.function(input_signature=[tf.TensorSpec((2, 4))])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            return x @ self.parts[0] @ self.parts[1]

    twins = Twins()
    tf.saved_model.save(twins, str(tmp_path / "twins"))
    for model in (twins, str(tmp_path / "twins")):
        report = analyze(model)
        assert sum(one.elements for one in report.model.parameters) == 4 * 16
        assert len({one.name for one in report.model.parameters}) == 4
        assert "2 variables of the model are not read by this graph" in report.notes


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")  # of T5's own masks
@pytest.mark.parametrize("name", ["Gemma", "Llama", "T5"])
def test_language_models_of_keras_hub(name: str, tmp_path: Path) -> None:
    models = pytest.importorskip("keras_hub").models
    sizes = {"vocabulary_size": 50, "num_layers": 2, "hidden_dim": 8, "intermediate_dim": 32}
    heads: dict[str, dict[str, int]] = {
        "Gemma": {"num_query_heads": 4, "num_key_value_heads": 1, "head_dim": 4},
        "Llama": {"num_query_heads": 4, "num_key_value_heads": 2},
        "T5": {"num_heads": 2, "key_value_dim": 4},
    }
    model = getattr(models, f"{name}Backbone")(**sizes, **heads[name])
    inputs = [f"{one.name}=2x{6 if 'decoder' in one.name else 8}" for one in model.inputs]
    known = analyze(model, inputs=inputs)
    found = analyze(str(saved(model, tmp_path / name)), inputs=inputs)
    assert found.coverage.complete
    assert counts(found) == counts(known)
