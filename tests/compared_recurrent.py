"""A tagger of words and other networks with steps, in PyTorch, in Keras and as they export them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

import analyzer
from analyzer import Report
from examples.export_onnx import export_keras, export_torch

BATCH, STEPS, WORDS, WIDTH, HIDDEN, TAGS = 2, 16, 100, 16, 24, 7

_IDS = torch.zeros(BATCH, STEPS, dtype=torch.int64)


class _Tagger(nn.Module):
    def __init__(self, cell: str, layers: int = 2, tags: int = TAGS, *, both: bool = True) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.cells = getattr(nn, cell)(WIDTH, HIDDEN, layers, batch_first=True, bidirectional=both)
        self.tags = nn.Linear(HIDDEN * (1 + both), tags)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.tags(self.cells(self.words(ids))[0])
        return found


def _torch(cell: str, **changes: Any) -> Report:
    return analyzer.analyze(_Tagger(cell, **changes), _IDS)


def _torch_onnx(cell: str, **options: Any) -> Report:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tagger.onnx"
        export_torch(_Tagger(cell), (_IDS,), path, **options)
        return analyzer.analyze(str(path))


def _tagger(cell: str, **settings: Any) -> Any:
    import keras
    from keras import layers

    keras.utils.clear_session()
    ids = keras.Input((STEPS,), dtype="int32", batch_size=BATCH)
    hidden = layers.Embedding(WORDS, WIDTH)(ids)
    for _ in range(2):
        one = getattr(layers, cell)(HIDDEN, return_sequences=True, **settings)
        hidden = layers.Bidirectional(one)(hidden)
    return keras.Model(ids, layers.Dense(TAGS)(hidden))


def _images_in_time() -> Any:
    import keras

    keras.utils.clear_session()
    images = keras.Input((5, 16, 16, 3), batch_size=1)
    return keras.Model(images, keras.layers.ConvLSTM2D(6, 3, padding="same")(images))


def _stepwise() -> Any:
    """Encode, then decode with attention to what was encoded, one dense layer for every step."""
    import keras
    from keras import layers

    keras.utils.clear_session()
    read, written = keras.Input((9,), batch_size=BATCH), keras.Input((6,), batch_size=BATCH)
    encoded, *state = layers.LSTM(HIDDEN, return_sequences=True, return_state=True)(
        layers.Embedding(WORDS, WIDTH)(read)
    )
    decoded = layers.LSTM(HIDDEN, return_sequences=True)(
        layers.Embedding(WORDS, WIDTH)(written), initial_state=state
    )
    both = layers.Concatenate()([decoded, layers.Attention()([decoded, encoded])])
    words = layers.TimeDistributed(layers.Dense(WORDS, activation="softmax"))(both)
    return keras.Model([read, written], words)


def _keras(make: Callable[[], Any]) -> Report:
    return analyzer.analyze(make())


def _saved(make: Callable[[], Any]) -> Report:
    with TemporaryDirectory() as folder:
        make().export(folder, format="tf_saved_model", verbose=False)
        return analyzer.analyze(folder, batch_size=BATCH)


def _keras_onnx(make: Callable[[], Any]) -> Report:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        model = make()
        export_keras(model, path)
        return analyzer.analyze(str(path), batch_size=model.inputs[0].shape[0])


_GRU_BEFORE = partial(_tagger, "GRU", reset_after=False)

MODELS: dict[str, Callable[[], Report]] = {
    "ConvLSTM": partial(_keras, _images_in_time),
    "ConvLSTM, ONNX": partial(_keras_onnx, _images_in_time),
    "GRU in Keras": partial(_keras, partial(_tagger, "GRU")),
    "GRU in Keras, ONNX": partial(_keras_onnx, partial(_tagger, "GRU")),
    "GRU in Keras, SavedModel": partial(_saved, partial(_tagger, "GRU")),
    "GRU in Keras, reset before": partial(_keras, _GRU_BEFORE),
    "GRU in PyTorch": partial(_torch, "GRU"),
    "GRU in PyTorch, ONNX": partial(_torch_onnx, "GRU"),
    "LSTM in Keras": partial(_keras, partial(_tagger, "LSTM")),
    "LSTM in Keras, ONNX": partial(_keras_onnx, partial(_tagger, "LSTM")),
    "LSTM in Keras, SavedModel": partial(_saved, partial(_tagger, "LSTM")),
    "LSTM in PyTorch": partial(_torch, "LSTM"),
    "LSTM in PyTorch, 3 layers": partial(_torch, "LSTM", layers=3),
    "LSTM in PyTorch, 9 tags": partial(_torch, "LSTM", tags=9),
    "LSTM in PyTorch, ONNX": partial(_torch_onnx, "LSTM"),
    "LSTM in PyTorch, ONNX of the older exporter": partial(_torch_onnx, "LSTM", dynamo=False),
    "LSTM in PyTorch, one direction": partial(_torch, "LSTM", both=False),
    "sequence to sequence": partial(_keras, _stepwise),
    "sequence to sequence, SavedModel": partial(_saved, _stepwise),
    "simple RNN in Keras": partial(_keras, partial(_tagger, "SimpleRNN")),
    "simple RNN in PyTorch": partial(_torch, "RNN"),
    "simple RNN in PyTorch, ONNX": partial(_torch_onnx, "RNN"),
}

PAIRS = (
    ("LSTM in PyTorch", "LSTM in Keras"),
    ("LSTM in PyTorch", "LSTM in PyTorch, ONNX"),
    ("LSTM in PyTorch", "LSTM in PyTorch, ONNX of the older exporter"),
    ("LSTM in PyTorch", "LSTM in PyTorch, 3 layers"),
    ("LSTM in PyTorch", "LSTM in PyTorch, 9 tags"),
    ("LSTM in PyTorch", "LSTM in PyTorch, one direction"),
    ("LSTM in PyTorch", "GRU in PyTorch"),
    ("LSTM in Keras", "LSTM in Keras, ONNX"),
    ("LSTM in Keras", "LSTM in Keras, SavedModel"),
    ("LSTM in Keras", "LSTM in PyTorch, ONNX"),
    ("GRU in PyTorch", "GRU in Keras"),
    ("GRU in PyTorch", "GRU in PyTorch, ONNX"),
    ("GRU in PyTorch", "GRU in Keras, reset before"),
    ("GRU in Keras", "GRU in Keras, reset before"),
    ("GRU in Keras", "GRU in Keras, ONNX"),
    ("GRU in Keras", "GRU in Keras, SavedModel"),
    ("simple RNN in PyTorch", "simple RNN in Keras"),
    ("simple RNN in PyTorch", "simple RNN in PyTorch, ONNX"),
    ("ConvLSTM", "ConvLSTM, ONNX"),
    ("sequence to sequence", "sequence to sequence, SavedModel"),
)
