"""What a file says of a Keras model: its configuration, found without importing Keras.

Weights are never read, and nothing is unpacked: of an archive only the configuration is read, and
no further than a bound; of an HDF5 file only the attributes of its root.
"""

from __future__ import annotations

import json
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from analyzer import ModelError

__all__ = ["Stored", "configuration_in", "nodes_of", "read_stored"]

_HDF5 = (".h5", ".hdf5")

_BYTES_AT_MOST = 64 << 20
"""Of a configuration, unpacked; that of a model of a thousand layers takes one or two MiB."""

_DAMAGE = (
    zipfile.BadZipFile,
    NotImplementedError,  # an unknown way of packing
    RuntimeError,  # an encrypted entry
    OSError,
    EOFError,
    ValueError,
    lzma.LZMAError,
    zlib.error,
)
"""What reading a zip file raises when it is not as it should be."""

_MOVED = {
    "keras.engine.functional": "keras.src.models.functional",
    "keras.src.engine.functional": "keras.src.models.functional",
}
"""Modules that archives of Keras 2 name, to those of Keras 3 with the same classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The configuration of a model, as it stands in a file.

    Attributes:
        path: of the file.
        model: the serialised model, without what it was compiled with.
        optimizer: the serialised optimizer, None where there is none.
        version: of the Keras that wrote it, empty where the file does not say.
        legacy: whether it is in the form of Keras 2 and of HDF5, where classes have no modules.
    """

    path: Path
    model: dict[str, Any]
    optimizer: Any
    version: str
    legacy: bool


def configuration_in(path: Path) -> Path | None:
    """Return the JSON file of a model that a file is or a folder holds, None if there is none.

    Those of Hugging Face are not taken: they have a ``model_type`` or a ``_class_name``.
    """
    file = path / "config.json" if path.is_dir() else path
    if file.suffix.lower() != ".json" or not file.is_file():
        return None
    try:
        found = _decoded(_text(file), file)
    except ModelError:
        return None
    others = "model_type" in found or "_class_name" in found
    return file if not others and _is_model(found) else None


def read_stored(path: Path) -> Stored:
    """Return what a file says of the model in it.

    Raises:
        ModelError: it is damaged, is no such file, or holds no model.
    """
    name = path.name.lower()
    if name.endswith(_HDF5):
        return _from_hdf5(path)
    configuration = None if name.endswith(".keras") else configuration_in(path)
    if configuration is not None:
        return _stored(path, _decoded(_text(configuration), configuration))
    if path.is_dir():
        raise ModelError(f"{str(path)!r} is a folder without the config.json of a Keras model")
    return _from_archive(path)


def nodes_of(configuration: object) -> Iterator[dict[str, Any]]:
    """Yield every serialised object in a configuration: what has a class and its own settings."""
    pending = [configuration]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if isinstance(value.get("class_name"), str) and "config" in value:
                yield value
            pending.extend(reversed(value.values()))
        elif isinstance(value, (list, tuple)):
            pending.extend(reversed(value))


def _is_model(found: dict[str, Any]) -> bool:
    return isinstance(found.get("class_name"), str) and isinstance(
        found.get("config"), (dict, list)
    )


def _stored(path: Path, found: dict[str, Any], *, version: str = "") -> Stored:
    if not _is_model(found):
        raise ModelError(
            f"{str(path)!r}: its configuration describes no model, there is no class with settings "
            "in it; save the model again"
        )
    told = found.get("keras_version")
    compiled = found.get("compile_config")
    optimizer = compiled.get("optimizer") if isinstance(compiled, dict) else None
    for node in nodes_of(found):
        node.pop("compile_config", None)  # of nested models, too: losses and metrics are not needed
        module = node.get("module")
        if isinstance(module, str):
            node["module"] = _MOVED.get(module, module)
    return Stored(
        path=path,
        model=found,
        optimizer=optimizer,
        version=version or (told if isinstance(told, str) else ""),
        legacy="module" not in found,
    )


