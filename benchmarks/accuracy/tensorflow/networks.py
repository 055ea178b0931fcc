"""Cases that are whole networks: SavedModels that Keras exports."""

from __future__ import annotations

from benchmarks.accuracy.keras.networks import NETWORKS as OF_KERAS
from benchmarks.accuracy.tensorflow.building import saved

__all__ = ["NETWORKS"]

NETWORKS = tuple(saved(of, of.name) for of in OF_KERAS)
