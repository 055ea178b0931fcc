"""From a PyTorch model to the representation: prepare, run, watch, set everything back."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from textwrap import shorten
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from analyzer import (
    Input,
    InputError,
    InputGroup,
    InputSpec,
    Mode,
    Model,
    ModelBuilder,
    ModelError,
    Request,
)
from analyzer_torch.call import tensors_in
from analyzer_torch.care import switched, untouched
from analyzer_torch.configurations import Built
from analyzer_torch.defaults import completed, name_of, told
from analyzer_torch.exported import as_exported, example_inputs, module_of
from analyzer_torch.inputs import Given, Told, device_of, match, tensor_for, type_of_floats
from analyzer_torch.modules import Modules
from analyzer_torch.scopes import ProgramScopes, Scopes
from analyzer_torch.scripted import Script
from analyzer_torch.state_dicts import StateDict, read_state_dict
from analyzer_torch.trace import Tracer
from analyzer_torch.twins import storage_key
from analyzer_torch.ways import NoValuesError, check_has_values, wants_values, why_values
from analyzer_torch.wrappers import unwrapped

__all__ = ["is_model", "read"]

_BYTES_AT_MOST = 4 << 30
"""Of a model that is made with random weights, because a configuration has none."""

_SWITCHES = threading.RLock()
"""Held while switches of the whole process are turned: global hooks, the attention fast path."""


def is_model(model: object) -> bool:
    """Say whether an object is a module or an exported program."""
    return isinstance(model, (nn.Module, ExportedProgram))


def read(model: object, request: Request) -> Model:
    """Return the representation of a module or an exported program.

    Raises:
        InputError: the inputs do not fit.
        ModelError: ``forward`` failed, or the model is none that can be run.
    """
    if isinstance(model, StateDict):
        request.check_dims(())
        return read_state_dict(model, request)
    if isinstance(model, Built):
        request = replace(request, name=model.name)
        try:
            return _read(model.module, request, model.notes)
        except NoValuesError:
            if sum(one.nbytes for one in model.module.parameters()) > _BYTES_AT_MOST:
                raise
            return _read(model.with_data(), request, model.notes)
    return _read(model, request, ())


def _read(model: object, request: Request, about: Iterable[str]) -> Model:
    notes = list(about)
    module: nn.Module
    switching: nn.Module
    scopes: Scopes | None = None
    also: tuple[str, ...] = ()
    if isinstance(model, ExportedProgram):
        program = module_of(model)
        module = switching = program
        defaults, scopes = Told(example_inputs(model)), ProgramScopes(program)
    elif isinstance(model, torch.jit.ScriptModule):
        script = scopes = Script(model)
        module, switching, defaults = script.module, model, Told()
    elif isinstance(model, nn.Module):
        module, wrapped = unwrapped(model)
        notes += [wrapped] if wrapped else []
        switching = module
        request = replace(request, name=name_of(request.source, module) or request.name)
        defaults = told(request.source, module, request.batch_size, request.dims)
        also = ("batch",) if defaults.inputs else ()
    else:
        raise ModelError(f"{type(model).__name__} is no PyTorch model")
    said = request.nested_inputs()
    if said:
        _check_ranks(said, defaults.inputs)
        defaults, also = completed(module, said, request.dims), ()
    if not defaults.inputs:
        match(module.forward, ())  # an input that lacks comes before a name that is not there
    inputs, dims = request.sized(defaults.inputs, also)
    dims |= dict.fromkeys(also, request.batch_size)
    given = match(module.forward, inputs)
    if isinstance(model, ExportedProgram):
        given = as_exported(model, given)
    with _SWITCHES, switched(switching, request.mode):
        notes += _notes(model, request, defaults.note)
        read = _read_some_way(module, given, request, scopes, notes)
    return replace(read, dims=dims)


def _notes(model: object, request: Request, told: str) -> list[str]:
    """Tell where the inputs come from, and what a mode cannot do."""
    notes = [told] if told else []
    if isinstance(model, ExportedProgram) and request.mode is Mode.TRAIN:
        notes.append(
            "a program does what it did when it was exported; training mode changes nothing in it"
        )
    return notes


def _check_ranks(said: Sequence[Input], defaults: Sequence[Input]) -> None:
    """Compare with the shapes that the model's collection tells, where it does so by position."""
    if len(said) != len(defaults):
        return
    for spec, default in zip(said, defaults, strict=True):
        match spec, default:
            case _, InputSpec(name=str()):
                continue
            case InputSpec(), InputSpec() if len(spec.shape) != len(default.shape):
                raise InputError(
                    f"input {spec} has {len(spec.shape)} dimensions; the model takes "
                    f"{len(default.shape)}, as in {'x'.join(map(str, default.shape))}"
                )
            case InputSpec(), InputGroup():
                raise InputError(
                    f"input {spec} is one tensor; the model takes a container, as in {default}"
                )


