"""One of every layer that Keras exports, and options of those that have them.

Each is a shape without the batch (or several), and what makes the layer; a name is the class and,
after a comma, what is special. A dtype other than float32 stands before the shape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras

layers = keras.layers

__all__ = ["BUILT", "One", "built"]

Shape = tuple[int, ...]


class One(NamedTuple):
    """A layer and what it is called with."""

    shapes: tuple[Shape, ...]
    make: Callable[[], Any]
    dtype: str = "float32"


def on(*shapes: Shape, dtype: str = "float32") -> Callable[[Callable[[], Any]], One]:
    return lambda make: One(shapes, make, dtype)


VECTOR, SEQUENCE, IMAGE, VOLUME = (6,), (7, 6), (12, 10, 6), (6, 7, 8, 4)
PHOTO = (16, 20, 3)
flat, line, map_, box, photo = on(VECTOR), on(SEQUENCE), on(IMAGE), on(VOLUME), on(PHOTO)
two, words, tokens = on(SEQUENCE, SEQUENCE), on((5,), dtype="string"), on((5,), dtype="int32")
RANKS = ((1, SEQUENCE, line), (2, IMAGE, map_), (3, VOLUME, box))


def _of_rank() -> dict[str, One]:
    """What comes for sequences, images and volumes alike."""
    found: dict[str, One] = {}

    def add(name: str, rank: int, one: One) -> None:
        found[name.replace("{}D", f"{rank}D")] = one

    for rank, shape, take in RANKS:
        first = on((shape[-1], *shape[:-1]))

        def make(name: str, *args: Any, rank: int = rank, **kwargs: Any) -> Callable[[], Any]:
            kind = getattr(layers, name.replace("{}D", f"{rank}D"))
            return lambda: kind(*args, **kwargs)

        for name, args in (
            ("AdaptiveAveragePooling{}D", (3,)),
            ("AdaptiveMaxPooling{}D", (3,)),
            ("AveragePooling{}D", (2,)),
            ("Conv{}D", (4, 3)),
            ("Conv{}DTranspose", (4, 3, 2)),
            ("Cropping{}D", (1,)),
            ("GlobalAveragePooling{}D", ()),
            ("GlobalMaxPooling{}D", ()),
            ("MaxPooling{}D", (2,)),
            ("SpatialDropout{}D", (0.5,)),
            ("UpSampling{}D", (2,)),
            ("ZeroPadding{}D", (1,)),
        ):
            add(name, rank, take(make(name, *args)))
            if name not in ("SpatialDropout{}D", "UpSampling{}D") and "Conv" not in name:
                if (name, rank) in (("Cropping{}D", 1), ("ZeroPadding{}D", 1)):
                    continue
                settings: Any = {"data_format": "channels_first"}
                add(f"{name}, channels first", rank, first(make(name, *args, **settings)))
        for name in ("AveragePooling{}D", "MaxPooling{}D"):
            add(f"{name}, same", rank, take(make(name, 3, strides=2, padding="same")))
        add(
            "Conv{}D, same and strided",
            rank,
            take(make("Conv{}D", 5, 3, strides=2, padding="same")),
        )
        add("Conv{}D, without bias", rank, take(make("Conv{}D", 5, 3, use_bias=False)))
        add("Conv{}D, dilated", rank, take(make("Conv{}D", 5, 2, dilation_rate=2)))
        add("Conv{}D, grouped", rank, take(make("Conv{}D", 6, 2, groups=2)))
        add("Conv{}DTranspose, same", rank, take(make("Conv{}DTranspose", 5, 3, 2, padding="same")))
        steps = on((4, *shape))
        add("ConvLSTM{}D", rank, steps(make("ConvLSTM{}D", 4, 2, padding="same")))
        add(
            "ConvLSTM{}D, all steps",
            rank,
            steps(make("ConvLSTM{}D", 4, 2, return_sequences=True, use_bias=False)),
        )
        if rank < 3:
            add("DepthwiseConv{}D", rank, take(make("DepthwiseConv{}D", 3, depth_multiplier=2)))
            add("DepthwiseConv{}D, same", rank, take(make("DepthwiseConv{}D", 3, padding="same")))
            add("SeparableConv{}D", rank, take(make("SeparableConv{}D", 8, 3, depth_multiplier=2)))
            add(
                "SeparableConv{}D, same",
                rank,
                take(make("SeparableConv{}D", 8, 3, padding="same", use_bias=False)),
            )
    return found


def _bidirectional(merge: str | None) -> Callable[[], Any]:
    def make() -> Any:
        return layers.Bidirectional(layers.LSTM(5, return_sequences=True), merge_mode=merge)

    return make


class _Cell(keras.layers.Layer):  # type: ignore[misc]
    """A cell of one's own."""

    state_size = 4

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 4), name="kernel")
        self.fed_back = self.add_weight(shape=(4, 4), name="recurrent_kernel")

    def call(self, inputs: Any, states: Any) -> Any:
        ops = keras.ops
        output = ops.matmul(inputs, self.kernel) + ops.matmul(states[0], self.fed_back)
        return output, [output]


