"""Files of Keras models: every kind reads as the model it came from, and nothing in one is run."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer import AnalyzerError, InputError, ModelError, UsageError, analyze
from analyzer.discovery import registry
from analyzer.errors import MissingFrameworkError
from analyzer_keras import stored
from tests.commands import error, run

layers, ops = keras.layers, keras.ops

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning",  # Keras's saving
    "ignore:The object being serialized includes a `lambda`:UserWarning",
)


@keras.saving.register_keras_serializable("tests_of_files")
class Net(keras.Model):  # type: ignore[misc]
    """A subclass with a branch, whose layers are made by themselves."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.conv = layers.Conv2D(4, 3, padding="same", name="conv")
        self.norm = layers.BatchNormalization(name="norm")
        self.head = layers.Dense(2, name="head")

    def call(self, x: Any, training: bool = False) -> Any:
        y = ops.relu(self.norm(self.conv(x), training=training))
        return self.head(ops.mean(y, axis=(1, 2)))


@keras.saving.register_keras_serializable("tests_of_files")
class Pair(keras.layers.Layer):  # type: ignore[misc]
    """Runs two layers, which may be one and the same."""

    def __init__(self, first: Any, second: Any, **settings: Any) -> None:
        super().__init__(**settings)
        self.first, self.second = first, second

    def build(self, shape: Any) -> None:
        for layer in (self.first, self.second):
            if not layer.built:
                layer.build(shape)

    def call(self, x: Any) -> Any:
        return self.first(x) + self.second(x)

    def get_config(self) -> dict[str, Any]:
        pair = {"first": self.first, "second": self.second}
        held = {key: keras.saving.serialize_keras_object(layer) for key, layer in pair.items()}
        return {**super().get_config(), **held}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        for key in ("first", "second"):
            config[key] = keras.saving.deserialize_keras_object(config[key])
        return cls(**config)


def recurrent() -> Any:
    return keras.Sequential(
        [
            layers.Input((9,), dtype="int32"),
            layers.Embedding(50, 8, mask_zero=True),
            layers.Bidirectional(layers.LSTM(6, return_sequences=True)),
            layers.RNN([layers.GRUCell(5), layers.SimpleRNNCell(4)]),
            layers.Dense(3, activation="softmax"),
        ]
    )


def several() -> Any:
    left, right = layers.Input((8,), name="left"), layers.Input((6,), name="right")
    shared = layers.Dense(4, name="shared")
    a = shared(layers.Dense(5, name="narrow")(left))
    b = shared(layers.Dense(5, name="wide")(right))
    both = layers.Concatenate(name="concatenate")([a, ops.tanh(b)])
    return keras.Model(
        {"left": left, "right": right}, {"sum": a + b, "both": layers.Dense(2, name="out")(both)}
    )


def nested() -> Any:
    inner = keras.Sequential(
        [layers.Input((4,)), layers.Dense(3, name="a"), layers.BatchNormalization(name="norm")],
        name="inner",
    )
    x = layers.Input((4,), name="x")
    return keras.Model(x, layers.Dense(4, name="b")(inner(x)))


def attention() -> Any:
    x = layers.Input((5, 8), name="x")
    y = layers.LayerNormalization(name="norm")(x)
    return keras.Model(x, x + layers.MultiHeadAttention(2, 4, name="attention")(y, y))


def images() -> Any:
    return keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Rescaling(1 / 255.0),
            layers.RandomFlip(),
            layers.Resizing(8, 8),
            layers.TimeDistributed(layers.Conv1D(3, 3)),
            layers.SpectralNormalization(layers.Conv2D(4, 3)),
            layers.PReLU(),
        ]
    )


def quantised() -> Any:
    model = keras.Sequential(
        [
            layers.Input((6,), dtype="int32"),
            layers.Embedding(10, 8, name="embedding"),
            layers.Dense(5, name="dense"),
        ]
    )
    model.quantize("int8", filters=["embedding", "dense"])
    return model


def adapted_by_lora() -> Any:
    dense = layers.Dense(5)
    model = keras.Sequential([layers.Input((6,)), dense])
    dense.enable_lora(2)
    return model


