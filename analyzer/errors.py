"""The errors that the project raises, each with the exit code that the command gives for it.

AnalyzerError
├── CheckError              1  a budget is broken, or nobody can tell whether it is
├── UsageError              2  the request cannot be carried out as it was made
│   ├── InputError             an input's name, shape or dtype does not fit the model
│   └── UnknownNameError       a layer, convention, format or plugin that does not exist
├── ModelError              3  the model could not be read
│   ├── ModelNotFoundError     there is no such file, module or callable
│   ├── NoImporterError        no importer takes this kind of object or file
│   └── MissingFrameworkError  the framework is not installed
└── PluginError             3  a plugin is broken, or two plugins have one name

A message is one line and says what happened, where, what came, and what to do.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AnalyzerError",
    "CheckError",
    "InputError",
    "MissingFrameworkError",
    "ModelError",
    "ModelNotFoundError",
    "NoImporterError",
    "PluginError",
    "UnknownNameError",
    "UsageError",
]


class AnalyzerError(Exception):
    """Base of every error that this project raises on purpose."""

    exit_code: ClassVar[int] = 3


class CheckError(AnalyzerError):
    """A check failed: a budget is broken, or nobody can tell whether it is."""

    exit_code: ClassVar[int] = 1


class UsageError(AnalyzerError):
    """The request itself is wrong: an option, an argument, a combination of them."""

    exit_code: ClassVar[int] = 2


class InputError(UsageError):
    """An input's name, shape or dtype does not fit the model."""


class UnknownNameError(UsageError):
    """A layer, convention, format or plugin of this name does not exist."""


class ModelError(AnalyzerError):
    """The model was found but could not be read or run."""


class ModelNotFoundError(ModelError):
    """There is no such file, module or callable."""


class NoImporterError(ModelError):
    """No installed importer takes this kind of object or file."""


class MissingFrameworkError(ModelError):
    """The framework that this model needs is not installed."""


class PluginError(AnalyzerError):
    """A plugin could not be loaded, or two plugins claim one name."""
