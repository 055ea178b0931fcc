"""Is it right? Ours and every other tool on one list of models, beside a truth made in the run.

A framework is a module with its cases, and a line of :data:`FRAMEWORKS`. A case says how a model is
built; :mod:`benchmarks.truth` counts what its execution really multiplies.
"""

__all__ = ["FRAMEWORKS"]

FRAMEWORKS = {
    "pytorch": "benchmarks.accuracy.pytorch",
    "keras": "benchmarks.accuracy.keras",
    "keras on jax": "benchmarks.accuracy.keras_on_jax",
    "tensorflow": "benchmarks.accuracy.tensorflow",
    "onnx": "benchmarks.accuracy.onnx",
    "flax": "benchmarks.accuracy.flax",
}
"""Each is a module with a :class:`~benchmarks.accuracy.cases.Framework` called FRAMEWORK."""