def statistics() -> Any:
    norm = layers.Normalization()
    norm.adapt(np.zeros((3, 4), "float32"))
    return keras.Sequential([layers.Input((4,)), norm])


def built_late() -> Any:
    model = keras.Sequential([layers.Dense(2)])
    model.build((None, 3))
    return model


def subclassed() -> Any:
    model = Net()
    model(np.zeros((1, 8, 8, 3), "float32"))
    return model


def sharing() -> Any:
    one = layers.Dense(4, name="one")
    return keras.Sequential([layers.Input((4,)), Pair(one, one)])


def mixed() -> Any:
    return keras.Sequential([layers.Input((4,)), layers.Dense(4, dtype="mixed_bfloat16")])


MODELS = [recurrent, several, nested, attention, images, quantised, adapted_by_lora]
MODELS += [statistics, built_late, subclassed, sharing, mixed]
NOT_WHOLE = {
    attention: (".h5",),
    several: (".h5",),
    sharing: (".h5", ".json"),
    subclassed: (".h5",),
}
"""What Keras itself does not write whole: operations and subclasses to HDF5, and nowhere but in an
archive that two layers are one."""


def write(model: Any, path: Path) -> Path:
    if path.suffix == ".json":
        path.write_text(model.to_json())
    elif path.suffix:
        model.save(path)
    else:
        path.mkdir()
        (path / "config.json").write_text(model.to_json())
    return path


def numbers(model: object, inputs: object = None) -> dict[str, Any]:
    found = analyze(model, inputs).to_dict()
    found["model"] |= {"name": "", "source": ""}
    return found


@pytest.mark.parametrize(
    ("make", "suffix"),
    [
        (make, suffix)
        for make in MODELS
        for suffix in ("", ".h5", ".json", ".keras")
        if (suffix or ".json") not in NOT_WHOLE.get(make, ())
    ],
)
def test_a_file_reads_as_the_model_it_came_from(
    make: Callable[[], Any], suffix: str, tmp_path: Path
) -> None:
    keras.utils.clear_session()  # so that layers without names are called as in a new process
    model = make()
    path = write(model, tmp_path / f"model{suffix}")
    found = numbers(path)
    assert found == numbers(model)
    told = found["totals"]["parameters"]
    assert told["trainable"] == sum(int(np.prod(one.shape)) for one in model.trainable_weights)
    assert sum(told[kind] for kind in ("total", "state", "constants")) == sum(
        int(np.prod(one.shape)) for one in model.weights
    )


def test_a_file_reads_the_same_whatever_was_made_before(tmp_path: Path) -> None:
    path = write(keras.Sequential([layers.Dense(2, name="a"), layers.ReLU()]), tmp_path / "m.json")
    first = analyze(path, (1, 3)).to_dict()
    layers.ReLU()
    before = layers.Dense(2).name
    assert analyze(path, (1, 3)).to_dict() == first
    assert layers.Dense(2).name == f"dense_{int(before.partition('_')[2] or 0) + 1}"


def test_the_name_of_a_model_is_that_of_its_file(tmp_path: Path) -> None:
    folder = write(nested(), tmp_path / "here")
    assert analyze(folder).model.name == "here"
    assert analyze(folder / "config.json").model.name == "here"
    assert analyze(write(nested(), tmp_path / "there.json")).model.name == "there"


def test_weights_are_not_read(tmp_path: Path) -> None:
    path = write(nested(), tmp_path / "model.keras")
    expected = numbers(path)
    config = zipfile.ZipFile(path).read("config.json")
    with zipfile.ZipFile(path, "w") as archive:  # no weights, no metadata
        archive.writestr("config.json", config)
    assert numbers(path) == expected
    hdf5 = write(recurrent(), tmp_path / "model.hdf5")
    expected = numbers(hdf5)
    with h5py.File(hdf5, "r+") as file:
        del file["model_weights"]
    assert numbers(hdf5) == expected


def fitted() -> Any:
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3, name="dense")])
    model.compile("adam", "mse")
    model.fit(np.zeros((2, 4)), np.zeros((2, 3)), verbose=0)
    return model


