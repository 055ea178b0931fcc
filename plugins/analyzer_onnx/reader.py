"""From what the user has, a file, bytes or an object, to a ``ModelProto`` without its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer import ModelError
from analyzer_onnx.forms import TEXTUAL, flat
from analyzer_onnx.from_onnx_ir import from_onnx_ir
from analyzer_onnx.textual import read_text
from analyzer_onnx.wire import Bytes, WireError, lean

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["read_file", "read_object", "require_model"]

_BETWEEN_FORGETS = 64  # tensors; of each, the system maps a few pages around its header

_LARGEST_VERSION = 2**31 - 1


def read_file(path: Path) -> ModelProto:
    """Return the model in a file; large weights are left out, wherever they are.

    Raises:
        ModelError: the file is damaged, cut short, or no ONNX model.
    """
    where = repr(str(path))
    if path.suffix.lower() == ".ort":
        raise ModelError(
            f"{where} is in ONNX Runtime's own format, which only that reads; "
            "give the .onnx file that it was made from"
        )
    if not path.is_file():
        raise ModelError(f"{where} is no regular file; give the file of a model")
    try:
        if path.suffix.lower() not in TEXTUAL:
            with _mapped(path) as (data, forget):
                return _parsed(data, where, forget)
        model = read_text(path.read_text(encoding="utf-8"), path.suffix.lower())
    except OSError as error:
        raise ModelError(f"{where} cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, WireError) as error:
        raise _damaged(where, path.stat().st_size, str(error)) from error
    require_model(model, where)
    return model


def read_object(model: object) -> ModelProto:
    """Return what :meth:`Importer.accepts` took as a message; large weights are not copied.

    Raises:
        ModelError: it is damaged, cut short, or no ONNX model.
    """
    if isinstance(model, (bytes, bytearray, memoryview)):
        return _parsed(flat(model), f"what came as {type(model).__name__}", lambda: None)
    from onnx import ModelProto

    return model if isinstance(model, ModelProto) else from_onnx_ir(model)


def require_model(model: ModelProto, where: str) -> None:
    """Check that a message is a whole model: almost any bytes decode to some message.

    Raises:
        ModelError: a part without which nothing can be said is missing, or is nonsense.
    """
    if not model.HasField("graph"):
        raise ModelError(f"{where} holds no graph, so it is no ONNX model; export or copy it again")
    if not model.opset_import:
        raise ModelError(
            f"{where} does not say which operator set it uses (opset_import is empty); "
            "it is cut short, or no ONNX model"
        )
    for holder in (model, *model.functions):
        for opset in holder.opset_import:
            if not isinstance(opset.domain, str):
                raise ModelError(
                    f"{where}: the name of an operator set, {opset.domain!r}, is no text; the file "
                    "is damaged"
                )
            if not 1 <= opset.version <= _LARGEST_VERSION:
                raise ModelError(
                    f"{where}: there is no operator set {opset.domain or 'ai.onnx'!r} of version "
                    f"{opset.version}; the file is damaged"
                )
    if not 0 <= model.ir_version <= _LARGEST_VERSION:
        raise ModelError(f"{where}: there is no IR version {model.ir_version}; it is damaged")


@contextmanager
def _mapped(path: Path) -> Iterator[tuple[Bytes, Callable[[], None]]]:
    """Give a file as bytes that are only read where they are looked at.

    What was looked at stays in the process's memory until it is told to forget.
    """
    with path.open("rb") as file:
        if path.stat().st_size == 0:  # which cannot be mapped
            yield b"", lambda: None
            return
        with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            seen = 0

            def forget() -> None:
                nonlocal seen
                seen += 1
                if seen % _BETWEEN_FORGETS == 0 and hasattr(data, "madvise"):
                    from mmap import MADV_DONTNEED

                    data.madvise(MADV_DONTNEED)

            yield data, forget


def _parsed(data: Bytes, where: str, forget: Callable[[], None]) -> ModelProto:
    from google.protobuf.message import DecodeError
    from onnx import ModelProto

    try:
        model = ModelProto.FromString(lean(data, forget))
    except (WireError, DecodeError) as error:
        raise _damaged(where, len(data), str(error)) from error
    require_model(model, where)
    return model


def _damaged(where: str, size: int, why: str) -> ModelError:
    return ModelError(
        f"{where} is no ONNX model, or is cut short ({size} bytes, which do not decode: "
        f"{' '.join(why.split())}); export or copy it again"
    )
