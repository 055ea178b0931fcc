"""Mixtures of experts: how many experts a token reaches follows from what its router chose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from torch import nn

from analyzer_torch.call import Call

__all__ = ["Experts"]

_CHOOSING = ("topk", "argmax", "max")
"""Operators with which a router chooses along an axis; where it has several, the first counts."""

_LOOK_UPS = frozenset({"index", "index_select", "select"})
"""Operators that take experts out of a stack of them."""

_PRODUCTS = frozenset({"_grouped_mm", "baddbmm", "bmm", "einsum", "matmul"})
"""Operators that multiply by a stack of experts; a product with a matrix is none."""


class _Router(NamedTuple):
    """Where something was chosen along an axis, of how many, and with which operator."""

    layer: str
    experts: int
    operator: str


class Experts:
    """Watches for routers, and for parameters that are stacked experts.

    A router chooses the best k of n. Experts are what stands beside a router, or around it, and is
    n: modules in a list of n, or a parameter whose first axis is n and that is looked up, or
    multiplied by, along that axis.
    """

    def __init__(self) -> None:
        self._choices: dict[_Router, list[int]] = {}
        self._stacks: dict[str, int] = {}

    def saw(self, call: Call, layer: str) -> None:
        """Take note of an operator that may be part of a mixture of experts."""
        name = call.name
        if name in _CHOOSING:
            axis = call.get("dim")
            if axis is not None and call.first.dim():
                router = _Router(layer, call.first.shape[axis], name)
                self._choices.setdefault(router, []).append(call.get("k", 1))
        elif name in _LOOK_UPS or name in _PRODUCTS:
            axes = 2 if name in _LOOK_UPS else 3
            for tensor in call.tensors():
                stored = call.stored(tensor) if tensor.dim() >= axes else None
                if stored is not None and stored.learnable and tensor.shape[0] == stored.shape[0]:
                    self._stacks[stored.name] = stored.shape[0]

    def active(
        self,
        modules: Mapping[str, nn.Module],
        elements: Mapping[str, int],
        calls: Mapping[str, int],
    ) -> Iterator[tuple[str, int]]:
        """Yield the parameters that are experts, with how many elements of each a token touches.

        ``modules`` and ``calls`` are by path, ``elements`` by the name of the parameter.
        Which experts a token reaches is for its values to say: each expert of a list gets an even
        share of them, in whole elements, so that their sum is exact.
        """
        for name, stacked in self._stacks.items():
            chosen = self._chosen(name.rpartition(".")[0], stacked, calls)
            if chosen is not None:
                yield name, elements[name] // stacked * chosen
        for path, module in modules.items():
            if not isinstance(module, (nn.ModuleList, nn.ModuleDict)):
                continue
            chosen = self._chosen(path, len(module), calls)
            if chosen is None:
                continue
            for place, (child, expert) in enumerate(module.named_children()):
                for name, _ in expert.named_parameters(prefix=f"{path}.{child}" if path else child):
                    if name in elements:
                        shares = elements[name] * chosen
                        before, after = (shares * at // len(module) for at in (place, place + 1))
                        yield name, after - before

    def _chosen(self, path: str, experts: int, calls: Mapping[str, int]) -> int | None:
        """Return how many of so many experts a router at a place, or beside it, chooses."""
        around = (path, path.rpartition(".")[0])
        beside = {
            router.operator: (router.layer, choices)
            for router, choices in self._choices.items()
            if router.experts == experts
            and (router.layer in around or router.layer.rpartition(".")[0] in around)
        }
        for operator in _CHOOSING:
            if operator in beside:
                layer, choices = beside[operator]
                # The best one may be taken out several times; of several k, the last is the answer.
                best = choices[-1] if operator == "topk" else len(choices) // calls.get(layer, 1)
                return best if 0 < best < experts else None
        return None
