"""What Keras models are called with: by name, path and order, with values, masks and structures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from analyzer import InputError, InputSpec, ModelError, analyze
from analyzer.given import parse_input

layers, ops = keras.layers, keras.ops

pytestmark = pytest.mark.filterwarnings("ignore:When providing `inputs` as a dict:UserWarning")


def shapes(report: Any) -> dict[str, tuple[int, ...]]:
    return {tensor.name: tensor.shape for tensor in report.model.inputs}


def said(*inputs: str) -> list[Any]:
    """Return inputs as they are typed on the command line."""
    return [parse_input(text) for text in inputs]


def functional() -> Any:
    one, two = layers.Input((None, 3), name="one"), layers.Input((None, 3), name="two")
    tokens = layers.Input((None,), dtype="int32", name="ids")
    x = ops.mean(layers.Embedding(9, 4)(tokens), axis=1)
    y = layers.Dense(4)(ops.mean(layers.Concatenate(axis=1)([one, two]), axis=1))
    return keras.Model({"images": [one, two], "tokens": tokens}, x + y)


@pytest.mark.parametrize(
    "inputs",
    [
        said("one=1x5x3", "two=1x6x3", "ids=1x7:int32"),
        said("images[0]=1x5x3", "images[1]=1x6x3", "tokens=1x7"),
        said("1x5x3", "1x6x3", "1x7"),
        said("ids=1x7", "1x5x3", "1x6x3"),
        {"tokens": (1, 7), "images": [(1, 5, 3), (1, 6, 3)]},
        {"tokens": np.zeros((1, 7), "int32"), "images": [np.zeros((1, 5, 3)), (1, 6, 3)]},
    ],
)
def test_inputs_of_a_structure(inputs: Any) -> None:
    report = analyze(functional(), inputs)
    assert shapes(report) == {"one": (1, 5, 3), "two": (1, 6, 3), "ids": (1, 7)}
    assert [tensor.dtype for tensor in report.model.inputs] == ["float32", "float32", "int32"]


def test_inputs_that_an_operation_does_not_take_are_an_error_and_no_unknown() -> None:
    with pytest.raises(ModelError, match=r"'concatenate\w*' \(Concatenate\) cannot be run: .*fit$"):
        analyze(functional(), said("one=2x5x3", "two=1x6x3", "ids=2x7"))
    image = layers.Input((None, None, 3))
    half = layers.MaxPooling2D()(layers.Conv2D(4, 3, padding="same")(image))
    joined = layers.Concatenate()([image, layers.Conv2DTranspose(4, 2, strides=2)(half)])
    model = keras.Model(image, layers.Conv2D(2, 1)(joined))
    assert analyze(model, (1, 8, 8, 3)).coverage.complete
    with pytest.raises(ModelError, match=r"\(Concatenate\) cannot be run: "):
        analyze(model, (1, 9, 8, 3))


def test_open_sizes_are_told_with_what_to_type() -> None:
    with pytest.raises(InputError) as caught:
        analyze(functional(), said("two=1x6x3"), batch_size=4)
    line = str(caught.value)
    assert "input 'one' has shape ?x?x3: nothing tells the size of dimension 1" in line
    assert line.endswith("give it with --input one=4xSIZEx3 --input ids=4xSIZE")


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (said("images[2]=1x5x3"), r"'images\[2\]' is not an input.* one \(images\[0\]\), two"),
        (said("one=1x5x3", "images[0]=1x5x3"), "input 'one' is given twice"),
        (said("1x5x3", "1x5x3", "1x5", "1x5"), "4 inputs were given and the model has 3"),
        (said("one:=3", "1x5x3", "1x7"), "input 'one' has 3 dimensions"),
    ],
)
def test_inputs_that_are_no_place_of_the_structure(inputs: Any, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        analyze(functional(), inputs)


class Two(keras.Model):  # type: ignore[misc]
    """Takes tokens, features, a mask and a flag."""

    def __init__(self) -> None:
        super().__init__(name="two")
        self.embed = layers.Embedding(10, 4)
        self.dense = layers.Dense(4)
        self.norm = layers.BatchNormalization()

    def call(
        self,
        tokens: Any,
        features: Any,
        mask: Any = None,
        twice: bool = False,
        training: Any = None,
    ) -> Any:
        x = self.embed(tokens) + ops.expand_dims(self.dense(features), 1)
        if mask is not None:
            x = x * ops.expand_dims(ops.cast(mask, x.dtype), -1)
        return self.norm(x * 2 if twice else x, training=training)


@pytest.mark.parametrize(
    "inputs",
    [
        said("tokens=2x5:int32", "features=2x3"),
        said("2x5:int32", "2x3"),
        said("2x5:int32", "features=2x3"),
        said("features=2x3", "2x5:int32"),
        {"tokens": np.zeros((2, 5), "int32"), "features": (2, 3)},
        (InputSpec(shape=(2, 5), dtype="int32"), (2, 3)),
    ],
)
def test_a_call_with_several_arguments(inputs: Any) -> None:
    report = analyze(Two(), inputs)
    assert shapes(report) == {"tokens": (2, 5), "features": (2, 3)}
    assert report.totals.macs == 2 * 3 * 4
    assert report.coverage.complete


def test_masks_flags_and_training() -> None:
    plain = said("tokens=2x5:int32", "features=2x3")
    base = analyze(Two(), plain).totals.flops or 0
    masked = analyze(Two(), [*plain, *said("mask=2x5:bool")])
    assert shapes(masked)["mask"] == (2, 5)
    elements = 2 * 5 * 4
    assert masked.totals.flops == base + elements
    assert analyze(Two(), [*plain, *said("twice:=True")]).totals.flops == base + elements
    trained = analyze(Two(), [*plain, *said("training:=True")]).totals.flops
    assert trained == analyze(Two(), plain, mode="train").totals.flops != base


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (None, "shape of its inputs tokens, features; give it, as in --input tokens=.* --input f"),
        (
            said("2x5:int32"),
            "does not tell the shape of its inputs features; give it, as in --inpu",
        ),
        (said("words=2x5", "features=2x3"), "input 'words' is no argument of the model's call; it"),
        (said("2x5", "2x3", "2x3", "2x3", "4"), "5 inputs were given and the call of 'two' takes"),
    ],
)
def test_calls_that_cannot_be(inputs: Any, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        analyze(Two(), inputs)


class Nested(keras.Model):  # type: ignore[misc]
    """Takes one dictionary with a list in it."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(4, name="dense")

    def call(self, batch: Any) -> Any:
        one, two = batch["images"]
        return {"sum": self.dense(one) + self.dense(two), "scaled": batch["scale"] * 2.0}