def _read_some_way(
    module: nn.Module,
    given: Sequence[Given],
    request: Request,
    scopes: Scopes | None,
    notes: list[str],
) -> Model:
    """Without data first; where ``forward`` looks at values, with them."""
    integers: set[str] = set()
    real = False
    while True:
        run = _Run(module, given, request, scopes, integers=frozenset(integers), real=real)
        try:
            with untouched(module):
                return run.model(notes)
        except Exception as error:
            found = run.tracer.integers - integers
            if found:
                integers |= found
                notes.append(
                    f"input {', '.join(map(repr, sorted(found)))} is looked up in a table, so its "
                    "dtype was taken to be int64"
                )
            elif not real and wants_values(error):
                reason = run.why_values(error)
                check_has_values(module, reason)
                real = True
                notes.append(
                    f"forward was run on real numbers, because {reason}; inputs that came without "
                    "values were ones, and other numbers may make it do other work"
                )
            else:
                raise run.told(error) from error


class _Tensor(NamedTuple):
    """A tensor among the inputs: its path, and whether its type was guessed."""

    path: str
    tensor: Tensor
    guessed: bool


class _Run:
    """One run of ``forward`` under the tracer."""

    def __init__(
        self,
        module: nn.Module,
        given: Sequence[Given],
        request: Request,
        scopes: Scopes | None,
        *,
        integers: frozenset[str],
        real: bool,
    ) -> None:
        self.module = module
        self.given = given
        self.modules = Modules(module, scopes)
        self.builder = ModelBuilder(
            name=request.name or type(module).__name__,
            framework="PyTorch",
            framework_version=str(torch.__version__),
            source=request.source,
        )
        self.tracer = Tracer(self.builder, real=real)
        self.modules.declare(self.builder, self.tracer)
        floats, device = type_of_floats(module), device_of(module)
        self.inputs: list[_Tensor] = []

        def tensor(path: str, spec: InputSpec) -> Tensor:
            dtype = "int64" if path in integers else floats
            made = tensor_for(spec, dtype, device=device, real=real)
            self.inputs.append(_Tensor(path, made, guessed=spec.dtype is None))
            return made

        filled = [(one, one.filled(tensor)) for one in given]
        self.args = [value for one, value in filled if not one.keyword]
        self.kwargs = {one.name: value for one, value in filled if one.keyword}

    def model(self, notes: Sequence[str]) -> Model:
        """Run ``forward`` and return what was seen."""
        for note in notes:
            self.builder.note(note)
        inputs = [
            self.tracer.given(one.tensor, one.path, guessed=one.guessed) for one in self.inputs
        ]
        with (
            self.modules.followed(self.builder, self.tracer),
            torch.no_grad(),
            torch._C._AutoDispatchBelowAutograd(),
            self.tracer,
        ):
            result = self.module(*self.args, **self.kwargs)
        return self.builder.build(
            inputs=inputs,
            outputs=list(map(self.tracer.value, tensors_in([result]))),
            allocations=self.tracer.allocations,
        )

    def why_values(self, error: Exception) -> str:
        """Say who looked at values that are not there."""
        failure, failed = self.modules.failure, self.tracer.failed
        path = self.tracer.layer if failure is None else failure.path
        return why_values(path, failed[0] if failed else None, _one_line(error))

    def told(self, error: Exception) -> Exception:
        """Return the error that tells the user where ``forward`` failed, and on what."""
        if isinstance(error, (InputError, ModelError)):
            return error
        text = f"{type(error).__name__}: {_one_line(error)}"
        failure = self.modules.failure
        path = self.tracer.layer if failure is None else failure.path
        where = f"module {path!r}" if path else "the model"
        if failure is not None:
            where += f" ({failure.type})"
        tensors = () if failure is None else failure.reached
        reached = ", ".join(map(_sizes, tensors)) or "no tensors"
        came = ", ".join(map(str, self.given))
        if self.tracer.failed is not None:
            operator, operands = self.tracer.failed
            text = f"{operator} of {', '.join(map(_sizes, operands)) or 'nothing'}: {text}"
        # No other shapes would give the model's code a name that it lacks.
        if self._read_an_input() and not isinstance(error, (AttributeError, NameError)):
            return InputError(
                f"the inputs do not fit: {where} got {reached} from {came}; {text}; give other "
                "shapes with --input or inputs="
            )
        return ModelError(
            f"forward failed in {where}, which got {reached}; the model's inputs were "
            f"{came or 'none'}; {text}; check the inputs, or the model's code there"
        )

    def _read_an_input(self) -> bool:
        """Say whether what failed, an operator or a whole module, was given an input itself."""
        failure = self.modules.failure
        tensors = list(self.tracer.failed[1]) if self.tracer.failed else []
        if failure is not None and failure.whole:
            tensors.extend(failure.reached)
        own = {storage_key(one.tensor) for one in self.inputs}
        return any(storage_key(tensor) in own for tensor in tensors)


def _sizes(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"


def _one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return shorten(lines[0], 200, placeholder=" …") if lines else "no message"
