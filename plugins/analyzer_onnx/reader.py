"""From a file to a ``ModelProto``. The numbers in external data files are never touched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from analyzer import ModelError

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["read_file", "require_model"]


def read_file(path: Path) -> ModelProto:
    """Return the model in a file; weights outside the file stay outside.

    Raises:
        ModelError: the file is damaged, cut short, or no ONNX model.
    """
    import onnx

    try:
        model = onnx.load(str(path), format="protobuf", load_external_data=False)
    except OSError as error:
        raise ModelError(f"{str(path)!r} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # protobuf's DecodeError, of a package that is not ours to import
        raise ModelError(
            f"{str(path)!r} is no ONNX model, or is cut short "
            f"({path.stat().st_size} bytes, which do not decode): "
            f"{' '.join(str(error).split())}; export or copy it again"
        ) from error
    require_model(model, repr(str(path)))
    return model


def require_model(model: ModelProto, where: str) -> None:
    """Check that a message is a whole model: almost any bytes decode to some message.

    Raises:
        ModelError: a part without which nothing can be said is missing.
    """
    if not model.HasField("graph"):
        raise ModelError(f"{where} holds no graph, so it is no ONNX model; export or copy it again")
    if not model.opset_import:
        raise ModelError(
            f"{where} does not say which operator set it uses (opset_import is empty); "
            "it is cut short, or no ONNX model"
        )
