"""The CNN of the first lesson, in Keras: how many parameters does it have, and why?"""

from __future__ import annotations

import keras
from keras import layers


def build() -> keras.Model:
    """Return the model: four convolutions and a dense layer on images of 32 × 32 × 3."""
    return keras.Sequential(
        [
            layers.Input((32, 32, 3), name="image"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="Conv1"),
            layers.Conv2D(64, 3, padding="same", use_bias=True, activation="relu", name="Conv2"),
            layers.Conv2D(128, 3, padding="same", activation="relu", name="Conv3"),
            layers.Conv2D(256, 1, activation="relu", name="Conv4"),
            layers.Flatten(name="Flatten"),
            layers.Dense(10, name="Dense"),
        ],
        name="cnn",
    )