def _from_archive(path: Path) -> Stored:
    if not zipfile.is_zipfile(path):
        raise ModelError(
            f"{str(path)!r} is no Keras archive (a .keras file is a zip file); write it with "
            "model.save('name.keras')"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            outside = next((name for name in names if _leaves_the_folder(name)), None)
            if outside is not None:
                raise ModelError(
                    f"{str(path)!r} has an entry {outside!r} that would be put outside its folder; "
                    "no Keras wrote that, and it is not read"
                )
            if "config.json" not in names:
                raise ModelError(
                    f"{str(path)!r} is a zip file without config.json, so no Keras archive; write "
                    "it with model.save('name.keras')"
                )
            found = _decoded(_member(archive, "config.json", path), path)
            version = ""
            if "metadata.json" in names:
                version = _version(_member(archive, "metadata.json", path))
    except _DAMAGE as error:
        raise ModelError(f"{str(path)!r} is damaged: {error}; save or copy it again") from error
    return _stored(path, found, version=version)


def _leaves_the_folder(name: str) -> bool:
    entry = PurePosixPath(name.replace("\\", "/"))
    return entry.is_absolute() or ".." in entry.parts or ":" in entry.parts[:1]


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    """Return an entry; its declared size is not believed."""
    with archive.open(name) as entry:
        content = entry.read(_BYTES_AT_MOST + 1)
    if len(content) > _BYTES_AT_MOST:
        raise ModelError(
            f"{str(path)!r}: {name} unpacks to more than {_BYTES_AT_MOST >> 20} MiB, which no "
            "configuration needs; it is not read"
        )
    return content


def _version(content: bytes) -> str:
    """Return the version of Keras in an archive's metadata; Keras reads an archive without."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    told = found.get("keras_version") if isinstance(found, dict) else None
    return told if isinstance(told, str) else ""


def _from_hdf5(path: Path) -> Stored:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            told = {
                name: _plain(file.attrs[name])
                for name in ("keras_version", "model_config", "training_config")
                if name in file.attrs
            }
            weights = "layer_names" in file.attrs or "layers" in file or "_layer_checkpoint" in file
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{str(path)!r} is no HDF5 file, or a damaged one: {error}; write it again with "
            "model.save"
        ) from error
    if "model_config" not in told:
        what = "only weights" if weights else "no model that Keras wrote"
        raise ModelError(
            f"{str(path)!r} holds {what}, and the layers are not in it; save the whole model with "
            "model.save('name.keras'), or only its layers with model.to_json(), or build it in "
            "Python and give it as module:callable"
        )
    training = told.get("training_config")
    optimizer = _decoded(training, path).get("optimizer_config") if training else None
    return _stored(
        path,
        _decoded(told["model_config"], path) | {"compile_config": {"optimizer": optimizer}},
        version=told.get("keras_version", ""),
    )


def _plain(attribute: Any) -> str:
    return attribute.decode("utf-8", "replace") if isinstance(attribute, bytes) else str(attribute)


def _text(file: Path) -> bytes:
    try:
        if file.stat().st_size > _BYTES_AT_MOST:
            raise ModelError(f"{str(file)!r} is too large to be a configuration")
        return file.read_bytes()
    except OSError as error:
        raise ModelError(f"{str(file)!r} cannot be read: {error}") from error


def _decoded(text: str | bytes, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(text, object_hook=_unmarked)
    except (ValueError, RecursionError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ModelError(
            f"{str(path)!r} is damaged, its configuration is no JSON: {what}; save or copy it again"
        ) from error
    if not isinstance(found, dict):
        raise ModelError(f"{str(path)!r}: its configuration is no JSON object; save it again")
    return found


def _unmarked(found: dict[str, Any]) -> Any:
    """Return what Keras 2 writes with a mark, as JSON has no such thing."""
    if "config" in found:
        return found
    match found:
        case {"class_name": "__tuple__" | "TensorShape", "items": list(items)}:
            return tuple(items)
        case {"class_name": "__ellipsis__"}:
            return ...
        case {"class_name": "__bytes__", "value": str(value)}:
            return value.encode()
    return found
