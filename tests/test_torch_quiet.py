"""Libraries keep quiet while a model is made, unless somebody asked them to talk."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import transformers

import analyzer
from analyzer_torch.quiet import quiet

LOGGER = logging.getLogger("transformers")
SMALL = {
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a configuration of which transformers has something to say."""
    monkeypatch.delenv("TRANSFORMERS_VERBOSITY", raising=False)
    before = LOGGER.level
    LOGGER.setLevel(logging.WARNING)
    config = transformers.CLIPConfig(
        text_config={**SMALL, "vocab_size": 50},
        vision_config={**SMALL, "image_size": 32, "patch_size": 16},
        architectures=["CLIPModel"],
    )
    folder = tmp_path / "clip"
    config.save_pretrained(folder)
    yield folder
    LOGGER.setLevel(before)


def test_nothing_is_said_of_a_configuration(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    LOGGER.warning_once.cache_clear()  # type: ignore[attr-defined]  # it says things once
    caplog.clear()
    analyzer.analyze(folder)
    assert not caplog.records
    assert LOGGER.level == logging.WARNING
    assert "TRANSFORMERS_VERBOSITY" not in os.environ


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("level", "variable"), [("INFO", None), ("WARNING", "warning")])
def test_who_chose_a_level_keeps_it(
    level: str, variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    LOGGER.setLevel(level)
    if variable is not None:
        monkeypatch.setenv("TRANSFORMERS_VERBOSITY", variable)
    with quiet():
        assert logging.getLevelName(LOGGER.level) == level
    assert logging.getLevelName(LOGGER.level) == level
    assert os.environ.get("TRANSFORMERS_VERBOSITY") == variable


@pytest.mark.usefixtures("folder")
def test_a_level_that_is_set_meanwhile_stays() -> None:
    with quiet():
        assert LOGGER.level == logging.ERROR
        LOGGER.setLevel(logging.DEBUG)
    assert LOGGER.level == logging.DEBUG
