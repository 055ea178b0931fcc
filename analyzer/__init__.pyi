"""The public names: what plugins and users may import."""

from . import ops
from .api import analyze, check, compare, reconcile
from .builder import ModelBuilder, Use
from .checking.result import Check
from .comparing.comparison import Comparison, Comparisons
from .conventions import Convention, Place
from .document import Document
from .errors import AnalyzerError, InputError, ModelError, UsageError
from .explaining.explanation import Explanation, Explanations
from .expression import Expression, Factor, Formula, Quotient, Sum, product, total
from .garbage import no_collection
from .given import normalize_inputs
from .hookspecs import hookimpl
from .importer import Importer, Mode, Request
from .inputs import Input, InputGroup, InputSpec, InputValue, open_spec, resized, tensors_in
from .ir import Allocation, Bound, Kind, Layer, Model, Node, Parameter, Tensor
from .ops.base import Category, Cost, Operation
from .reconciling.reconciliation import Reconciliation
from .render import Renderer
from .report import LayerReport, Report
from .scaling.scaling import Scaling, scale

__version__: str

__all__ = [
    "Allocation",
    "AnalyzerError",
    "Bound",
    "Category",
    "Check",
    "Comparison",
    "Comparisons",
    "Convention",
    "Cost",
    "Document",
    "Explanation",
    "Explanations",
    "Expression",
    "Factor",
    "Formula",
    "Importer",
    "Input",
    "InputError",
    "InputGroup",
    "InputSpec",
    "InputValue",
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
    "Place",
    "Quotient",
    "Reconciliation",
    "Renderer",
    "Report",
    "Request",
    "Scaling",
    "Sum",
    "Tensor",
    "UsageError",
    "Use",
    "analyze",
    "check",
    "compare",
    "hookimpl",
    "no_collection",
    "normalize_inputs",
    "open_spec",
    "ops",
    "product",
    "reconcile",
    "resized",
    "scale",
    "tensors_in",
    "total",
]
