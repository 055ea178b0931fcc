"""Which textbook algorithm belongs to which operation, and how the two are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from analyzer.ops import Operation
from tests.oracle.number import Tally

Run = Callable[[Operation, Tally], object]
_Operation = TypeVar("_Operation", bound=Operation)
_Result = TypeVar("_Result")

ORACLES: dict[type[Operation], Run] = {}
"""For each kind of operation, a function that runs it on random numbers of the record's sizes."""


def oracle(
    kind: type[_Operation],
) -> Callable[[Callable[[_Operation, Tally], _Result]], Callable[[_Operation, Tally], _Result]]:
    """Register the textbook algorithm of a kind of operation."""

    def register(
        run: Callable[[_Operation, Tally], _Result],
    ) -> Callable[[_Operation, Tally], _Result]:
        assert kind not in ORACLES, f"two oracles for {kind.__name__}"

        def checked(operation: Operation, tally: Tally) -> object:
            assert isinstance(operation, kind)
            return run(operation, tally)

        ORACLES[kind] = checked
        return run

    return register


def run(operation: Operation) -> Tally:
    """Run the textbook algorithm of an operation and return what it did."""
    kind = next(kind for kind in type(operation).__mro__ if kind in ORACLES)
    tally = Tally(complex_numbers=getattr(operation, "complex_numbers", False))
    ORACLES[kind](operation, tally)
    return tally


def check(operation: Operation) -> None:
    """Hold the rule of an operation to what its textbook algorithm really does."""
    tally = run(operation)
    cost = operation.cost()
    assert cost is not None
    counted = {category: expression.value for category, expression in cost.by_category.items()}
    assert cost.macs.value == tally.macs, (operation, cost.macs, tally.macs)
    assert counted == tally.flops_by_category, (operation, counted, tally.flops_by_category)
    assert cost.flops.value == sum(tally.flops_by_category.values())
    if cost.free:
        assert not tally.flops_by_category, (operation, cost.free)