@pytest.mark.parametrize(
    "inputs",
    [
        said("images[0]=2x3", "images[1]=2x3", "scale=2x1"),
        said("batch.images[0]=2x3", "batch.images[1]=2x3", "batch.scale=2x1"),
        {"images": [(2, 3), (2, 3)], "scale": (2, 1)},
        {"batch": {"images": [(2, 3), np.zeros((2, 3))], "scale": (2, 1)}},
    ],
)
def test_a_dictionary_is_one_argument(inputs: Any) -> None:
    report = analyze(Nested(), inputs)
    assert set(shapes(report)) == {"images[0]", "images[1]", "scale"}
    assert report["dense"].calls == 2
    assert report.totals.macs == 2 * 2 * 3 * 4


class Listed(keras.Model):  # type: ignore[misc]
    """Takes a list."""

    def call(self, parts: Any) -> Any:
        return ops.concatenate(parts, axis=-1)


def test_a_list_is_one_argument() -> None:
    for inputs in (said("2x3", "2x4"), [(2, 3), (2, 4)], said("parts[0]=2x3", "parts[1]=2x4")):
        report = analyze(Listed(), inputs)
        assert shapes(report) == {"parts[0]": (2, 3), "parts[1]": (2, 4)}
        assert report.model.outputs[0].shape == (2, 7)


def called(make: Callable[[], Any], *args: Any, **kwargs: Any) -> Any:
    model = make()
    model(*args, **kwargs)
    return model


def test_what_a_model_was_built_with_is_known() -> None:
    zeros = np.zeros((2, 3), "float32")
    nested = called(Nested, {"images": [zeros, zeros], "scale": zeros[:, :1]})
    report = analyze(nested, batch_size=5)
    assert shapes(report) == {"images[0]": (5, 3), "images[1]": (5, 3), "scale": (5, 1)}
    attention = called(
        lambda: layers.MultiHeadAttention(2, 4), np.zeros((2, 5, 8)), np.zeros((2, 6, 8))
    )
    assert shapes(analyze(attention)) == {"query": (1, 5, 8), "value": (1, 6, 8)}


def test_what_a_model_was_built_with_may_not_be_enough() -> None:
    two = called(Two, np.zeros((2, 5), "int32"), np.zeros((2, 3), "float32"))
    with pytest.raises(InputError, match="shape of its inputs features; give it"):
        analyze(two)
    dense = layers.Dense(4)
    dense.build((None, None, 3))
    with pytest.raises(
        InputError, match=r"built for \?x\?x3: .* dimension 1 of inputs; .*=1xSIZEx3"
    ):
        analyze(dense)


def test_layers_by_themselves() -> None:
    attention = layers.MultiHeadAttention(2, 4)
    inputs = said("query=1x5x8", "value=1x6x8", "attention_mask=1x5x6:bool")
    report = analyze(attention, inputs)
    assert report.totals.parameters.total == 4 * 8 * 8 + 3 * 8 + 8
    assert not attention.built
    assert analyze(layers.Add(), said("1x4", "1x4")).totals.flops == 4
    assert analyze("keras.layers:LSTM", (1, 5, 8), arguments={"units": 16}).totals.macs == (
        5 * 4 * 16 * (8 + 16)
    )


def test_the_batch_is_for_open_dimensions_alone() -> None:
    fixed = keras.Sequential([layers.Input(batch_shape=(3, 4)), layers.Dense(2)])
    assert analyze(fixed, batch_size=7).model.inputs[0].shape == (3, 4)
    free = keras.Sequential([layers.Input((4,)), layers.Dense(2)])
    assert analyze(free, batch_size=7).totals.macs == 7 * 4 * 2


def test_what_the_call_itself_says_is_told() -> None:
    class Wrong(keras.Model):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return ops.reshape(x, (7, 7))

    with pytest.raises(ModelError) as caught:
        analyze(Wrong(name="wrong"), (1, 4))
    assert "'wrong' (Wrong) cannot be" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_same_on_the_command_line(tmp_path: Path) -> None:
    from tests.commands import run

    model = functional()
    path = tmp_path / "model.json"
    path.write_text(model.to_json())
    inputs = ["--input=images[0]=1x5x3", "--input=images[1]=1x6x3", "--input=tokens=1x7"]
    done = run("summary", str(path), *inputs)
    assert done.returncode == 0, done.stderr
    assert "one 1×5×3 float32, two 1×6×3 float32, ids 1×7 int32" in done.stdout
