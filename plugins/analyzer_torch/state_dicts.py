"""Stored tensors without a model: what is certain of them by their names, and no graph."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from analyzer import InputError, Kind, Model, ModelBuilder, Request
from analyzer.dtypes import is_floating

__all__ = ["StateDict", "Stored", "read_state_dict"]

_KNOWN: dict[str, tuple[Kind, str]] = {
    "absmax": (Kind.CONSTANT, "quantization scale"),
    "attn_mask": (Kind.CONSTANT, "mask"),
    "bias": (Kind.LEARNABLE, ""),
    "causal_mask": (Kind.CONSTANT, "mask"),
    "g_idx": (Kind.CONSTANT, ""),
    "input_scale": (Kind.CONSTANT, "quantization scale"),
    "inv_freq": (Kind.CONSTANT, ""),
    "masked_bias": (Kind.CONSTANT, "mask"),
    "nested_absmax": (Kind.CONSTANT, "quantization scale"),
    "nested_quant_map": (Kind.CONSTANT, ""),
    "num_batches_tracked": (Kind.STATE, "batch counter"),
    "position_ids": (Kind.CONSTANT, ""),
    "quant_map": (Kind.CONSTANT, ""),
    "qweight": (Kind.LEARNABLE, ""),
    "qzeros": (Kind.CONSTANT, "quantization zero point"),
    "relative_position_index": (Kind.CONSTANT, ""),
    "running_mean": (Kind.STATE, "running mean"),
    "running_var": (Kind.STATE, "running variance"),
    "scales": (Kind.CONSTANT, "quantization scale"),
    "token_type_ids": (Kind.CONSTANT, ""),
    "weight": (Kind.LEARNABLE, ""),
    "weight_packed": (Kind.LEARNABLE, ""),
    "weight_scale": (Kind.CONSTANT, "quantization scale"),
    "weight_scale_inv": (Kind.CONSTANT, "quantization scale"),
    "weight_u": (Kind.STATE, "singular vector"),
    "weight_v": (Kind.STATE, "singular vector"),
    "weight_zero_point": (Kind.CONSTANT, "quantization zero point"),
    "zero_point": (Kind.CONSTANT, "quantization zero point"),
}
"""Last part of a name → what is certain of a tensor that bears it."""

_PACKED = ("qweight", "weight", "weight_packed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A tensor in a file.

    Attributes:
        name: dotted, as the model called it.
        shape: as stored.
        dtype: one of :data:`analyzer.dtypes.BITS`.
        stored_bytes: what its elements take.
        place: equal for tensors that are the same memory, None where none is shared.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    stored_bytes: int
    place: Hashable = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDict:
    """The tensors of a file, or of several that belong together.

    Attributes:
        format: who wrote it: ``"PyTorch"``, ``"safetensors"``.
        version: of the format or library.
        tensors: in the order of the file.
        notes: what else the file held, and what became of it.
    """

    format: str
    version: str
    tensors: tuple[Stored, ...]
    notes: tuple[str, ...] = ()


def read_state_dict(state: StateDict, request: Request) -> Model:
    """Return what is stored as a model without a graph, its layers named by the dots in the names.

    Raises:
        InputError: inputs came, and there is nothing to give them to.
    """
    if request.inputs:
        raise InputError(
            f"{request.source!r} holds tensors and no model, so there is nothing to give inputs to "
            f"({', '.join(map(str, request.inputs))}); leave them out"
        )
    builder = ModelBuilder(
        name=request.name,
        framework=state.format,
        framework_version=state.version,
        source=request.source,
    )
    held = _declare(builder, state.tensors)
    for path in _in_tree_order(held):
        builder.layer(
            path,
            type="Module",
            parent=path.rpartition(".")[0] if path else None,
            parameters=held.get(path, ()),
        )
    builder.note("the file holds tensors and no model: parameters and bytes are all that it tells")
    if any(_packed(tensor) for tensor in state.tensors):
        builder.note("weights of whole numbers are counted as they are stored, packed or not")
    for note in state.notes:
        builder.note(note)
    return builder.build(inputs=(), outputs=(), graph=False)


def _packed(tensor: Stored) -> bool:
    return tensor.name.rpartition(".")[2] in _PACKED and not is_floating(tensor.dtype)


def _declare(builder: ModelBuilder, tensors: Iterable[Stored]) -> dict[str, dict[str, None]]:
    """Declare each tensor once, and return the names that each layer holds."""
    held: dict[str, dict[str, None]] = {"": {}}
    names: dict[Hashable, str] = {}
    for tensor in tensors:
        path, _, last = tensor.name.rpartition(".")
        place = tensor.name if tensor.place is None else tensor.place
        if place not in names:
            names[place] = tensor.name
            kind, role = _KNOWN.get(last, (Kind.LEARNABLE, ""))
            whole = not is_floating(tensor.dtype)
            if kind is Kind.LEARNABLE and whole and last not in _PACKED:
                kind = Kind.CONSTANT
            builder.parameter(
                tensor.name,
                shape=tensor.shape,
                dtype=tensor.dtype,
                kind=kind,
                role=role,
                stored_bytes=tensor.stored_bytes,
                assumed=last not in _KNOWN or (whole and kind is Kind.LEARNABLE),
            )
        held.setdefault(path, {})[names[place]] = None
    return held


def _in_tree_order(paths: Iterable[str]) -> list[str]:
    """Return paths and those above them, each followed by those inside it, in first-come order."""
    inside: dict[str, dict[str, None]] = {}
    for path in paths:
        steps = path.split(".") if path else []
        for depth in range(len(steps)):
            parent, layer = ".".join(steps[:depth]), ".".join(steps[: depth + 1])
            inside.setdefault(parent, {})[layer] = None
    ordered, waiting = [], [""]
    while waiting:
        path = waiting.pop()
        ordered.append(path)
        waiting.extend(reversed(inside.get(path, {})))
    return ordered
