"""When ``forward`` cannot be run without data, and has to be on real numbers."""

from __future__ import annotations

from torch import nn

from analyzer import ModelError
from analyzer_torch.kernels import ValuesNeeded

__all__ = ["NoValuesError", "check_has_values", "wants_values", "why_values"]

_SIGNS = (
    " meta", "'meta'", "Tensor.__format__", "data pointer", "fake impl", "unallocated storage",
)  # fmt: skip
"""Words with which PyTorch refuses to tell the values of a tensor that has none."""


_ASKED = ("aten._local_scalar_dense", "aten.is_nonzero", "aten.item")
"""Operators behind ``int(x)``, ``if x:`` and the like, which nobody calls by name."""

_WORDS: dict[str, str] = {
    "Tensor.__format__": "one is put into a string",
    "Tensor.item()": "one is taken out of a tensor, as item(), int() or if do",
    "numpy": "a tensor becomes a NumPy array",
    "tolist()": "a tensor becomes a list",
}
"""Words with which PyTorch refuses what is no operator → what was asked of it."""


class NoValuesError(ModelError):
    """``forward`` looks at values, and the model has none."""


def wants_values(error: BaseException | None) -> bool:
    """Say whether an error comes from a tensor that has no data."""
    while error is not None:
        text = str(error)
        if isinstance(error, (ValuesNeeded, NotImplementedError)):
            return True
        if any(sign in text for sign in _SIGNS):
            return True
        error = error.__cause__ or error.__context__
    return False


def why_values(path: str, operator: str | None, message: str) -> str:
    """Say who looks at values, and how; in the words of the error only where we have none.

    >>> why_values("head", "aten.nonzero", "unimplemented by default")
    "module 'head' looks at values (aten.nonzero)"
    >>> why_values("", None, "Tensor.item() cannot be called on meta tensors")
    'the model looks at values (one is taken out of a tensor, as item(), int() or if do)'
    """
    where = f"module {path!r}" if path else "the model"
    if operator is not None and operator not in _ASKED:
        return f"{where} looks at values ({operator})"
    found = next((words for sign, words in _WORDS.items() if sign in message), message)
    return f"{where} looks at values ({found})"


def check_has_values(model: nn.Module, reason: str) -> None:
    """Refuse to run on real numbers a model that has none.

    Raises:
        NoValuesError: a parameter or buffer is on ``meta``.
    """
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.is_meta:
            raise NoValuesError(
                f"{reason}, and {name!r} has none: the model was made "
                "on the device 'meta'; make it on the CPU, where random numbers will do"
            )
