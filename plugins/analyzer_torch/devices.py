"""What ``forward`` is told of where its tensors are: on the model's device, data or no data.

Code that looks at devices takes another way, or refuses, where it finds a tensor on ``meta``;
while it is watched, every tensor says that it is where the model is. With that, PyTorch's
``FakeTensorMode``, which stands for the same and more, has nothing to add: no model was found that
it could run, and this way cannot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["Devices"]


class Devices(TorchFunctionMode):
    """Answers questions for a tensor's device.

    What PyTorch does by itself, below the functions that ``forward`` calls, sees the truth.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        absent = device.type == "meta" or (device.type == "cuda" and not torch.cuda.is_available())
        told = torch.device("cpu") if absent else device
        self._answers: Mapping[Any, Any] = {
            Tensor.device.__get__: told,
            Tensor.is_cpu.__get__: told.type == "cpu",  # type: ignore[attr-defined]
            Tensor.is_cuda.__get__: told.type == "cuda",  # type: ignore[attr-defined]
            Tensor.is_meta.__get__: False,  # type: ignore[attr-defined]
            Tensor.get_device: -1 if told.index is None else told.index,
        }

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in self._answers:
            return self._answers[func]
        return func(*args, **(kwargs or {}))
