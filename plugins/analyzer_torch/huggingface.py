"""The inputs of transformers' models: by their main input, their configuration, their forward.

transformers says what an input is called; how large it is stands in the configuration, under names
that differ from model to model. Lengths of sequences stand nowhere: those here are ours, and a note
says so.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from analyzer import Input, InputSpec, tensors_in
from analyzer_torch.inputs import Told

__all__ = ["completed", "inputs_of", "is_pretrained", "name_of", "note_on"]

_TOKENS = 128
_FRAMES = 1000
_SAMPLES = 16_000
_PIXELS = 224

_NAMES: dict[str, tuple[str, ...]] = {
    "channels": ("num_channels", "in_channels", "in_chans", "image_channels"),
    "features": ("input_feat_per_channel", "feature_projection_input_dim", "num_mel_bins",
                 "input_dim", "input_size", "n_mels", "feature_size"),
    "frames": ("num_frames", "frames_per_clip", "video_length"),
    "positions": ("max_position_embeddings", "n_positions", "max_target_positions",
                  "max_sequence_length", "max_seq_len"),
    "size": ("image_size", "img_size", "crop_size", "input_image_size", "image_resolution"),
}  # fmt: skip
"""A size → what configurations call it, the most telling name first."""

_PARTS: dict[str, tuple[str, ...]] = {
    "audio": ("audio_config", "audio_encoder_config", "encoder_config", "encoder"),
    "image": ("vision_config", "encoder", "backbone_config", "vision_encoder_config",
              "image_encoder_config", "perceiver_config"),
    "text": ("text_config", "decoder", "language_config", "text_encoder", "llm_config"),
}  # fmt: skip
"""A kind of input → where configurations keep what concerns it."""

_INSTEAD: dict[str, tuple[str, ...]] = {
    "decoder_input_ids": ("decoder_inputs_embeds", "labels", "decoder_input_values"),
    "input_ids": ("inputs_embeds", "inputs"),
    "pixel_values": ("pixel_values_videos", "image_embeds"),
}
"""An input → those that take its place."""

_FRAMES_FIRST = ("feature_projection_input_dim", "input_feat_per_channel")
"""Settings of models of speech whose spectrograms have their frames first."""

_STANDS_IN = ("image_token_id", "image_token_index", "audio_token_id", "audio_token_index")
"""Endings of settings of models that read text with pictures or sounds in it."""

_WHOLE = ("_ids", "_mask", "_positions", "bbox", "_thw", "labels")
"""Endings of the names of inputs that hold integers."""


def is_pretrained(model: object) -> bool:
    """Say whether a model is of transformers, or adapts one, without importing transformers."""
    kinds = {(kind.__module__, kind.__name__) for kind in type(_adapted(model)).__mro__}
    return ("transformers.modeling_utils", "PreTrainedModel") in kinds


def _adapted(model: Any) -> Any:
    """Return the model that adapters of peft were put into."""
    if any(kind.__module__ == "peft.peft_model" for kind in type(model).__mro__):
        return model.get_base_model()
    return model


def name_of(model: Any) -> str:
    """Return what the model was loaded as, else the name of its class."""
    loaded = str(getattr(model.config, "name_or_path", "")).rstrip("/")
    return loaded.rpartition("/")[2] or type(model).__name__


def inputs_of(model: nn.Module, batch_size: int) -> tuple[InputSpec, ...]:
    """Return inputs for a model of transformers."""
    return tuple(_Facts.of(model, batch_size).inputs())


def note_on(model: nn.Module, inputs: Sequence[Input]) -> str:
    """Return the note that says which inputs were made."""
    note = _note([item for item in inputs if isinstance(item, InputSpec)])
    facts = _Facts.of(model, 1)
    names = facts.names
    length = max((item.named_sizes.get("sequence", 0) for item in tensors_in(inputs)), default=0)
    positions = facts.number("positions", facts.part("text"), default=length)
    if length > positions:
        note += f"; the configuration tells of {positions} positions, and {length} tokens came"
    if "pixel_values" in names and [item.name for item in inputs] == ["input_ids"]:
        note += "; no picture, as nothing tells how many tokens stand for one"
    return note


def completed(model: nn.Module, said: Sequence[Input], dims: Mapping[str, int]) -> Told:
    """Add what the model needs besides what was said, and types where names tell them."""
    facts = _Facts.of(model, _batch(said))
    free = iter([name for name in facts.names if name not in {item.name for item in said}])
    named = [replace(item, name=item.name or next(free, None)) for item in said]
    typed = [
        replace(item, dtype="int64")
        if isinstance(item, InputSpec) and item.dtype is None and (item.name or "").endswith(_WHOLE)
        else item
        for item in named
    ]
    names = {item.name or "" for item in named}
    added = tuple(one.resized(dims) for one in facts.lacking(names))
    return Told((*typed, *added), _note(added))


def _note(inputs: Sequence[InputSpec]) -> str:
    """Say what was made, and how to give another: twice as many of the first, to which it fits."""
    if not inputs:
        return ""
    batch, *each = inputs[0].shape
    other = InputSpec(name=inputs[0].name, shape=(2 * batch, *each))
    return (
        f"made from the configuration: {', '.join(map(str, inputs))}; others are given by name, "
        f"as in --input {other}"
    )


def _batch(said: Iterable[Input]) -> int:
    shapes = (item.shape for item in said if isinstance(item, InputSpec) and item.shape)
    return next((shape[0] for shape in shapes), 1)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a model tells of its inputs.

    Attributes:
        config: its configuration.
        main: name of its main input.
        names: arguments of ``forward``.
        required: those of them that have no default.
        kinds: of input that it takes: text, image, video, audio, time.
        batch_size: of the inputs to make.
    """

    config: Any
    main: str
    names: tuple[str, ...]
    required: tuple[str, ...]
    kinds: frozenset[str]
    batch_size: int

    @classmethod
    def of(cls, model: Any, batch_size: int) -> _Facts:
        model = _adapted(model)
        main, kinds = model.main_input_name, getattr(model, "input_modalities", ())
        parameters = inspect.signature(model.forward).parameters
        empty, named = inspect.Parameter.empty, inspect.Parameter.POSITIONAL_OR_KEYWORD
        return cls(
            config=model.config,
            main=main if isinstance(main, str) else main[0],
            names=tuple(parameters),
            required=tuple(
                name
                for name, parameter in parameters.items()
                if parameter.default is empty and parameter.kind is named
            ),
            kinds=frozenset([kinds] if isinstance(kinds, str) else kinds),
            batch_size=batch_size,
        )

    def inputs(self) -> Iterator[InputSpec]:
        """Make the main input and what has to come with it."""
        if self.main == "input_ids" and "pixel_values" in self.names:
            made = tuple(self._pictures_in_text())
        else:
            named = (name for name in (self.main, *self.names) if name in self.names)
            encoded = (name for name in named if not name.startswith("decoder_"))
            main = next((name for name in encoded if name in _MAKERS), None)
            made = () if main is None else (_MAKERS[main](self),)
        yield from made
        yield from self.lacking({item.name or "" for item in made})

    def lacking(self, said: set[str]) -> Iterator[InputSpec]:
        """Make the inputs without which ``forward`` fails and that were not said."""
        needed = dict.fromkeys(self.required)
        if getattr(self.config, "is_encoder_decoder", False):
            needed["decoder_input_ids"] = None
        if self._compares():
            needed |= dict.fromkeys(("input_ids", "pixel_values", "input_features"))
        for name in needed:
            known = name in _MAKERS and name in self.names
            if known and not said.intersection((name, *_INSTEAD.get(name, ()))):
                yield _MAKERS[name](self)

    def _compares(self) -> bool:
        """Say whether the model sets text against another kind of input, as CLIP does."""
        has = {name for name, value in vars(self.config).items() if value is not None}
        pair = "text_config" in has and has & {"vision_config", "audio_config"}
        return bool(pair) and not any(name.endswith(_STANDS_IN) for name in has)

    def _pictures_in_text(self) -> Iterator[InputSpec]:
        """Make text with places for a picture where their number is known, else text alone."""
        tokens = (
            getattr(self.config, name, None) for name in ("image_token_id", "image_token_index")
        )
        token = next((token for token in tokens if token is not None), None)
        picture = None if token is None else self._picture()
        if token is None or picture is None:
            yield self.tokens("input_ids")
            if token is None and "image" in self.kinds:  # beside the text, not inside it
                yield self.picture("pixel_values")
            return
        places, inputs = picture
        ids = torch.zeros(self.batch_size, places + _TOKENS, dtype=torch.int64)
        ids[:, :places] = token
        yield _of_value("input_ids", ids)
        yield from inputs

    def _picture(self) -> tuple[int, tuple[InputSpec, ...]] | None:
        """Return how many tokens stand for a picture, and the picture; None where nobody says."""
        vision = getattr(self.config, "vision_config", None)
        patch = getattr(vision, "patch_size", None)
        if not isinstance(patch, int):
            return None
        if "image_grid_thw" in self.names:
            return self._grid(vision, patch)
        if hasattr(self.config, "image_grid_pinpoints"):  # it cuts a picture into several
            return None
        image = self.picture("pixel_values")
        strategy = getattr(self.config, "vision_feature_select_strategy", None)
        if strategy is not None:
            places = (image.shape[-1] // patch) * (image.shape[-2] // patch)
            return places + (strategy == "full"), (image,)
        stated = getattr(self.config, "mm_tokens_per_image", None)
        for part in (vision, self.part("text")):
            stated = stated or getattr(part, "num_image_tokens", None)
        return None if stated is None else (stated, (image,))

    def _grid(self, vision: Any, patch: int) -> tuple[int, tuple[InputSpec, ...]]:
        """Make a picture as Qwen's models take it: a row of patches, and the grid they form."""
        merged = getattr(vision, "spatial_merge_size", 1)
        side = _PIXELS // (patch * merged) * merged
        depth = getattr(vision, "temporal_patch_size", 1)
        width = self.number("channels", vision, default=3) * depth * patch * patch
        grid = torch.tensor([[1, side, side]] * self.batch_size)
        places = (side // merged) ** 2
        patches = InputSpec(name="pixel_values", shape=(self.batch_size * side * side, width))
        kinds = torch.zeros(self.batch_size, places + _TOKENS, dtype=torch.int64)
        kinds[:, :places] = 1
        inputs: tuple[InputSpec, ...] = (patches, _of_value("image_grid_thw", grid))
        if "mm_token_type_ids" in self.names:
            inputs = (*inputs, _of_value("mm_token_type_ids", kinds))
        return places, inputs

    def tokens(self, name: str) -> InputSpec:
        """Make a sequence of tokens, no longer than the model has positions."""
        text = self.part("text")
        length = min(_TOKENS, self.number("positions", text, default=_TOKENS))
        axis = "decoder_sequence" if name.startswith("decoder_") else "sequence"
        shape = (self.batch_size, length)
        return InputSpec(name=name, shape=shape, dtype="int64", axes=("batch", axis))

    def picture(self, name: str) -> InputSpec:
        """Make an image, or a clip where the model takes no image."""
        part = self.part("image")
        size = self.found("size", part) or _PIXELS
        if isinstance(size, dict):
            size = (size.get("height", _PIXELS), size.get("width", _PIXELS))
        height, width = size if isinstance(size, (tuple, list)) else (size, size)
        shape: tuple[int, ...] = (self.number("channels", part, default=3), height, width)
        configured = getattr(self.config, "pretrained_cfg", None)
        if isinstance(configured, dict) and "input_size" in configured:  # a model of timm
            shape = tuple(configured["input_size"])
        moving = "video" in self.kinds and "image" not in self.kinds
        moving = moving or ("input_ids" not in self.names and hasattr(part, "num_frames"))
        axes: tuple[str, ...] = ("channels", "height", "width")
        if name == "pixel_values_videos" or moving:
            shape = (self.number("frames", part, default=16), *shape)
            axes = ("frames", *axes)
        return self._made(name, shape, axes)

    def wave(self, name: str) -> InputSpec:
        """Make a second of sound, or its spectrogram where the model is built for one."""
        length, bins = (getattr(self.config, one, None) for one in ("max_length", "num_mel_bins"))
        if isinstance(length, int) and isinstance(bins, int) and hasattr(self.config, "patch_size"):
            return self._made(name, (length, bins), ("frames", "features"))
        channels = getattr(self.config, "audio_channels", None)
        codec = hasattr(self.config, "codebook_size")
        if codec:
            return self._made(name, (channels or 1, _SAMPLES), ("channels", "samples"))
        return self._made(name, (_SAMPLES,), ("samples",))

    def spectrogram(self, name: str) -> InputSpec:
        """Make frames of sound: channels first where their number is fixed, as for Whisper."""
        part = self.part("audio")
        bins = self.number("features", part, default=80)
        if hasattr(part, "spec_size"):  # a spectrogram seen as a picture
            frames = part.spec_size**2 // bins
            return self._made(name, (1, frames, bins), ("channels", "frames", "features"))
        positions = getattr(part, "max_source_positions", None)
        if isinstance(positions, int) and not any(hasattr(part, one) for one in _FRAMES_FIRST):
            return self._made(name, (bins, 2 * positions), ("features", "frames"))
        return self._made(name, (_FRAMES, bins), ("frames", "features"))

    def series(self, name: str) -> InputSpec:
        """Make the past of a time series."""
        steps = getattr(self.config, "context_length", None) or _TOKENS
        channels = getattr(self.config, "num_input_channels", None)
        if channels is None:
            return self._made(name, (steps,), ("steps",))
        return self._made(name, (steps, channels), ("steps", "channels"))

    def _made(self, name: str, shape: tuple[int, ...], axes: tuple[str, ...]) -> InputSpec:
        """Make an input for a batch; the first size is the batch's."""
        return InputSpec(name=name, shape=(self.batch_size, *shape), axes=("batch", *axes))

    def part(self, kind: str) -> Any:
        """Return the part of the configuration for a kind of input, else all of it."""
        parts = (getattr(self.config, name, None) for name in _PARTS[kind])
        return next((part for part in parts if hasattr(part, "model_type")), self.config)

    def found(self, what: str, part: Any) -> Any:
        """Return what a part of the configuration, all of it, or any part says of a size."""
        others = (value for value in vars(self.config).values() if hasattr(value, "model_type"))
        for place in (part, self.config, *others):
            for name in _NAMES[what]:
                value = getattr(place, name, None)
                if value:
                    return value
        return None

    def number(self, what: str, part: Any, *, default: int) -> int:
        """Return a size that is one positive number, the default where none is."""
        value = self.found(what, part)
        return value if isinstance(value, int) and value > 0 else default


def _of_value(name: str, value: torch.Tensor) -> InputSpec:
    return InputSpec(name=name, shape=tuple(value.shape), dtype="int64", value=value)


_MAKERS: dict[str, Callable[[_Facts], InputSpec]] = {
    "decoder_input_ids": lambda facts: facts.tokens("decoder_input_ids"),
    "input_features": lambda facts: facts.spectrogram("input_features"),
    "input_ids": lambda facts: facts.tokens("input_ids"),
    "input_values": lambda facts: facts.wave("input_values"),
    "past_values": lambda facts: facts.series("past_values"),
    "pixel_values": lambda facts: facts.picture("pixel_values"),
    "pixel_values_videos": lambda facts: facts.picture("pixel_values_videos"),
}
