"""Hugging Face models by their ``config.json``: transformers builds them, without weights.

Code that comes with a configuration (``auto_map``) is never run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer import ModelError, UsageError
from analyzer.errors import MissingFrameworkError
from analyzer_torch.quiet import quiet

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Built", "build", "configuration_in"]

_BYTES_AT_MOST = 16 << 20
"""Of a file that may be a configuration; those of real models are much smaller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A model made from a file that describes it.

    Attributes:
        name: what to call the model.
        module: the model, without data.
        with_data: makes it with random weights, for a ``forward`` that looks at values.
        notes: what a reader of its numbers should know.
    """

    name: str
    module: nn.Module
    with_data: Callable[[], nn.Module]
    notes: tuple[str, ...] = ()


def configuration_in(path: Path) -> Path | None:
    """Return the configuration that a file is or a folder holds, None if there is none.

    One of diffusers is found too, so that :func:`build` can tell what to do with it.
    """
    names = ("config.json", "model_index.json") if path.is_dir() else ("",)
    for file in (path / name for name in names):
        if file.suffix == ".json" and file.is_file():
            try:
                found = _read(file)
            except ModelError:
                continue
            if "model_type" in found or "_class_name" in found:
                return file
    return None


@quiet()
def build(path: Path, arguments: Mapping[str, object]) -> Built:
    """Return the model of a configuration; arguments change it, ``auto`` names the class.

    Raises:
        UsageError: there is no such class or setting.
        MissingFrameworkError: transformers is not installed.
        ModelError: the model cannot be built.
    """
    settings = _read(path)
    if "model_type" not in settings:
        raise ModelError(
            f"{str(path)!r} configures {settings.get('_class_name')!r} of diffusers; build it in "
            "Python, from_config without weights, and give it as module:callable"
        )
    if find_spec("transformers") is None:
        raise MissingFrameworkError(
            f"{str(path)!r} needs transformers, which is not installed; "
            "pip install 'model-analyzer[transformers]'"
        )
    arguments = dict(arguments)
    auto, attention = arguments.pop("auto", None), arguments.pop("attn_implementation", None)
    config = _configured(path, settings, arguments)
    make = _maker(path, auto, settings)
    extra = {} if attention is None else {"attn_implementation": attention}
    import torch

    from analyzer_torch.care import seeded

    def made(device: str) -> nn.Module:
        try:
            with quiet(), seeded(), torch.device(device):
                model: nn.Module = make(config, **extra)
        except Exception as error:  # models check their configurations in ways of their own
            raise ModelError(
                f"{str(path)!r}: {config.model_type} could not be built: {_said(error)}"
            ) from error
        return model

    quantized = settings.get("quantization_config")
    method = quantized.get("quant_method", "quantized") if isinstance(quantized, dict) else ""
    return Built(
        name=path.resolve().parent.name if path.stem == "config" else path.stem,
        module=made("meta"),
        with_data=lambda: made("cpu"),
        notes=(
            f"the configuration tells of weights stored by {method}; here they are as the model "
            "has them without",
        )
        if method
        else (),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _BYTES_AT_MOST:
            raise ModelError(f"{str(path)!r} is too large to be a configuration")
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{str(path)!r} is damaged: {error}; save or copy it again") from error
    if not isinstance(found, dict):
        raise ModelError(f"{str(path)!r} is no configuration: it holds no JSON object")
    return found


def _configured(path: Path, settings: Mapping[str, Any], changes: Mapping[str, object]) -> Any:
    from transformers import CONFIG_MAPPING

    kind = settings["model_type"]
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        raise ModelError(
            f"{str(path)!r}: transformers has no model type {kind!r}; "
            + (
                "it comes with code of its own, which is not run: build it in Python, with "
                "trust_remote_code if you trust it, and give it as module:callable"
                if "auto_map" in settings
                else "a newer transformers may have it"
            )
        )
    kept = {
        name: value
        for name, value in settings.items()
        if name not in ("_attn_implementation", "attn_implementation", "auto_map",
                        "quantization_config")
    }  # fmt: skip
    try:
        known = CONFIG_MAPPING[kind].from_dict(dict(kept))
    except Exception as error:  # configurations check themselves in ways of their own
        raise ModelError(f"{str(path)!r}: {_said(error)}; correct that setting") from error
    for name, value in changes.items():
        if not hasattr(known, name):
            from difflib import get_close_matches

            close = get_close_matches(name, vars(known), n=3)
            advice = f"did you mean {', '.join(close)}?" if close else "leave it out"
            raise UsageError(
                f"--arg {name}: a configuration of {kind} has no such setting; {advice}"
            )
        inner = kept.get(name)
        if isinstance(inner, dict) and isinstance(value, dict):
            kept[name] = {**inner, **value}
        else:
            kept[name] = value
    try:
        return CONFIG_MAPPING[kind].from_dict(kept)
    except Exception as error:  # as above
        raise UsageError(f"{str(path)!r} with {dict(changes)}: {_said(error)}") from error


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _maker(path: Path, auto: object, settings: Mapping[str, Any]) -> Any:
    """Return what makes the model: the class that was asked for, else the one that was saved."""
    import transformers

    saved = (settings.get("architectures") or ["AutoModel"])[0]
    name = str(saved if auto is None else auto)
    kind = getattr(transformers, name, None)
    if kind is None and auto is None:
        kind = transformers.AutoModel
    for maker in ("from_config", "_from_config"):
        if isinstance(kind, type) and callable(getattr(kind, maker, None)):
            return getattr(kind, maker)
    from difflib import get_close_matches

    close = get_close_matches(name, dir(transformers), n=3)
    raise UsageError(
        f"--arg auto={name}: transformers has no class of models of this name; "
        + (f"did you mean {', '.join(close)}?" if close else "as in auto=AutoModelForCausalLM")
    )
