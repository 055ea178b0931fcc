"""Named ways of counting: one module for each tool.

The default, ``analyzer``, has no rules of its own: it is the operations'. The others say what
another tool would have counted; :data:`BUILT_IN` is the list of them.
"""

from analyzer.conventions.base import Convention, Rule, Rules
from analyzer.conventions.calflops import CALFLOPS
from analyzer.conventions.fvcore import FVCORE
from analyzer.conventions.keras import KERAS
from analyzer.conventions.onnx_tool import ONNX_TOOL
from analyzer.conventions.place import Place, Surroundings
from analyzer.conventions.ptflops import PTFLOPS
from analyzer.conventions.ptflops_aten import PTFLOPS_ATEN
from analyzer.conventions.thop import THOP
from analyzer.conventions.torch import TORCH, TORCHVISION
from analyzer.conventions.torchinfo import TORCHINFO
from analyzer.conventions.xla import XLA

__all__ = ["ANALYZER", "BUILT_IN", "Convention", "Place", "Rule", "Rules", "Surroundings"]

ANALYZER = Convention(
    name="analyzer",
    version=1,
    description="every scalar operation of the textbook algorithm; 2 FLOPs a MAC (the default)",
    integers=False,
)

BUILT_IN = (
    ANALYZER,
    TORCH,
    TORCHVISION,
    FVCORE,
    PTFLOPS,
    PTFLOPS_ATEN,
    THOP,
    TORCHINFO,
    CALFLOPS,
    ONNX_TOOL,
    KERAS,
    XLA,
)
