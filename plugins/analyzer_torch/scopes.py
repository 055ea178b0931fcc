"""The layers of what runs without modules, as a graph does: the graph is made to tell of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch._ops import HigherOrderOperator
from torch.fx import GraphModule, Node

__all__ = ["ProgramScopes", "Scopes"]


class Scopes:
    """Tells, while a graph runs, which module of the original model each node belongs to.

    Attributes:
        types: the original modules' types by their paths, each after the one that holds it.
        entered: is called with a path when nodes of this module begin to run.
        left: is called with a path and the results when a call of this module ends.
    """

    def __init__(self) -> None:
        self.types: dict[str, str] = {}
        self.entered: Callable[[str], None] = lambda path: None
        self.left: Callable[[str, tuple[Any, ...]], None] = lambda path, results: None


class ProgramScopes(Scopes):
    """Tells it of an exported program: its graph is flat, and its nodes remember where they ran.

    The graph is given nodes of its own that say so; they compute nothing.
    """

    def __init__(self, module: GraphModule) -> None:
        super().__init__()
        # Branches and bodies of loops are modules with a graph of their own.
        parts = [part for part in module.modules() if isinstance(part, GraphModule)]
        ended: set[str] = set()
        for part in parts:
            self._follow(part, ended)

    def _follow(self, module: GraphModule, ended: set[str]) -> None:
        """Give a graph its nodes; calls that an outer graph has seen to the end are left out."""
        nodes = list(module.graph.nodes)
        calls: dict[str, tuple[str, list[Node]]] = {}
        for node in nodes:
            for call, path, kind in _stack(node):
                calls.setdefault(call, (path, []))[1].append(node)
                self._declare(path, kind)
        results = {call: _used_outside(inside) for call, (_, inside) in calls.items()}
        self._tell_entries(module, nodes)

        def left(path: str, *results: Any) -> None:
            self.left(path, results)

        for call, (path, inside) in calls.items():  # outer calls first, so inner ones end first
            if path and call not in ended:
                with module.graph.inserting_after(inside[-1]):
                    module.graph.call_function(left, (path, *results[call]))
        ended.update(calls)
        module.recompile()

    def _declare(self, path: str, kind: str) -> None:
        holders = [path[:at] for at, sign in enumerate(path) if sign == "."]
        for holder in ("", *holders):
            self.types.setdefault(holder, "Module")
        self.types[path] = kind

    def _tell_entries(self, module: GraphModule, nodes: Iterable[Node]) -> None:
        def entered(path: str) -> None:
            self.entered(path)

        running: str | None = ""
        for node in nodes:
            stack = _stack(node)
            path = stack[-1][1] if stack else running
            if path is not None and path != running:
                with module.graph.inserting_before(node):
                    module.graph.call_function(entered, (path,))
            running = None if isinstance(node.target, HigherOrderOperator) else path


def _stack(node: Node) -> list[tuple[str, str, str]]:
    """Return what was running, outermost first: name of the call, path, type."""
    if node.op != "call_function":
        return []
    stack: dict[str, tuple[str, Any]] = node.meta.get("nn_module_stack") or {}
    return [
        (call, path, (kind if isinstance(kind, str) else kind.__name__).rpartition(".")[2])
        for call, (path, kind) in stack.items()
    ]


def _used_outside(inside: list[Node]) -> tuple[Node, ...]:
    known = set(inside)
    return tuple(node for node in inside if any(user not in known for user in node.users))
