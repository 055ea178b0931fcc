"""Watches ``forward`` run, operator by operator, and writes down what it computes.

The mode stands below autograd, so that it sees ``linear``, ``scaled_dot_product_attention``,
``lstm`` and the other composite operators whole, before PyTorch takes them apart. They are
recorded whole; what they are made of then runs under the same mode, unrecorded, for the sake of
the memory that it takes.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, UntypedStorage
from torch._ops import HigherOrderOperator, OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from analyzer import Allocation, ModelBuilder, Node, Operation, Use, ops
from analyzer import Tensor as Value
from analyzer_torch.call import Call, Stored, base_name, bound, dtype_name, full_name, tensors_in
from analyzer_torch.decompositions import decomposition_of, writes_first
from analyzer_torch.experts import Experts
from analyzer_torch.higher_order import run_higher_order
from analyzer_torch.kernels import VALUES_OF, run_kernel
from analyzer_torch.mapping import TABLE
from analyzer_torch.mapping_uncounted import UNCOUNTED
from analyzer_torch.outcomes import Outcome, kind_of, outcome_of
from analyzer_torch.subclasses import is_wrapped
from analyzer_torch.twins import Twins, storage_key

__all__ = ["Tracer"]

Roles = Mapping[int, tuple[str, tuple[str, ...]]]
"""What stored tensors are to an operation, by their identity: the role, and names of the axes."""

_COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd

_WHETHER_ALIKE = torch.ops.aten._has_compatible_shallow_copy_type.default
"""Asked before one tensor is put in another's place: of the model's own, never of its twin."""

_INDICES = {"embedding": "indices", "embedding_bag": "indices"}
"""Operators that look up, and the argument that must hold integers."""


class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]  # its base has no types
    """Records operators, and the memory that they take, into a builder.

    Attributes:
        experts: what was seen of mixtures of experts.
        layer: path of the module that is running; whoever follows the modules sets it.
        times: how often what is running now would run, being part of a loop or a branch.
        packed: by layer, the weights that it keeps in objects which are no tensors.
        allocations: memory taken and released, in order.
        failed: the operator that raised, with its tensors, if one did.
        guessed: inputs whose type nobody told, by their storage.
        integers: those of them that turned out to be indices.
    """

    def __init__(self, builder: ModelBuilder, *, real: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.builder = builder
        self.experts = Experts()
        self.layer = ""
        self.times = 1
        self.packed: dict[str, list[Use]] = {}
        self.allocations: list[Allocation] = []
        self.failed: tuple[str, tuple[Tensor, ...]] | None = None
        self.guessed: dict[int, str] = {}
        self.integers: set[str] = set()
        self._numbers: dict[int, int] = {}
        self._made_here: dict[int, weakref.ref[UntypedStorage]] = {}
        self._foreign: dict[int, weakref.ref[UntypedStorage]] = {}
        self._stored: dict[int, list[tuple[int, int, Stored]]] = {}
        self._twins = Twins(real=real, made_here=self._made_here.__contains__)
        self._taken: dict[int, int] = {}
        self._outcomes: dict[Hashable, Outcome | None] = {}
        self._inner = 0
        self._unwatched = 0

    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Say that no compiler is to be told of this mode, which spares importing it."""
        return False

    def known(self, tensor: Tensor, storage: int) -> None:
        """Make known a tensor of which the number of its storage is told; the caller keeps it."""
        self._numbers.setdefault(storage_key(tensor), storage)

    def hold(self, tensor: Tensor, stored: Stored, *, storage: int | None = None) -> int:
        """Make known a tensor of the model; return the number of its storage."""
        if storage is not None:
            self.known(tensor, storage)
        start = int(tensor.storage_offset()) * tensor.element_size()
        end = start + tensor.numel() * tensor.element_size()
        key = storage_key(tensor)
        self._stored.setdefault(key, []).append((start, end, stored))
        self._twins.protect(tensor, learnable=stored.learnable)
        return self._number(tensor)

    def given(self, tensor: Tensor, name: str, *, guessed: bool) -> Value:
        """Make known an input of the model."""
        number = self._numbers.setdefault(storage_key(tensor), self.builder.storage())
        if guessed:
            self.guessed[storage_key(tensor)] = name
        shape, dtype = tuple(tensor.shape), dtype_name(tensor.dtype)
        return self.builder.tensor(shape, dtype, storage=number, name=name)

    def value(self, tensor: Tensor) -> Value:
        """Return a tensor as the representation has it; inside ``vmap``, what is wrapped."""
        while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
            tensor = torch._C._functorch.get_unwrapped(tensor)
        return self.builder.tensor(
            tuple(tensor.shape), dtype_name(tensor.dtype), storage=self._number(tensor)
        )

    def stored(self, tensor: Tensor) -> Stored | None:
        """Return which of the model's tensors this one is, or is a view of."""
        key = storage_key(tensor)
        held = self._stored.get(self._twins.origins.get(key, key))
        if held is None:
            return None
        start = tensor.storage_offset() * tensor.element_size()
        inside = (stored for low, high, stored in held if low <= start < high)
        return next(inside, held[0][2])

    def __torch_dispatch__(
        self,
        func: OpOverload | HigherOrderOperator,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if isinstance(func, HigherOrderOperator):
            return run_higher_order(self, func, args, kwargs or {})
        if func is _WHETHER_ALIKE:
            return func(*args)
        name = base_name(func)
        if types and any(map(is_wrapped, tensors_in((args, kwargs)))):
            return (
                self._parts_of(func, args, kwargs or {}) if _is_composite(func) else NotImplemented
            )
        args, kwargs = self._twins.substitute(func, args, kwargs or {}, VALUES_OF.get(name))
        if self._inner:
            return self._execute(func, args, kwargs)
        if name not in TABLE:
            if _is_composite(func):
                return self._parts_of(func, args, kwargs)
            result = self._taken_apart(func, args, kwargs)
            if result is not NotImplemented:
                return result
        arguments = bound(func, args, kwargs)
        self._look_for_indices(name, arguments)
        self._inner += 1
        try:
            result = self._execute(func, args, kwargs)
        except Exception:
            if self.failed is None:
                self.failed = (full_name(func), tuple(tensors_in(arguments.values())))
            raise
        finally:
            self._inner -= 1
        self._record(Call(func, arguments, tuple(tensors_in([result])), self.stored))
        return result

    def _parts_of(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run what PyTorch makes a composite operator of; the parts come back here, one by one."""
        self._twins.inside += 1
        try:
            with self:
                return func._op_dk(_COMPOSITE, *args, **kwargs)
        finally:
            self._twins.inside -= 1

    def _taken_apart(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Let PyTorch make an operator of others; NotImplemented where not all of them are known.

        Of memory it takes what its own kernel does: its results.
        """
        parts = decomposition_of(func)
        if parts is None:
            return NotImplemented
        try:
            with self.part(watched=False) as nodes:
                result = parts(*args, **kwargs)
        except Exception:  # what a decomposition cannot do, the operator itself may
            self.failed = None
            return NotImplemented
        if any(isinstance(node.operation, ops.Unknown) for node in nodes):
            return NotImplemented
        for node in nodes:
            self.builder.add(
                node.operation,
                inputs=node.inputs,
                outputs=node.outputs,
                uses=[Use(name, "") for name in node.parameters],
                layer=node.layer,
                native=full_name(func),
            )
        for tensor in tensors_in([result]):
            self._take(tensor.untyped_storage())
        if writes_first(func):
            with self:
                return args[0].copy_(result)
        return result

    def _execute(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an operator, and watch the memory that it and its parts take.

        Without data a call like one before gives what that gave.
        """
        kind = None if self._unwatched else kind_of(func, args, kwargs)
        outcome = None if kind is None else self._outcomes.get(kind)
        if outcome is not None:
            return self._again(outcome, args)
        before = len(self.allocations)
        result = run_kernel(func, args, kwargs, self._made)
        if result is NotImplemented and _is_composite(func):
            result = self._parts_of(func, args, kwargs)
        elif result is NotImplemented:
            result = func(*args, **kwargs)
        for tensor in tensors_in([result]):
            self._made(tensor)
        if kind is not None and kind not in self._outcomes:
            taken = tuple(step.bytes for step in self.allocations[before:])
            known = kind == kind_of(func, args, kwargs)  # it left its arguments as they were
            self._outcomes[kind] = outcome_of(result, args, kwargs, taken) if known else None
        return result

    def _again(self, outcome: Outcome, args: tuple[Any, ...]) -> Any:
        """Return what a call gives that is like one before, and take the memory that that took."""
        result, made = outcome.again(args)
        for tensor in made:
            self._number(tensor, made=True, told=True)
        for size in outcome.taken:
            self.allocations.append(Allocation(bytes=size, layer=self.layer))
        return result

    def _made(self, tensor: Tensor) -> None:
        self._number(tensor, made=True)

    def _record(self, call: Call) -> None:
        self.experts.saw(call, self.layer)
        name = base_name(call.func)
        operation = (
            TABLE[name](call)
            if name in TABLE
            else ops.Unknown(
                name=full_name(call.func),
                because=ops.why_uncounted(name, UNCOUNTED),
                attributes=_attributes(call),
            )
        )
        packed = any(isinstance(value, torch.ScriptObject) for value in call.arguments.values())
        self.write(
            operation,
            full_name(call.func),
            list(call.tensors()),
            call.outputs,
            call.roles,
            packed=self.packed.get(self.layer, ()) if packed else (),
        )
        if call.unpacked is not None:
            self._stand_for(call.unpacked, call.output)

    def _stand_for(self, weight: Stored, result: Tensor) -> None:
        """Let a result be taken for the weight that was unpacked into it."""
        self.builder.learned(weight.name)
        place = (0, result.untyped_storage().nbytes(), weight._replace(learnable=True))
        self._stored[storage_key(result)] = [place]

    def write(
        self,
        operation: Operation,
        native: str,
        read: Any,
        results: Any,
        roles: Roles = MappingProxyType({}),
        *,
        packed: Iterable[Use] = (),
    ) -> None:
        """Write down an operation, with the tensors that it reads and that result from it."""
        inputs: list[Value] = []
        uses = {use.name: use for use in packed}
        for tensor in tensors_in([read]):
            stored = self.stored(tensor)
            if stored is None:
                inputs.append(self.value(tensor))
            elif id(tensor) in roles or stored.name not in uses:
                role, axes = roles.get(id(tensor), ("", ()))
                uses[stored.name] = Use(stored.name, role, axes)
        self.builder.add(
            operation,
            inputs=inputs,
            outputs=map(self.value, tensors_in([results])),
            uses=uses.values(),
            layer=self.layer,
            native=native,
        )

    @contextmanager
    def part(self, *, times: int = 1, watched: bool = True) -> Iterator[list[Node]]:
        """Record what runs inside apart, as part of an operation that holds others.

        ``times`` is how often it would run; if not ``watched``, the memory that it takes is left
        out.
        """
        outer, self.times = self.times, self.times * times
        self._unwatched += not watched
        try:
            with self.builder.body() as nodes, self:
                yield nodes
        finally:
            self.times = outer
            self._unwatched -= not watched

    @contextmanager
    def unrecorded(self) -> Iterator[None]:
        """Run what is inside for its results."""
        self._inner += 1
        try:
            with self:
                yield
        finally:
            self._inner -= 1

    def truth(self, value: Any) -> bool | None:
        """Return whether a condition holds, None where it is a tensor whose value is not known."""
        if isinstance(value, Tensor):
            value = self._twins.standing(value)
            return None if value.is_meta else bool(value.item())
        return bool(value)

    def _look_for_indices(self, name: str, arguments: dict[str, Any]) -> None:
        indices = arguments.get(_INDICES.get(name, ""))
        if isinstance(indices, Tensor) and indices.is_floating_point():
            guessed = self.guessed.get(storage_key(indices))
            if guessed is not None:
                self.integers.add(guessed)
                raise TypeError(f"{name} looks up floating-point numbers")

    def _number(self, tensor: Tensor, *, made: bool = False, told: bool = False) -> int:
        """Return the number of a tensor's storage; watch it if an operator has just made it.

        ``told`` says that the memory which it takes has been noted.
        """
        storage = tensor.untyped_storage()
        key: int = storage._cdata
        key = self._twins.origins.get(key, key)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = self.builder.storage()
            self._watch(storage, key, self._made_here if made else self._foreign)
            if made and not self._unwatched:
                self._take(storage, told=told)
        return number

    def _watch(
        self, storage: UntypedStorage, key: int, among: dict[int, weakref.ref[UntypedStorage]]
    ) -> None:
        """Take note when a storage is released; of those made here, also of its bytes."""

        def released(_: object) -> None:
            taken = self._taken.pop(key, 0)
            if taken:
                self.allocations.append(Allocation(bytes=-taken, layer=self.layer))
            among.pop(key, None)
            self._numbers.pop(key, None)
            if among is self._made_here:
                self._stored.pop(key, None)
            self._twins.forget(key)

        among[key] = weakref.ref(storage, released)

    def _take(self, storage: UntypedStorage, *, told: bool = False) -> None:
        """Note that the memory of a new storage was taken."""
        key, size = storage._cdata, storage.nbytes()
        if size and key in self._made_here and key not in self._taken:
            self._taken[key] = size
            if not told:
                self.allocations.append(Allocation(bytes=size, layer=self.layer))


def _attributes(call: Call) -> tuple[tuple[str, object], ...]:
    """Arguments of an unknown operator that are no tensors, for a plugin that knows it."""
    plain = (bool, int, float, str)
    return tuple(
        (name, tuple(value) if isinstance(value, list) else value)
        for name, value in call.arguments.items()
        if isinstance(value, plain)
        or (isinstance(value, list) and all(isinstance(item, plain) for item in value))
    )


@cache
def _is_composite(func: OpOverload) -> bool:
    """Say whether PyTorch makes this operator of others, for every device alike."""
    return torch._C._dispatch_has_kernel_for_dispatch_key(func._name, _COMPOSITE)
