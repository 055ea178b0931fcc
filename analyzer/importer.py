"""What an importer is: the part of a plugin that turns a native model into the representation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from analyzer.errors import InputError, UsageError

if TYPE_CHECKING:  # every plugin is an importer; few runs of the command come to a model
    from pathlib import Path

    from analyzer.inputs import Input, InputSpec
    from analyzer.ir import Model

__all__ = ["Importer", "Mode", "Request"]


class Mode(StrEnum):
    """Which behaviour of the model is analysed."""

    INFERENCE = "inference"
    TRAIN = "train"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked for.

    Attributes:
        inputs: what was said of the inputs, in order; empty when nothing was. :meth:`flat_inputs`
            and :meth:`nested_inputs` bring it into the form that a model takes.
        batch_size: for inputs whose first dimension is open or comes from a default.
        dims: sizes of dimensions by name; see :meth:`check_dims`.
        mode: inference, or what training would do.
        source: the path or ``module:callable`` that the model came from, else the object's type.
        name: what to call the model.
    """

    inputs: tuple[Input, ...] = ()
    batch_size: int = 1
    dims: Mapping[str, int] = field(default_factory=dict)
    mode: Mode = Mode.INFERENCE
    source: str = ""
    name: str = ""

    def flat_inputs(self) -> tuple[InputSpec, ...]:
        """Return the tensors among the inputs, for a model whose inputs are not nested.

        Those in containers are named by their paths, as in ``images[0]``.

        Raises:
            InputError: an input is neither a tensor nor a number.
        """
        from analyzer.inputs import flat_inputs

        return flat_inputs(self.inputs)

    def check_dims(self, known: Iterable[str]) -> None:
        """Check that every size in ``dims`` is for one of the dimensions that the model has.

        Raises:
            InputError: there is no dimension of a name.
        """
        names = sorted(set(known))
        for name in self.dims:
            if name not in names:
                raise InputError(
                    f"{name!r}: the model has no open dimension of this name; it has "
                    f"{', '.join(map(repr, names)) or 'none at all'}, and --input 1x{{{name}}} "
                    "would name one"
                )

    def sized(
        self, inputs: Iterable[Input], also: Iterable[str] = ()
    ) -> tuple[tuple[Input, ...], dict[str, int]]:
        """Return inputs that the model tells with the sizes of ``dims``, and all their named sizes.

        The batch size is for an open size called ``batch``; what nothing tells stays open. ``also``
        are names that the inputs already follow.

        Raises:
            InputError: a name in ``dims`` is not among them.

        >>> from analyzer import InputSpec
        >>> told = InputSpec(shape=(1, 3, 8, 8), axes=("batch", "", "height", "width"))
        >>> made, dims = Request(dims={"height": 6}).sized([told])
        >>> str(made[0]), dims
        ('1x3x6x8', {'batch': 1, 'height': 6, 'width': 8})
        """
        from analyzer.inputs import resized, tensors_in

        batch = {"batch": self.batch_size}
        told = (resized(item, self.dims) for item in inputs)
        made = tuple(resized(item, batch, only_open=True) for item in told)
        dims = {name: size for one in tensors_in(made) for name, size in one.named_sizes.items()}
        self.check_dims((*dims, *also))
        return made, dims

    def nested_inputs(self) -> tuple[Input, ...]:
        """Return the inputs as arguments of a call; what paths name is gathered in containers.

        Raises:
            InputError: two paths do not go together.
        """
        from analyzer.inputs import nested_inputs

        return nested_inputs(self.inputs)


class Importer(ABC):
    """Reads the models of one framework.

    A plugin's module must import without its framework; the framework is imported inside methods.

    Attributes:
        name: unique among importers; the plugin's own name in messages.
        framework: the framework's name as people write it.
        extra: extra of model-analyzer that installs the framework, for error messages.
        packages: top-level packages that the framework and its model collections live in; the
            first one is needed to read a file. Empty where nothing has to be installed.
        suffixes: endings of the files that :meth:`load` takes, with the dot; for a file whose
            content tells more than its name, see :meth:`takes`.
    """

    name: ClassVar[str]
    framework: ClassVar[str]
    extra: ClassVar[str] = ""
    packages: ClassVar[tuple[str, ...]] = ()
    suffixes: ClassVar[tuple[str, ...]] = ()

    @property
    def requirement(self) -> str:
        """What pip has to install for the framework; a plugin of its own distribution says so."""
        return f"model-analyzer[{self.extra}]"

    def prepare(self) -> None:  # noqa: B027  # most frameworks need nothing
        """Make the process ready, before code that may import the framework is run.

        Must be quick and must not import the framework: it is called for every model that is not
        of this framework, too.
        """

    @abstractmethod
    def accepts(self, model: object) -> bool:
        """Say whether ``model`` is one of this framework's. Must not import the framework."""

    @abstractmethod
    def read(self, model: object, request: Request) -> Model:
        """Return the representation of ``model``; leave the object as it was.

        Raises:
            InputError: an input does not fit, or one is needed that nothing tells.
            ModelError: the model cannot be read or run.
        """

    def takes(self, path: Path) -> bool:
        """Say whether a file or folder, which exists, is one of this framework's.

        By its name, unless an importer looks into it. Must not import the framework, nor fail on
        a file that is damaged: :meth:`load` tells of that.
        """
        return path.name.lower().endswith(self.suffixes)

    def load(self, path: Path) -> object:
        """Return the native model in a file or folder, for :meth:`read`.

        Raises:
            ModelError: the file is damaged or no model of this framework.
        """
        raise NotImplementedError(f"importer {self.name} declares suffixes and does not load them")

    def load_with(self, path: Path, arguments: Mapping[str, object]) -> object:
        """Return the native model in a file, made with the user's arguments.

        For files that only describe a model, as a configuration does; others refuse arguments.

        Raises:
            UsageError: this file takes no arguments, or not these.
            ModelError: the file is damaged or no model of this framework.
        """
        raise UsageError(
            f"--arg is for what makes a model, and {str(path)!r} holds one that is made; leave out "
            f"{', '.join(arguments)}"
        )

    def arguments(
        self, target: str, factory: Callable[..., object], given: Mapping[str, object]
    ) -> dict[str, object]:
        """Return the arguments with which to call a ``module:callable``.

        For a known collection of models, add those that keep it from fetching weights; what the
        user gave wins.
        """
        return dict(given)

    def importing(self, module: str) -> AbstractContextManager[object]:
        """Return a context in which the module of a ``module:callable`` is imported.

        For a framework that can be started in several ways, to choose one where the user has not.
        Must not import the framework.
        """
        return nullcontext()

    def making(
        self, factory: Callable[..., object], arguments: Mapping[str, object]
    ) -> AbstractContextManager[object]:
        """Return a context in which a ``module:callable`` is called with these arguments.

        A framework that draws weights at random draws the same ones each time in it, and has its
        own random state back afterwards: where values decide what a model does, the same command
        is to give the same numbers. Must not import the framework.
        """
        return nullcontext()
