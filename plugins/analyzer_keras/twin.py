"""A copy of a model that is not built yet, to be built in its place."""

from __future__ import annotations

import copy
import sys
from typing import Any

from analyzer import InputError

__all__ = ["twin_of"]


def twin_of(model: Any) -> Any:
    """Return a copy with layers of its own.

    Raises:
        InputError: something that the model holds cannot be copied.
    """
    from keras.src.layers.layer import Layer
    from keras.src.utils.backend_utils import DynamicBackend
    from keras.src.utils.tracking import DotNotTrackScope, Tracker

    # Keras copies by saving and loading, for which a class must be registered and built. A plain
    # copy is enough here; `build` and `quantize` are bound anew, by `__new__`.
    def plain(layer: Any, memo: dict[int, Any]) -> Any:
        kind: Any = type(layer)
        twin = memo[id(layer)] = kind.__new__(kind)
        own = set(vars(twin))
        for name, value in vars(layer).items():
            if name not in own or name not in ("build", "quantize"):
                shared = isinstance(value, DynamicBackend)  # it stands for a module
                vars(twin)[name] = value if shared else copy.deepcopy(value, memo)
        return twin

    had = vars(Layer).get("__deepcopy__")
    Layer.__deepcopy__ = plain
    # A recurrent cell's seed generator holds its backend, a module: that is not copied.
    memo: dict[int, Any] = {id(module): module for module in sys.modules.values()}
    try:
        with DotNotTrackScope():  # lists are filled as they were; a built layer takes no more
            twin = copy.deepcopy(model, memo)
        for one in memo.values():
            if isinstance(one, Tracker):  # it knows by identity what it keeps
                stores = one.config.items()
                one.stored_ids = {name: set(map(id, store)) for name, (_, store) in stores}
        return twin
    except Exception as error:  # whatever a user's attributes do when they are copied
        raise InputError(
            f"{model.name!r} ({type(model).__name__}) is not built and cannot be copied "
            f"({type(error).__name__}); build it first, by model.build(shape) or by calling it once"
        ) from error
    finally:
        if had is None:
            del Layer.__deepcopy__
        else:
            Layer.__deepcopy__ = had
