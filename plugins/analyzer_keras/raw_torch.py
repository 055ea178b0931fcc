"""Raw PyTorch code, followed by the PyTorch importer's tracer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analyzer import ModelError, Tensor
from analyzer_keras.raw import Hole, RawCall

if TYPE_CHECKING:
    from analyzer_torch.following import Followed

__all__ = ["follow"]


def follow(raw: RawCall) -> Sequence[Tensor | str]:
    """Run the code on tensors without data; where it looks at values, on ones."""
    from analyzer_torch.following import Followed, wants_values

    try:
        with raw.builder.body() as nodes:
            results = _Code(raw, Followed(raw.builder, layer=raw.path)).results()
    except Exception as error:  # the code may raise anything
        if isinstance(error, ModelError) or not wants_values(error):
            raise
        raw.calls.clear()
        results = _Code(raw, Followed(raw.builder, layer=raw.path, real=True)).results()
        raw.builder.note(
            f"layer {raw.path!r} looks at values, so its code was run on ones; other numbers may "
            "make it do other work"
        )
        return results
    raw.builder.extend(nodes)
    return results


class _Code:
    """One run of the code under the tracer."""

    def __init__(self, raw: RawCall, followed: Followed) -> None:
        self.raw = raw
        self.followed = followed
        self._known: dict[int, Any] = {}

    def results(self) -> list[Tensor | str]:
        """Run the code; return what its results are."""
        raw, followed = self.raw, self.followed
        natives = [self._native(one) for one in raw.inputs]
        for variable in raw.variables:  # code may reach its tensors past Keras, as modules do
            if variable._value is not None:
                self._variable(variable)
        with followed.running():
            results = raw.run(natives, self._variable, self._mark, aside=followed.aside)
        return [followed.value(one) for one in results]

    def _native(self, symbolic: Any) -> Any:
        known = self.raw.value(symbolic)
        if isinstance(known, Tensor):
            return self.followed.stand_in(known)
        return self.followed.stored(known, self._empty(symbolic, symbolic.dtype), learnable=True)

    def _variable(self, variable: Any) -> Any:
        """Return a variable's own tensor, which is neither read nor written, or one like it."""
        if id(variable) not in self._known:
            with self.followed.aside():
                self._known[id(variable)] = self._made_known(variable)
        return self._known[id(variable)]

    def _made_known(self, variable: Any) -> Any:
        name, own = self.raw.value(variable), variable._value
        if own is None:
            own = self._empty(variable, variable._dtype)
        if isinstance(name, Tensor):
            return own
        return self.followed.stored(name, own, learnable=bool(variable.trainable))

    def _mark(self, hole: Hole) -> Sequence[Any]:
        values = [self.followed.value(one) for one in hole.inputs]
        return self.followed.made(self.raw.write(hole, values, self.followed.times))

    @staticmethod
    def _empty(like: Any, dtype: str) -> Any:
        import torch
        from keras.src.backend.torch.core import to_torch_dtype

        return torch.empty(tuple(like.shape), dtype=to_torch_dtype(dtype), device="meta")