@pytest.mark.parametrize("suffix", [".h5", ".json", ".keras"])
def test_what_the_optimizer_keeps_is_told_of_a_file_too(suffix: str, tmp_path: Path) -> None:
    model = fitted()
    kept = sum(int(np.prod(one.shape)) for one in model.optimizer.variables)
    (note,) = analyze(write(model, tmp_path / f"model{suffix}")).notes
    assert f"the optimizer (Adam) keeps {kept} numbers of its own" in note
    assert analyze(model).notes == (note,)


def test_what_a_model_was_compiled_with_need_not_be_known(tmp_path: Path) -> None:
    class Mine(keras.optimizers.SGD):  # type: ignore[misc]
        pass

    def loss(one: Any, other: Any) -> Any:
        return ops.sum(one - other)

    model = keras.Sequential([layers.Input((4,)), layers.Dense(3)])
    model.compile(Mine(), loss)
    for suffix in (".json", ".keras"):
        report = analyze(write(model, tmp_path / f"model{suffix}"))
        assert report.totals.parameters.total == 15
        assert "an optimizer that is not known here" in report.notes[0]


# Which importer a JSON file or a folder belongs to.


@pytest.mark.parametrize(
    ("content", "taker"),
    [
        ({"model_type": "bert"}, "torch"),
        ({"_class_name": "UNet2DModel"}, "torch"),
        ({"class_name": "Sequential", "config": {"name": "a", "layers": []}}, "keras"),
        ({"class_name": "Sequential", "config": {}, "model_type": "bert"}, "torch"),
        ({"class_name": "a list", "config": 1}, None),
        ({"something": "else"}, None),
        ([], None),
    ],
)
def test_what_takes_a_json_file(content: object, taker: str | None, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(content))
    for place in (path, tmp_path):
        takers = [one.name for one in registry().importers.values() if one.takes(place)]
        assert takers == ([taker] if taker else [])


# Keras 2.

OLD_LAYERS: list[dict[str, Any]] = [
    {
        "class_name": "InputLayer",
        "config": {
            "batch_input_shape": {"class_name": "__tuple__", "items": [None, 8, 8, 3]},
            "dtype": "float32",
            "name": "image",
            "ragged": False,
            "sparse": False,
        },
        "inbound_nodes": [],
        "name": "image",
    },
    {
        "class_name": "Conv2D",
        "config": {
            "activation": "relu",
            "data_format": "channels_last",
            "filters": 4,
            "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
            "kernel_size": [3, 3],
            "name": "conv",
            "trainable": True,
        },
        "inbound_nodes": [[["image", 0, 0, {}]]],
        "name": "conv",
    },
    {
        "class_name": "BatchNormalization",
        "config": {"axis": [3], "epsilon": 0.001, "name": "norm", "trainable": True},
        "inbound_nodes": [[["conv", 0, 0, {}]]],
        "name": "norm",
    },
]


def old(*more: dict[str, Any], version: str = "2.11.0") -> dict[str, Any]:
    """Return what ``model.to_json()`` of Keras 2 wrote for a functional model."""
    every = [*OLD_LAYERS, *more]
    return {
        "class_name": "Functional",
        "config": {
            "name": "old",
            "layers": every,
            "input_layers": [["image", 0, 0]],
            "output_layers": [[every[-1]["name"], 0, 0]],
        },
        "keras_version": version,
        "backend": "tensorflow",
    }


