"""TorchScript, traced or scripted: its interpreter runs a graph that is made to tell where it is.

The interpreter dispatches operators as eager code does, so the tracer sees them; module hooks it
does not know. So a copy of the graph, with all methods put in place of their calls, gets calls of
ours before and after each. The user's module keeps its own graphs.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.jit._fuser import optimized_execution

from analyzer import ModelError
from analyzer_torch.marks import mark_graphs, undeprecated, watched_by
from analyzer_torch.scopes import Scopes

__all__ = ["Script", "load_script"]

_FORWARD = re.compile(r"forward(__)?\d*")
"""What methods are called: a traced module has one for each call, others may be overloaded."""


def load_script(path: Path) -> torch.jit.ScriptModule:
    """Read a TorchScript file.

    Raises:
        ModelError: the file is damaged, or needs operators that are not there.
    """
    try:
        with undeprecated():
            loaded: torch.jit.ScriptModule = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError, OSError, EOFError) as error:
        raise ModelError(
            f"{str(path)!r} could not be read as TorchScript: {' '.join(str(error).split())[:300]}"
        ) from error
    return loaded


class Script(Scopes):
    """A TorchScript module made ready to be watched.

    Attributes:
        module: what to run; it and its modules hold the tensors of the script's, under their paths.
    """

    def __init__(self, script: torch.jit.ScriptModule) -> None:
        super().__init__()
        self._script = script
        self._running: list[str] = []
        self._results: list[Tensor] = []
        self._assigned: list[tuple[Any, str]] = []
        try:
            method = script._c._get_method("forward")
        except RuntimeError:
            raise ModelError(
                "the TorchScript module has no forward; make one that calls the method you mean"
            ) from None
        graph = self._spelled_out(script._c, method.graph, "")
        self._run = torch._C._create_function_from_graph("forward", graph)
        self._signature = _signature(method.schema)
        self.module = self._mirrored()

    def _mirrored(self) -> nn.Module:
        """Make modules that hold what the script's modules hold: those are no plain modules."""
        name = getattr(self._script, "original_name", "ScriptModule")
        root: nn.Module = type(name, (_Runner,), {})(self._call, self._signature)
        made: dict[str, nn.Module] = {"": root}
        for path, inner in self._script.named_modules(remove_duplicate=False):
            self.types[path] = getattr(inner, "original_name", type(inner).__name__)
            if path:
                parent, _, name = path.rpartition(".")
                made[path] = nn.Module()
                made[parent].add_module(name, made[path])
            for name, tensor in inner.named_parameters(recurse=False):
                parameter = nn.Parameter(tensor.detach(), requires_grad=tensor.requires_grad)
                made[path].register_parameter(name, parameter)
            for name, tensor in inner.named_buffers(recurse=False):
                made[path].register_buffer(name, tensor)
        return root

    def _call(self, *args: Any, **kwargs: Any) -> Any:
        given = self._signature.bind(*args, **kwargs)
        given.apply_defaults()
        kept = [(owner, name, owner.getattr(name)) for owner, name in self._assigned]
        self._running.clear()
        self._results.clear()
        try:
            with optimized_execution(False), watched_by(self):  # operator by operator
                return self._run(self._script, *given.args)
        except (RuntimeError, torch.jit.Error) as error:  # with a page of where it was in the text
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            path = self._running[-1] if self._running else ""
            where = f"in module {path!r} ({self.types[path]}): " if path else ""
            text = lines[-1] if lines else "no message"
            raise RuntimeError(where + text.removeprefix("builtins.")) from error
        finally:
            for owner, name, value in kept:
                owner.setattr(name, value)

    def enter(self, path: str) -> None:
        """Take note that a call of a module begins."""
        self._running.append(path)
        self.entered(path)

    def result(self, tensor: Tensor) -> None:
        """Take note of a tensor that the running module returns."""
        self._results.append(tensor)

    def leave(self) -> None:
        """Take note that the call ends."""
        self.left(self._running.pop(), tuple(self._results))
        self._results.clear()
        self.entered(self._running[-1] if self._running else "")

    def _spelled_out(self, owner: Any, graph: Any, path: str) -> Any:
        """Return a copy of a method's graph with the methods that it calls in place."""
        copied = graph.copy()
        known = {next(copied.inputs()).unique(): (owner, path)}
        self._spell_out(copied, copied, known)
        return copied

    def _spell_out(self, graph: Any, block: Any, known: dict[int, tuple[Any, str]]) -> None:
        for node in list(block.nodes()):
            for inner in node.blocks():
                self._spell_out(graph, inner, known)
            kind = node.kind()
            if kind not in ("prim::GetAttr", "prim::SetAttr", "prim::CallMethod"):
                continue
            owner, path = known.get(next(node.inputs()).unique(), (None, ""))
            if owner is None:  # an object that is no module
                continue
            if kind == "prim::SetAttr":
                self._assigned.append((owner, node.s("name")))
            elif kind == "prim::GetAttr":
                held = owner.getattr(node.s("name"))
                if isinstance(held, torch._C.ScriptModule):
                    inner_path = f"{path}.{node.s('name')}" if path else node.s("name")
                    known[node.output().unique()] = (held, inner_path)
            else:
                self._put_in_place(graph, node, owner, path)

    def _put_in_place(self, graph: Any, node: Any, owner: Any, path: str) -> None:
        """Put the graph of a method where it is called, between marks if it is a module's call."""
        name = node.s("name")
        called = self._spelled_out(owner, owner._get_method(name).graph, path)
        marks = mark_graphs() if _FORWARD.fullmatch(name) else None
        graph.setInsertPoint(node)
        if marks is not None:
            graph.insertGraph(marks["enter"], [graph.insertConstant(path)])
        made = graph.insertGraph(called, list(node.inputs()))
        results = list(made) if isinstance(made, (list, tuple)) else [made]
        if marks is not None:
            for result in results:
                _mark_tensors(graph, marks["result"], result)
            graph.insertGraph(marks["leave"], [])
        for old, new in zip(node.outputs(), results, strict=True):
            old.replaceAllUsesWith(new)
        node.destroy()


class _Runner(nn.Module):
    """Stands for the script: what is called is the graph that tells where it runs."""

    def __init__(self, run: Callable[..., Any], signature: inspect.Signature) -> None:
        super().__init__()

        def forward(*args: Any, **kwargs: Any) -> Any:
            return run(*args, **kwargs)

        forward.__signature__ = signature  # type: ignore[attr-defined]
        self.forward = forward


def _mark_tensors(graph: Any, mark: Any, value: Any) -> None:
    """Mark a tensor, or those in a tuple, as what is returned."""
    kind = value.type()
    if kind.kind() == "TensorType":
        graph.insertGraph(mark, [value])
    elif kind.kind() == "TupleType":
        parts = kind.elements()
        unpacked = graph.insertNode(graph.create("prim::TupleUnpack", [value], len(parts)))
        for part, part_kind in zip(unpacked.outputs(), parts, strict=True):
            part.setType(part_kind)
            _mark_tensors(graph, mark, part)


def _signature(schema: Any) -> inspect.Signature:
    """Return the arguments of a method, ``self`` left out."""
    return inspect.Signature(
        [
            inspect.Parameter(
                argument.name,
                inspect.Parameter.KEYWORD_ONLY
                if argument.kwarg_only
                else inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=argument.default_value
                if argument.has_default_value()
                else inspect.Parameter.empty,
            )
            for argument in schema.arguments[1:]
        ]
    )
