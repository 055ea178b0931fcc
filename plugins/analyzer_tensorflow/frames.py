"""Loops as TensorFlow 1 writes them, turned into the ``While`` that they are.

A loop is a frame: ``Enter`` brings values in, ``Merge`` takes them first from there and then from
``NextIteration``, ``Switch`` sends them into the body or to ``Exit``, as ``LoopCond`` says. Graphs
are frozen in this form even where they were written with ``While``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Frame", "frames_in", "rewritten"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One loop.

    Attributes:
        name: of the frame.
        starts: references to what its carried values begin as.
        merges, switches, steps, exits: names of the nodes of each carried value; ``steps`` are
            references to what a run hands on, and an exit that nobody wants is empty.
        fixed: ``Enter`` nodes of what is the same in every run, to references of what they bring.
        condition: reference to what decides.
    """

    name: str
    starts: tuple[str, ...]
    merges: tuple[str, ...]
    switches: tuple[str, ...]
    steps: tuple[str, ...]
    exits: tuple[tuple[str, ...], ...]
    fixed: Mapping[str, str]
    condition: str


def frames_in(nodes: Mapping[str, Any]) -> list[Frame]:
    """Return the outermost loops of a body that are whole."""
    enters: dict[str, list[Any]] = {}
    for node in nodes.values():
        if node.op in ("Enter", "RefEnter"):
            enters.setdefault(node.attr["frame_name"].s.decode(errors="replace"), []).append(node)
    if not enters:
        return []
    readers: dict[str, list[Any]] = {}
    for node in nodes.values():
        for text in node.input:
            readers.setdefault(text.lstrip("^").partition(":")[0], []).append(node)
    found = [_frame(name, group, nodes, readers) for name, group in enters.items()]
    frames = [frame for frame in found if frame is not None]
    inside = {name for frame in frames for name in _behind(nodes, frame)}
    return [frame for frame in frames if not inside.intersection(frame.merges)]


def _frame(
    name: str, group: Iterable[Any], nodes: Mapping[str, Any], readers: Mapping[str, list[Any]]
) -> Frame | None:
    starts, merges, switches, steps, exits = [], [], [], [], []
    fixed, condition = {}, ""
    for enter in group:
        merge = next((one for one in readers.get(enter.name, ()) if one.op == "Merge"), None)
        if merge is None:
            fixed[enter.name] = enter.input[0]
            continue
        switch = next((one for one in readers.get(merge.name, ()) if one.op == "Switch"), None)
        back = [nodes.get(text.partition(":")[0]) for text in merge.input]
        step = next((one for one in back if one is not None and one.op == "NextIteration"), None)
        if switch is None or step is None:
            return None
        decides = nodes.get(switch.input[1].partition(":")[0])
        if decides is None or decides.op != "LoopCond":
            return None
        condition = decides.input[0]
        starts.append(enter.input[0])
        merges.append(merge.name)
        switches.append(switch.name)
        steps.append(step.input[0])
        ends = [one for one in readers.get(switch.name, ()) if one.op == "Exit"]
        exits.append(tuple(one.name for one in ends if readers.get(one.name)))
    if not condition:
        return None
    return Frame(
        name=name,
        starts=tuple(starts),
        merges=tuple(merges),
        switches=tuple(switches),
        steps=tuple(steps),
        exits=tuple(exits),
        fixed=fixed,
        condition=condition,
    )


def _behind(nodes: Mapping[str, Any], frame: Frame) -> set[str]:
    """Return the nodes of a frame's body and condition, without those that make it a loop."""
    own = {*frame.merges, *frame.switches, *frame.fixed}
    pending = [*frame.steps, frame.condition]
    found: set[str] = set()
    while pending:
        name = pending.pop().partition(":")[0]
        if name.startswith("^") or name in found or name in own or name not in nodes:
            continue
        found.add(name)
        pending += nodes[name].input
    return found


def rewritten(
    nodes: Mapping[str, Any], frame: Frame
) -> tuple[dict[str, Any], dict[str, tuple[dict[str, Any], list[str], list[str]]]]:
    """Return a body's nodes with a ``While`` in place of a frame, and the two functions it calls.

    A function is its nodes, the names of its arguments, and references to its results.
    """
    from tensorflow.core.framework import node_def_pb2

    carried = [f"{frame.name}.{at}" for at in range(len(frame.merges))]
    fixed = [f"{frame.name}.{name}" for name in frame.fixed]
    kept = dict(zip(frame.fixed, fixed, strict=True))
    in_condition = kept | dict(zip(frame.merges, carried, strict=True))
    in_body = in_condition | {
        f"{name}:1": argument for name, argument in zip(frame.switches, carried, strict=True)
    }
    inner = {name: nodes[name] for name in nodes if name in _behind(nodes, frame)}
    condition, body = f"{frame.name}/condition", f"{frame.name}/body"
    functions = {
        condition: (
            _renamed(inner, in_condition),
            [*carried, *fixed],
            [_mapped(frame.condition, in_condition)],
        ),
        body: (
            _renamed(inner, in_body),
            [*carried, *fixed],
            [*(_mapped(text, in_body) for text in frame.steps), *fixed],
        ),
    }
    loop = node_def_pb2.NodeDef(op="While", name=f"{_scope(frame)}while")
    loop.input.extend([*frame.starts, *frame.fixed.values()])
    loop.attr["cond"].func.name = condition
    loop.attr["body"].func.name = body
    results = {name: f"{loop.name}:{at}" for at, names in enumerate(frame.exits) for name in names}
    gone = {*inner, *frame.switches, *_hinges(nodes, frame)}
    outer: dict[str, Any] = {}
    for name, node in nodes.items():
        if name in results:
            given = node_def_pb2.NodeDef(op="Identity", name=name, input=[results[name]])
            outer[name] = given
        elif name not in gone:
            outer[name] = node
    outer[loop.name] = loop
    return _alive(outer, gone), functions


def _hinges(nodes: Mapping[str, Any], frame: Frame) -> set[str]:
    """Return the nodes that only make a frame a loop."""
    found = {*frame.merges, *frame.fixed}
    for name in frame.merges:
        found.update(text.lstrip("^").partition(":")[0] for text in nodes[name].input)
    for name in frame.switches:
        found.add(nodes[name].input[1].partition(":")[0])
    return found


def _alive(nodes: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    """Leave out what only read the inside of a loop: nothing comes of it."""
    while True:
        dead = {
            name
            for name, node in nodes.items()
            if any(text.partition(":")[0] in gone for text in node.input)
        }
        if not dead:
            return nodes
        gone = dead
        nodes = {name: node for name, node in nodes.items() if name not in dead}


def _scope(frame: Frame) -> str:
    """Return the scope in which a loop stands: that of its first node."""
    return frame.merges[0].rpartition("/")[0] + "/" if "/" in frame.merges[0] else ""


def _mapped(text: str, names: Mapping[str, str]) -> str:
    plain = text.removesuffix(":0")
    return names.get(text) or names.get(plain) or text


def _renamed(nodes: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return nodes that read arguments where they read what a frame brings in."""
    found = {}
    for name, node in nodes.items():
        inputs = [_mapped(text, names) for text in node.input]
        if inputs != list(node.input):
            copy = type(node)()
            copy.CopyFrom(node)
            copy.input[:] = inputs
            found[name] = copy
        else:
            found[name] = node
    return found