@pytest.mark.parametrize("suffix", [".h5", ".json"])
def test_a_file_of_keras_2(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"old{suffix}"
    if suffix == ".json":
        path.write_text(json.dumps(old()))
    else:
        with h5py.File(path, "w") as file:
            file.attrs["keras_version"] = np.bytes_(b"2.11.0")
            file.attrs["model_config"] = json.dumps(old()).encode()
    report = analyze(path)
    assert report.totals.parameters.total == 3 * 3 * 3 * 4 + 4 + 2 * 4
    assert report.totals.parameters.state == 2 * 4
    assert report.totals.macs == 6 * 6 * 4 * 27


def test_an_archive_of_keras_2(tmp_path: Path) -> None:
    dense = {"units": 3, "name": "dense", "trainable": True}
    place = {"batch_input_shape": [None, 4], "name": "x"}
    nodes: list[Any] = [("InputLayer", place, []), ("Dense", dense, [[["x", 0, 0, {}]]])]
    every = [
        {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}
        | {"name": config["name"], "inbound_nodes": inbound}
        for kind, config, inbound in nodes
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["dense", 0, 0]]}
    model = {
        "module": "keras.src.engine.functional",
        "class_name": "Functional",
        "config": {"name": "old", "trainable": True, "layers": every, **ends},
        "registered_name": "Functional",
        "build_config": {"input_shape": [None, 4]},
    }
    path = tmp_path / "model.keras"
    metadata = json.dumps({"keras_version": "2.15.0"})
    zipped(**{"config.json": json.dumps(model), "metadata.json": metadata})(path)
    assert analyze(path).totals.parameters.total == 4 * 3 + 3


def test_what_keras_3_cannot_make_of_keras_2(tmp_path: Path) -> None:
    recorded = {
        "class_name": "TFOpLambda",
        "config": {"name": "tf.nn.relu", "trainable": True, "function": "nn.relu"},
        "inbound_nodes": [["norm", 0, 0, {}]],
        "name": "tf.nn.relu",
    }
    path = tmp_path / "old.json"
    path.write_text(json.dumps(old(recorded, version="2.15.0")))
    line = refused(path)
    assert "TensorFlow functions ('TFOpLambda') as Keras 2 recorded them" in line
    assert f"Keras 2.15.0 wrote it, another major version; {keras.__version__} is installed" in line


def test_operations_in_a_file_that_does_not_tell_them(tmp_path: Path) -> None:
    line = refused(write(several(), tmp_path / "model.h5"))
    assert "operations of keras.ops ('Tanh')" in line
    assert "save the model as .keras" in line


# Code in a file.


def evil(target: Path) -> Any:
    """Return a function that leaves a trace where it is run."""
    code = f"lambda x: [open({str(target)!r}, 'w').close(), x * 2][1]"
    function = eval(code)
    return keras.Sequential([layers.Input((4,)), layers.Lambda(function, output_shape=(4,))])


@pytest.mark.parametrize("suffix", [".h5", ".json", ".keras"])
def test_code_in_a_file_is_run_only_where_that_is_said(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspect.getsource", lambda _: "")  # Keras's warning wants the source
    trace = tmp_path / "it_ran"
    model = evil(trace)
    path = write(model, tmp_path / f"model{suffix}")
    trace.unlink(missing_ok=True)
    line = refused(path)
    assert "a Lambda or other Python code, which is not run" in line
    assert "--arg safe_mode=False" in line
    assert not trace.exists()
    assert analyze(path, arguments={"safe_mode": False}).totals.flops == 4
    assert trace.exists()


def test_code_in_a_file_that_reads_what_stood_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspect.getsource", lambda _: "")  # as above
    image = layers.Input((4,))
    model = keras.Model(image, layers.Lambda(lambda x: keras.ops.abs(x) * 2)(image))
    path = write(model, tmp_path / "model.keras")
    with pytest.raises(ModelError, match=r"its code reads 'keras', .*give it as module:callable$"):
        analyze(path, arguments={"safe_mode": False})


@pytest.mark.parametrize(
    "name", ["TFSMLayer", pytest.param("TorchModuleWrapper", marks=pytest.mark.slow)]
)
def test_layers_that_would_run_code_are_refused(name: str, tmp_path: Path) -> None:
    config = {"module": {"py/object": "x"}, "filepath": str(tmp_path), "lora": None}
    found = Net().get_config() | config
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"module": "keras.layers", "class_name": name, "config": found}))
    assert "which is not run" in refused(path)


def test_functions_that_do_more_than_model_are_refused(tmp_path: Path) -> None:
    target = {"class_name": "function", "module": "keras.utils", "config": "get_file"}
    lamb = {"module": "keras.layers", "class_name": "Lambda", "config": {"function": target}}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(lamb))
    assert "keras.utils.get_file" in refused(path)


