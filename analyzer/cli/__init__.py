"""The command ``analyzer``: a module for each of its commands.

Exit codes: 0 done, 1 a check or comparison failed, 2 wrong use, 3 the model could not be read.
"""

from __future__ import annotations

import click

from analyzer.cli.check import check
from analyzer.cli.compare import compare
from analyzer.cli.explain import explain
from analyzer.cli.failing import Commands, debug
from analyzer.cli.plugins import plugins
from analyzer.cli.reconcile import reconcile
from analyzer.cli.scale import scale
from analyzer.cli.summary import summary

__all__ = ["main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="model-analyzer", prog_name="analyzer")
@debug
def main() -> None:
    """Learn what a neural network costs, whatever framework it came from.

    MODEL is a file (.onnx, .keras, .pt2, config.json, .safetensors, …) or module:callable, as in
    torchvision.models:resnet50.
    """


for command in (summary, explain, compare, reconcile, scale, check, plugins):
    main.add_command(command)
