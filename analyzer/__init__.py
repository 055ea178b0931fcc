"""What a neural network costs, whatever framework it came from.

>>> import analyzer
>>> analyzer.__version__.count(".")
2
"""

from analyzer import ops
from analyzer.api import analyze, compare
from analyzer.builder import ModelBuilder, Use
from analyzer.conventions import Convention
from analyzer.errors import AnalyzerError, InputError, ModelError, UsageError
from analyzer.expression import Expression, Factor, product, total
from analyzer.hookspecs import hookimpl
from analyzer.importer import Importer, Mode, Request
from analyzer.inputs import InputSpec
from analyzer.ir import Allocation, Kind, Layer, Model, Node, Parameter, Tensor
from analyzer.ops.base import Category, Cost, Operation
from analyzer.render import Renderer
from analyzer.report import LayerReport, Report

__version__ = "0.1.0"

__all__ = [
    "Allocation",
    "AnalyzerError",
    "Category",
    "Convention",
    "Cost",
    "Expression",
    "Factor",
    "Importer",
    "InputError",
    "InputSpec",
    "Kind",
    "Layer",
    "LayerReport",
    "Mode",
    "Model",
    "ModelBuilder",
    "ModelError",
    "Node",
    "Operation",
    "Parameter",
    "Renderer",
    "Report",
    "Request",
    "Tensor",
    "UsageError",
    "Use",
    "analyze",
    "compare",
    "hookimpl",
    "ops",
    "product",
    "total",
]
