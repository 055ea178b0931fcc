"""``analyzer plugins``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from analyzer.cli.options import write, writing

if TYPE_CHECKING:
    from analyzer.render import Renderer


@click.command()
@writing
def plugins(format: Renderer, output: str | None) -> None:
    """List plugins: what they provide, and which are broken."""
    from analyzer.discovery import registry
    from analyzer.present_plugins import present_plugins

    write(present_plugins(registry()), format, output)