class _Holder(keras.layers.Layer):  # type: ignore[misc]
    """A layer around one whose result Keras takes to be its own input."""

    def __init__(self, held: Any) -> None:
        super().__init__()
        self.held = held

    def call(self, inputs: Any) -> Any:
        return self.held(inputs)

    def compute_output_spec(self, inputs: Any) -> Any:
        return keras.KerasTensor(inputs.shape, dtype=inputs.dtype)


def _attention(**settings: Any) -> Callable[[], Any]:
    return lambda: layers.MultiHeadAttention(2, 4, **settings)


BUILT: dict[str, One] = {
    **_of_rank(),
    "Activation": flat(lambda: layers.Activation("gelu")),
    "Activation, a function": flat(lambda: layers.Activation(keras.ops.tanh)),
    "ActivityRegularization": flat(lambda: layers.ActivityRegularization(0.1)),
    "Add": two(layers.Add),
    "AdditiveAttention": two(layers.AdditiveAttention),
    "AdditiveAttention, without scale": two(lambda: layers.AdditiveAttention(use_scale=False)),
    "AlphaDropout": flat(lambda: layers.AlphaDropout(0.5)),
    "Attention": two(layers.Attention),
    "Attention, concatenated": two(lambda: layers.Attention(score_mode="concat")),
    "Attention, scaled": two(lambda: layers.Attention(use_scale=True)),
    "AugMix": photo(layers.AugMix),
    "AutoContrast": photo(layers.AutoContrast),
    "Average": two(layers.Average),
    "BatchNormalization": map_(layers.BatchNormalization),
    "BatchNormalization, neither scaled nor centred": map_(
        lambda: layers.BatchNormalization(scale=False, center=False)
    ),
    "BatchNormalization, of axis 1": map_(lambda: layers.BatchNormalization(axis=1)),
    "BatchNormalization, renormalised": map_(lambda: layers.BatchNormalization(renorm=True)),
    "Bidirectional": line(_bidirectional("concat")),
    "Bidirectional, averaged": line(_bidirectional("ave")),
    "Bidirectional, multiplied": line(_bidirectional("mul")),
    "Bidirectional, summed": line(_bidirectional("sum")),
    "Bidirectional, with its own backward layer": line(
        lambda: layers.Bidirectional(
            layers.GRU(5), backward_layer=layers.LSTM(3, go_backwards=True), merge_mode="concat"
        )
    ),
    "CategoryEncoding": tokens(lambda: layers.CategoryEncoding(4)),
    "CategoryEncoding, counts": tokens(lambda: layers.CategoryEncoding(4, output_mode="count")),
    "CategoryEncoding, one-hot": tokens(lambda: layers.CategoryEncoding(4, output_mode="one_hot")),
    "CenterCrop": photo(lambda: layers.CenterCrop(8, 9)),
    "CenterCrop, of what is smaller": photo(lambda: layers.CenterCrop(30, 40)),
    "Concatenate": two(layers.Concatenate),
    "ContrastLimitedAdaptiveHistogramEqualization": photo(
        lambda: layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))
    ),
    "Conv1D, causal": line(lambda: layers.Conv1D(4, 3, padding="causal")),
    "Conv2D, channels first": on((6, 12, 10))(
        lambda: layers.Conv2D(4, 3, padding="same", data_format="channels_first")
    ),
    "CutMix": photo(layers.CutMix),
    "Dense": flat(lambda: layers.Dense(4, activation="gelu")),
    "Dense, of images": map_(lambda: layers.Dense(4, use_bias=False)),
    "Dense, of sequences": line(lambda: layers.Dense(4)),
    "Dense, with LoRA": line(lambda: layers.Dense(4, lora_rank=2)),
    "Discretization": flat(lambda: layers.Discretization([0.0, 1.0, 2.0])),
    "Discretization, one-hot": on((1,))(
        lambda: layers.Discretization([0.0, 1.0, 2.0], output_mode="one_hot")
    ),
    "Dot": two(lambda: layers.Dot(axes=2)),
    "Dot, normalised": two(lambda: layers.Dot(axes=2, normalize=True)),
    "Dropout": flat(lambda: layers.Dropout(0.5)),
    "ELU": flat(layers.ELU),
    "EinsumDense": line(
        lambda: layers.EinsumDense("abc,cde->abde", output_shape=(7, 2, 3), bias_axes="de")
    ),
    "EinsumDense, with LoRA": line(
        lambda: layers.EinsumDense("abc,cd->abd", output_shape=(7, 3), lora_rank=2)
    ),
    "EinsumDense, with a batch in the kernel": line(
        lambda: layers.EinsumDense("abc,bcd->abd", output_shape=(7, 3), bias_axes="d")
    ),
    "Embedding": tokens(lambda: layers.Embedding(50, 8)),
    "Embedding, with LoRA": tokens(lambda: layers.Embedding(50, 8, lora_rank=2)),
    "Embedding, masked": tokens(lambda: layers.Embedding(50, 8, mask_zero=True)),
    "Equalization": photo(layers.Equalization),
    "Flatten": map_(layers.Flatten),
    "GRU": line(lambda: layers.GRU(5)),
    "GRU, reset before": line(lambda: layers.GRU(5, reset_after=False)),
    "GaussianDropout": flat(lambda: layers.GaussianDropout(0.5)),
    "GaussianNoise": flat(lambda: layers.GaussianNoise(0.5)),
    "GroupNormalization": map_(lambda: layers.GroupNormalization(3)),
    "GroupNormalization, neither scaled nor centred": map_(
        lambda: layers.GroupNormalization(3, scale=False, center=False)
    ),
    "GroupNormalization, of axis 1": map_(lambda: layers.GroupNormalization(3, axis=1)),
    "GroupQueryAttention": two(lambda: layers.GroupQueryAttention(4, 4, 2)),
    "GroupQueryAttention, without bias": two(
        lambda: layers.GroupQueryAttention(4, 4, 2, use_bias=False)
    ),
    "HashedCrossing": on((1,), (1,), dtype="int32")(lambda: layers.HashedCrossing(5)),
    "Hashing": tokens(lambda: layers.Hashing(5)),
    "Identity": flat(layers.Identity),
    "IntegerLookup": tokens(lambda: layers.IntegerLookup(vocabulary=[1, 2, 3])),
    "LSTM": line(lambda: layers.LSTM(5, return_sequences=True)),
    "LSTM, unrolled": line(lambda: layers.LSTM(5, unroll=True)),
    "LSTM, with dropout": line(lambda: layers.LSTM(5, dropout=0.5, recurrent_dropout=0.5)),
    "LSTM, without bias": line(lambda: layers.LSTM(5, use_bias=False)),
    "Lambda": flat(lambda: layers.Lambda(lambda x: keras.ops.tanh(x) * 2)),
    "LayerNormalization": map_(layers.LayerNormalization),
    "LayerNormalization, neither scaled nor centred": map_(
        lambda: layers.LayerNormalization(scale=False, center=False)
    ),
    "LayerNormalization, of several axes": map_(lambda: layers.LayerNormalization(axis=[1, 2, 3])),
    "LeakyReLU": flat(layers.LeakyReLU),
    "Masking": line(layers.Masking),
    "MaxNumBoundingBoxes": photo(lambda: layers.MaxNumBoundingBoxes(4)),
    "Maximum": two(layers.Maximum),
    "MelSpectrogram": on((256,))(
        lambda: layers.MelSpectrogram(fft_length=64, sequence_stride=32, num_mel_bins=8)
    ),
    "Minimum": two(layers.Minimum),
    "MixUp": photo(layers.MixUp),
    "MultiHeadAttention": two(_attention()),
    "MultiHeadAttention, over two axes": on((3, 4, 6), (3, 4, 6))(
        _attention(attention_axes=(1, 2))
    ),
    "MultiHeadAttention, wide": two(_attention(value_dim=5, output_shape=7)),
    "MultiHeadAttention, without bias": two(_attention(use_bias=False)),
    "MultiHeadAttention, without flash": two(_attention(flash_attention=False)),
    "Multiply": two(layers.Multiply),
    "Normalization": flat(lambda: layers.Normalization(mean=0.5, variance=2.0)),
    "PReLU": map_(layers.PReLU),
    "PReLU, of shared axes": map_(lambda: layers.PReLU(shared_axes=[1, 2])),
    "Permute": line(lambda: layers.Permute((2, 1))),
    "Pipeline": photo(lambda: layers.Pipeline([layers.Rescaling(0.5), layers.RandomFlip()])),
    "RMSNormalization": line(layers.RMSNormalization),
    "RNN": line(lambda: layers.RNN(layers.LSTMCell(5))),
    "RNN, of a cell of one's own": line(lambda: layers.RNN(_Cell())),
    "RNN, of several cells": line(
        lambda: layers.RNN([layers.LSTMCell(5), layers.GRUCell(4)], return_sequences=True)
    ),
    "RandAugment": photo(layers.RandAugment),
    "RandomBrightness": photo(lambda: layers.RandomBrightness(0.5)),
    "RandomColorDegeneration": photo(lambda: layers.RandomColorDegeneration(0.5)),
    "RandomColorJitter": photo(lambda: layers.RandomColorJitter((0, 255), 0.5, 0.5, 0.5, 0.5)),
    "RandomContrast": photo(lambda: layers.RandomContrast(0.5)),
    "RandomCrop": photo(lambda: layers.RandomCrop(8, 9)),
    "RandomElasticTransform": photo(layers.RandomElasticTransform),
    "RandomErasing": photo(layers.RandomErasing),
    "RandomFlip": photo(layers.RandomFlip),
    "RandomGaussianBlur": photo(layers.RandomGaussianBlur),
    "RandomGrayscale": photo(layers.RandomGrayscale),
    "RandomHue": photo(lambda: layers.RandomHue(0.5)),
    "RandomInvert": photo(layers.RandomInvert),
    "RandomPerspective": photo(layers.RandomPerspective),
    "RandomPosterization": photo(lambda: layers.RandomPosterization(4)),
    "RandomRotation": photo(lambda: layers.RandomRotation(0.5)),
    "RandomSaturation": photo(lambda: layers.RandomSaturation(0.5)),
    "RandomSharpness": photo(lambda: layers.RandomSharpness(0.5)),
    "RandomShear": photo(lambda: layers.RandomShear(0.5)),
    "RandomTranslation": photo(lambda: layers.RandomTranslation(0.5, 0.5)),
    "RandomZoom": photo(lambda: layers.RandomZoom(0.5)),
    "ReLU": flat(layers.ReLU),
    "ReLU, with a ceiling and a slope": flat(lambda: layers.ReLU(max_value=3, negative_slope=0.1)),
    "RepeatVector": flat(lambda: layers.RepeatVector(3)),
    "Rescaling": photo(lambda: layers.Rescaling(0.5, 1.0)),
    "Reshape": line(lambda: layers.Reshape((6, 7))),
    "Resizing": photo(lambda: layers.Resizing(8, 9)),
    "Resizing, antialiased": photo(lambda: layers.Resizing(8, 9, antialias=True)),
    "Resizing, cut": photo(lambda: layers.Resizing(8, 8, crop_to_aspect_ratio=True)),
    "Resizing, padded": photo(lambda: layers.Resizing(8, 8, pad_to_aspect_ratio=True)),
    "ReversibleEmbedding": tokens(lambda: layers.ReversibleEmbedding(50, 8)),
    "STFTSpectrogram": on((256, 1))(lambda: layers.STFTSpectrogram(frame_length=32)),
    "SimpleRNN": line(lambda: layers.SimpleRNN(5)),
    "Softmax": flat(layers.Softmax),
    "Solarization": photo(layers.Solarization),
    "SpectralNormalization": flat(lambda: layers.SpectralNormalization(layers.Dense(4))),
    "SpectralNormalization, of a convolution": map_(
        lambda: layers.SpectralNormalization(layers.Conv2D(4, 3), power_iterations=2)
    ),
    "StringLookup": words(lambda: layers.StringLookup(vocabulary=["a", "b"])),
    "StringLookup, weighted counts": words(
        lambda: layers.StringLookup(
            vocabulary=["a", "b"], output_mode="tf_idf", idf_weights=[1.0, 2.0]
        )
    ),
    "Subtract": two(layers.Subtract),
    "TextVectorization": on((1,), dtype="string")(
        lambda: layers.TextVectorization(vocabulary=["a", "b"], output_sequence_length=8)
    ),
    "TextVectorization, counts": on((1,), dtype="string")(
        lambda: layers.TextVectorization(vocabulary=["a", "b"], output_mode="count")
    ),
    "TextVectorization, open": on((1,), dtype="string")(
        lambda: layers.TextVectorization(vocabulary=["a", "b"])
    ),
    "TimeDistributed": line(lambda: layers.TimeDistributed(layers.Dense(4))),
    "TimeDistributed, of images": on((3, *IMAGE))(
        lambda: layers.TimeDistributed(layers.Conv2D(4, 3))
    ),
    "UnitNormalization": line(layers.UnitNormalization),
    "UpSampling2D, bilinear": map_(lambda: layers.UpSampling2D(2, interpolation="bilinear")),
}


def built(one: One, batch: int = 1) -> Any:
    """Return the model of one layer."""
    inputs = [layers.Input(shape, batch_size=batch, dtype=one.dtype) for shape in one.shapes]
    layer = one.make()
    if isinstance(layer, layers.Equalization):
        layer = _Holder(layer)
    merges = len(inputs) > 1 and not isinstance(
        layer, (layers.MultiHeadAttention, layers.GroupQueryAttention)
    )
    return keras.Model(inputs, layer(inputs) if merges else layer(*inputs))
