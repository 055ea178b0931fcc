"""Lays out which plugins there are, and what they provide."""

from __future__ import annotations

from importlib.util import find_spec

from analyzer.discovery import Registry
from analyzer.document import Cell, Document, Heading, Table
from analyzer.importer import Importer

__all__ = ["present_plugins"]


def present_plugins(registry: Registry) -> Document:
    """Lay out which plugins there are, what they provide, and which are broken."""
    rows: list[tuple[Cell, ...]] = [
        (
            plugin.name,
            plugin.distribution,
            "broken: " + plugin.error if plugin.error else "in use",
            ", ".join(plugin.provides),
        )
        for plugin in registry.plugins
    ]
    table = Table(columns=("Plugin", "Package", "State", "Provides"), rows=tuple(rows))
    frameworks: list[tuple[Cell, ...]] = [
        (importer.framework, _state(importer), " ".join(importer.suffixes))
        for importer in registry.importers.values()
    ]
    conventions: list[tuple[Cell, ...]] = [
        (convention.name, convention.version, convention.description, convention.checked)
        for convention in registry.conventions.values()
    ]
    formats: list[tuple[Cell, ...]] = [
        (renderer.name, renderer.description) for renderer in registry.renderers.values()
    ]
    return Document(
        blocks=(
            Heading(text="Plugins"),
            table,
            Heading(text="Frameworks", level=2),
            Table(columns=("Framework", "State", "Files"), rows=tuple(frameworks)),
            Heading(text="Conventions", level=2),
            Table(columns=("Name", "Version", "Counts", "Held to"), rows=tuple(conventions)),
            Heading(text="Formats", level=2),
            Table(columns=("Name", "What it is"), rows=tuple(formats)),
        ),
        table=table,
        data={
            "plugins": [
                {
                    "name": plugin.name,
                    "distribution": plugin.distribution,
                    "value": plugin.value,
                    "error": plugin.error or None,
                    "provides": plugin.provides,
                }
                for plugin in registry.plugins
            ],
            "conventions": sorted(registry.conventions),
            "formats": sorted(registry.renderers),
        },
    )


def _state(importer: Importer) -> str:
    if all(find_spec(package) is not None for package in importer.packages[:1]):
        return "installed"
    return f"not installed: pip install '{importer.requirement}'"
