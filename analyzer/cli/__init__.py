"""The command ``analyzer``: a module for each of its commands.

Exit codes: 0 done, 1 a check or comparison failed, 2 wrong use, 3 the model could not be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

import click

from analyzer.cli.failing import Commands, debug

__all__ = ["main"]

_NAMES = ("summary", "explain", "compare", "reconcile", "scale", "check", "plugins")


class _Modules(Mapping[str, click.Command]):
    """The commands by name: each is made when it is asked for, most runs need one."""

    def __getitem__(self, name: str) -> click.Command:
        if name not in _NAMES:
            raise KeyError(name)
        command: click.Command = getattr(import_module(f"analyzer.cli.{name}"), name)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


@click.group(
    cls=Commands, commands=_Modules(), context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="model-analyzer", prog_name="analyzer")
@debug
def main() -> None:
    """Learn what a neural network costs, whatever framework it came from.

    MODEL is a file (.onnx, .keras, .pt2, config.json, .safetensors, …) or module:callable, as in
    torchvision.models:resnet50.
    """
