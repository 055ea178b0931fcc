"""The vocabulary that importers fill: one module a family, record and rule side by side."""

from analyzer.ops.attention import Attention, Mask
from analyzer.ops.base import Category, Cost, Operation, same_padding, spatial_axes
from analyzer.ops.control import Branch, Repeat, Unknown, why_uncounted
from analyzer.ops.convolution import Convolution
from analyzer.ops.elementwise import FUNCTIONS, Elementwise, Function
from analyzer.ops.fused import Fused
from analyzer.ops.linear import Einsum, Linear, MatrixProduct
from analyzer.ops.movement import CAST, COPY, FILL, LOOK_UP, NO_OP, VIEW, Embedding, Free, free
from analyzer.ops.normalization import (
    BatchNormalization,
    LocalResponseNormalization,
    Normalization,
)
from analyzer.ops.ordering import NonMaximumSuppression, Search, Sort
from analyzer.ops.pooling import AdaptivePooling, Pooling, PoolKind, mean_over
from analyzer.ops.recurrent import Cell, Recurrent
from analyzer.ops.reduction import REDUCTIONS, Reduction, Steps
from analyzer.ops.resampling import Interpolation, Sampling
from analyzer.ops.softmax import Softmax
from analyzer.ops.solving import Factorization, TriangularSolve
from analyzer.ops.transform import FourierTransform

__all__ = [
    "CAST",
    "COPY",
    "FILL",
    "FUNCTIONS",
    "LOOK_UP",
    "NO_OP",
    "REDUCTIONS",
    "VIEW",
    "AdaptivePooling",
    "Attention",
    "BatchNormalization",
    "Branch",
    "Category",
    "Cell",
    "Convolution",
    "Cost",
    "Einsum",
    "Elementwise",
    "Embedding",
    "Factorization",
    "FourierTransform",
    "Free",
    "Function",
    "Fused",
    "Interpolation",
    "Linear",
    "LocalResponseNormalization",
    "Mask",
    "MatrixProduct",
    "NonMaximumSuppression",
    "Normalization",
    "Operation",
    "PoolKind",
    "Pooling",
    "Recurrent",
    "Reduction",
    "Repeat",
    "Sampling",
    "Search",
    "Softmax",
    "Sort",
    "Steps",
    "TriangularSolve",
    "Unknown",
    "free",
    "mean_over",
    "same_padding",
    "spatial_axes",
    "why_uncounted",
]