# Classes of one's own.

MINE = """
import keras

@keras.saving.register_keras_serializable("mine_pkg")
class Registered(keras.layers.Layer):
    def call(self, x):
        return keras.ops.tanh(x)

class Plain(keras.layers.Layer):
    def call(self, x):
        return keras.ops.exp(x)

def squared(x):
    return x * x
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a model that needs three things of a module that is not imported."""
    name = "my_own_layers"
    (tmp_path / f"{name}.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    own: dict[str, Any] = {"__name__": name}
    exec(MINE, own)
    own_layers = [own["Registered"](), own["Plain"](), layers.Activation(own["squared"])]
    path = write(keras.Sequential([layers.Input((4,)), *own_layers]), tmp_path / "model.keras")
    keras.saving.get_custom_objects().pop("mine_pkg>Registered")
    return path


def test_classes_that_are_missing_are_named_with_the_flag(mine: Path) -> None:
    line = refused(mine)
    for name in ("mine_pkg>Registered", "Plain", "squared"):
        assert repr(name) in line
    assert "--arg custom_objects=my_package.my_module" in line


def test_modules_of_ones_own_are_imported(mine: Path) -> None:
    for given_as in ("my_own_layers", str(mine.with_name("my_own_layers.py"))):
        report = analyze(mine, arguments={"custom_objects": given_as})
        assert report.totals.flops == 3 * 4
        keras.saving.get_custom_objects().pop("mine_pkg>Registered")
        sys.modules.pop("my_own_layers", None)


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ({"custom_objects": "not_there"}, UsageError, "no module 'not_there'"),
        ({"custom_objects": "gone.py"}, UsageError, "custom_objects=gone.py: there is no such fi"),
        ({"custom_objects": 3}, UsageError, "3 is no module"),
        ({"safe_mode": "perhaps"}, UsageError, "'perhaps' is neither True nor False"),
        ({"units": 3}, UsageError, "it takes custom_objects=.* and safe_mode=False"),
        ({"custom_objects": "broken_module"}, ModelError, "raised ZeroDivisionError"),
        ({"custom_objects": "needs_more"}, ModelError, "No module named 'surely_not_installed'"),
    ],
)
def test_arguments_that_do_not_fit(
    arguments: dict[str, object], kind: type[Exception], said: str, mine: Path
) -> None:
    mine.with_name("broken_module.py").write_text("1 / 0\n")
    mine.with_name("needs_more.py").write_text("import surely_not_installed\n")
    with pytest.raises(kind, match=said):
        analyze(mine, arguments=arguments)


def test_objects_can_be_handed_over(tmp_path: Path) -> None:
    path = write(Net(), tmp_path / "net.h5")  # it knows classes by their bare names
    assert "it needs 'Net'" in refused(path)
    report = analyze(path, (1, 8, 8, 3), arguments={"custom_objects": {"Net": Net}})
    assert report.totals.parameters.total == 27 * 4 + 4 + 8 + 10


@pytest.mark.slow
def test_a_collection_of_models_is_imported_when_a_file_names_it(tmp_path: Path) -> None:
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
    backbone = {"vocabulary_size": 50, "max_sequence_length": 12, "name": "small", **sizes}
    preset = {
        "module": "keras_hub.src.models.bert.bert_backbone",
        "class_name": "BertBackbone",
        "config": backbone,
        "registered_name": "keras_hub>BertBackbone",
    }
    (tmp_path / "config.json").write_text(json.dumps(preset))
    inputs = [f"--input={name}=1x12" for name in ("token_ids", "segment_ids", "padding_mask")]
    done = run("summary", str(tmp_path), *inputs, "--format", "json")
    assert done.returncode == 0, done.stderr
    embeddings = (50 + 12 + 2) * 8 + 2 * 8
    attention, feed_forward = 4 * (8 * 8 + 8), 2 * 8 * 16 + 16 + 8
    learnable = embeddings + attention + feed_forward + 2 * 2 * 8 + (8 * 8 + 8)
    assert json.loads(done.stdout)["totals"]["parameters"]["total"] == learnable


