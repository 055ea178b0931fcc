"""Exports Keras models to ONNX, in a process of its own: ``python … FOLDER NAME…``.

Beside the files stands what Keras says of each model: ``count_params`` of its trainable weights.
Names are those of :mod:`tests.keras_networks`, whose networks come with the analyser's totals.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(folder: Path, names: list[str]) -> None:
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(ROOT))
    if names:
        networks(folder, names)
        return
    import keras
    from keras import layers

    from examples.cnn_keras import build
    from examples.export_onnx import export_keras

    words = keras.Input((10,), dtype="int32", name="words")
    hidden = layers.Embedding(50, 8)(words)
    hidden = layers.Bidirectional(layers.LSTM(16, return_sequences=True))(hidden)
    hidden = layers.GRU(12, return_sequences=True)(hidden)
    outputs = layers.Dense(3)(layers.SimpleRNN(6)(hidden))
    recurrent = keras.Model(words, outputs, name="recurrent")

    queries = keras.Input((7, 32), name="queries")
    values = keras.Input((9, 24), name="values")
    attended = layers.MultiHeadAttention(4, 8, name="self")(queries, queries)
    crossed = layers.MultiHeadAttention(2, 16, name="cross")(attended, values)
    attention = keras.Model([queries, values], crossed, name="attention")

    image = keras.Input((16, 16, 3), name="image")
    hidden = layers.Conv2D(8, 3, padding="same", strides=2)(image)
    hidden = layers.BatchNormalization()(hidden)
    hidden = layers.DepthwiseConv2D(3, padding="same")(layers.ReLU(6.0)(hidden))
    hidden = layers.Conv2DTranspose(4, 3, strides=2, padding="same")(hidden)
    hidden = layers.AveragePooling2D(2)(layers.UpSampling2D(2)(hidden))
    hidden = layers.LayerNormalization()(layers.GlobalAveragePooling2D()(hidden))
    outputs = layers.Dense(5, activation="softmax")(hidden)
    mixed = keras.Model(image, outputs, name="mixed")

    models = {"cnn": build(), "rnn": recurrent, "attention": attention, "mixed": mixed}
    told = {}
    for name, model in models.items():
        export_keras(model, folder / f"{name}.onnx")
        told[name] = sum(weight.shape.num_elements() for weight in model.trainable_weights)
    (folder / "told.json").write_text(json.dumps(told))


def networks(folder: Path, names: list[str]) -> None:
    """Export networks, and write their MACs and learnable parameters as read from Keras."""
    import keras

    from analyzer import analyze
    from examples.export_onnx import export_keras
    from tests.keras_networks import NETWORKS, transformer

    told = {}
    for name in names:
        keras.utils.clear_session()
        # tf2onnx does not know the complementary error function, by which TensorFlow has GELU.
        model = transformer("silu") if name == "transformer" else NETWORKS[name]()
        totals = analyze(model).totals
        told[name] = [totals.macs, totals.parameters.total]
        export_keras(model, folder / f"{name}.onnx")
    (folder / "networks.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