def test_a_collection_of_models_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.json"
    preset = {"module": "keras_nlp.models", "class_name": "BertBackbone", "config": {}}
    path.write_text(json.dumps(preset))
    with pytest.raises(MissingFrameworkError, match=r"classes of keras_nlp.*pip install keras-nlp"):
        analyze(path)


# Damage.


def refused(path: Path, inputs: object = None, **arguments: object) -> str:
    with pytest.raises(ModelError) as caught:
        analyze(path, inputs, arguments=arguments or None)
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 900
    return line


def zipped(**entries: str | bytes) -> Callable[[Path], None]:
    def write_to(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in entries.items():
                archive.writestr(name, content)

    return write_to


GOOD = '{"module": "keras", "class_name": "Sequential", "config": {"name": "a", "layers": []}}'
ARCHIVES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "is no Keras archive"),
    "something else": (lambda path: path.write_bytes(b"no archive"), "is no Keras archive"),
    "cut off": (lambda path: path.write_bytes(b"PK\x03\x04 cut"), "is no Keras archive"),
    "no configuration": (zipped(**{"a.txt": "b"}), "without config.json"),
    "no JSON": (zipped(**{"config.json": "{"}), "its configuration is no JSON"),
    "no text": (zipped(**{"config.json": b"\xff\xfe\x00"}), "its configuration is no JSON"),
    "no object": (zipped(**{"config.json": "[]"}), "is no JSON object"),
    "no class": (zipped(**{"config.json": '{"config": {}}'}), "describes no model"),
    "no settings": (zipped(**{"config.json": '{"class_name": "Dense"}'}), "describes no model"),
    "nested": (zipped(**{"config.json": "[" * 100_000}), "nested too deeply"),
    "above": (zipped(**{"../x": "", "config.json": GOOD}), "'../x' that would be put outside"),
    "absolute": (zipped(**{"/etc/x": "", "config.json": GOOD}), "would be put outside"),
    "of Windows": (zipped(**{"a\\..\\..\\x": "", "config.json": GOOD}), "would be put outside"),
    "no layer": (
        zipped(**{"config.json": GOOD.replace('"keras"', '"keras.losses"').replace(
            "Sequential", "MeanSquaredError").replace(', "layers": []', "")}),
        "is no model or layer",
    ),
    "an unknown class": (
        zipped(**{"config.json": GOOD.replace("Sequential", "Sequentiel")}),
        "needs 'Sequentiel', which Keras does not know",
    ),
    "an unknown module": (
        zipped(**{"config.json": GOOD.replace('"keras"', '"kernels"')}),
        "needs 'Sequential', which Keras does not know",
    ),
    "another library": (
        zipped(**{"config.json": GOOD.replace('"keras"', '"os"').replace("Sequential", "system")}),
        "needs 'system', which Keras does not know",
    ),
    "not enough": (
        zipped(**{"config.json": GOOD.replace(', "layers": []', "")}),
        "configuration of 'Sequential' cannot be read: 'layers'",
    ),
    "of a newer Keras": (
        zipped(
            **{"config.json": GOOD.replace("Sequential", "Marvel"),
               "metadata.json": '{"keras_version": "9.1.0"}'}
        ),
        "Keras 9.1.0 wrote it, another major version",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ARCHIVES)
def test_a_damaged_archive(case: str, tmp_path: Path) -> None:
    make, said = ARCHIVES[case]
    path = tmp_path / "model.keras"
    make(path)
    assert said in refused(path)
    assert not (tmp_path.parent / "x").exists()


def test_metadata_is_no_condition(tmp_path: Path) -> None:
    for metadata in ("", "{", "[]", '{"keras_version": 3}'):
        path = tmp_path / "model.keras"
        zipped(**{"config.json": recurrent().to_json(), "metadata.json": metadata})(path)
        assert analyze(path).coverage.complete


def test_an_entry_that_is_no_longer_what_was_packed(tmp_path: Path) -> None:
    path = write(nested(), tmp_path / "model.keras")
    content = path.read_bytes()
    at = content.index(b"Sequential")
    path.write_bytes(content[:at] + b"sequential" + content[at + 10 :])
    assert "is damaged: Bad CRC-32" in refused(path)


def test_a_configuration_that_unpacks_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "_BYTES_AT_MOST", 1 << 20)
    path = tmp_path / "model.keras"
    zipped(**{"config.json": b" " * (1 << 21) + GOOD.encode()})(path)
    assert path.stat().st_size < 1 << 14
    assert "config.json unpacks to more than 1 MiB" in refused(path)


def test_files_that_are_no_hdf5(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n and then nothing")
    assert "is no HDF5 file, or a damaged one" in refused(path)
    with h5py.File(path, "w") as file:
        file["numbers"] = np.zeros(3)
    assert "holds no model that Keras wrote" in refused(path)


@pytest.mark.parametrize("keras_2", [False, True])
def test_a_file_of_weights_says_what_to_do(keras_2: bool, tmp_path: Path) -> None:
    path = tmp_path / "model.weights.h5"
    if keras_2:
        with h5py.File(path, "w") as file:
            file.attrs["layer_names"] = [b"dense"]
    else:
        nested().save_weights(path)
    line = refused(path)
    assert "holds only weights" in line
    assert "model.to_json()" in line


def test_a_model_without_inputs_in_its_file(tmp_path: Path) -> None:
    path = write(keras.Sequential([layers.Dense(2)]), tmp_path / "model.json")
    with pytest.raises(InputError, match="does not tell the shape of its inputs; give it"):
        analyze(path)
    assert analyze(path, (1, 3)).totals.parameters.total == 8


@pytest.mark.slow
def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    path = write(evil(tmp_path / "trace"), tmp_path / "model.keras")
    assert "--arg safe_mode=False" in error(run("summary", path.name, cwd=tmp_path), 3)
    done = run("summary", path.name, "--arg", "safe_mode=False", cwd=tmp_path)
    assert done.returncode == 0
    assert not done.stderr


# Anything at all.

JUNK: list[Any] = [
    None, True, -1, 0, 3, 10**12, 1.5, float("nan"), "", "x", "keras.layers", "int8", [], {},
    [1, [2]], {"class_name": "Dense", "config": {}}, {"a": None}, "channels_first", [None],
    {"class_name": "function", "config": "tanh", "module": "builtins"},
    {"class_name": "__tensor__", "config": {"value": [1], "dtype": "float32"}},
]  # fmt: skip


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    parts: Any = value.items() if isinstance(value, dict) else ()
    for key, part in enumerate(value) if isinstance(value, list) else parts:
        found += places(part, (*at, key))
    return found


@pytest.fixture(scope="module")
def configuration() -> str:
    image = layers.Input((8, 8, 3), name="image")
    words = layers.Input((5,), dtype="int32", name="words")
    x = layers.GlobalAveragePooling2D()(layers.BatchNormalization()(layers.Conv2D(4, 3)(image)))
    y = layers.Bidirectional(layers.LSTM(3))(layers.Embedding(20, 6, mask_zero=True)(words))
    z = ops.tanh(layers.Concatenate()([x, y])) * 2
    inner = keras.Sequential([layers.Input((10,)), layers.Dense(4, kernel_regularizer="l2")])
    text = keras.Model({"image": image, "words": words}, inner(z)).to_json()
    assert isinstance(text, str)
    return text


@given(st.data())
@settings(max_examples=25)
def test_a_configuration_with_anything_in_it(configuration: str, data: st.DataObject) -> None:
    changed = json.loads(configuration)
    for _ in range(data.draw(st.integers(1, 2))):
        *way, last = data.draw(st.sampled_from(places(changed)))
        held = changed
        for key in way:
            held = held[key]
        if isinstance(held, dict) and data.draw(st.booleans()):
            del held[last]
        else:
            held[last] = data.draw(st.sampled_from(JUNK))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        zipped(**{"config.json": json.dumps(changed)})(path)
        line = ""
        try:
            analyze(path)
        except AnalyzerError as said:
            line = str(said)
        assert "\n" not in line
        assert len(line) < 900
