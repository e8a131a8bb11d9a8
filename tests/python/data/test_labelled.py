# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fxtrain.audio import write_audio
from fxtrain.data.codes import CodeProvider, CodeSet
from fxtrain.data.labelled import ClipConfig, ClipProvider, load_clips
from fxtrain.errors import ConfigError, InputError

RATE = 4000


def tone(hz: float, seconds: float, rate: int = RATE) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, hz in (("cat", 400.0), ("dog", 200.0)):
        (tmp_path / name).mkdir()
        for number in range(4):
            write_audio(tmp_path / name / f"{number}.wav", tone(hz, 1.0), RATE)
    return tmp_path


def test_classes_are_folders_in_the_order_that_is_asked_for(folder: Path) -> None:
    parts, classes, left_out = load_clips(ClipConfig(folder=folder, clip_seconds=1.0))
    assert classes == ["cat", "dog"]
    assert left_out == []
    assert {part: len(clips.labels) for part, clips in parts.items()} == {"train": 4, "validation": 2, "test": 2}
    _, classes, _ = load_clips(ClipConfig(folder=folder, clip_seconds=1.0, classes=["dog", "cat"]))
    assert classes == ["dog", "cat"]


def test_short_files_are_repeated_after_a_pause_and_long_ones_are_cut(folder: Path) -> None:
    for name in ("cat", "dog"):
        for number in range(4):
            write_audio(folder / name / f"{number}.wav", tone(400.0, 0.5 if name == "cat" else 2.9), RATE)
    parts, _, _ = load_clips(ClipConfig(folder=folder, clip_seconds=1.0))
    short, long = parts["test"].of_class(0), parts["test"].of_class(1)
    assert short.shape == (1, RATE)
    assert np.allclose(short[0, 2000 : 2000 + 1200], 0.0)  # 0.3 s
    assert np.allclose(short[0, 3200:], short[0, :800], atol=1e-4)
    assert len(long) == 3  # the rest of 0.9 s is longer than half a clip
    assert np.abs(parts["train"].sound).max(axis=1) == pytest.approx(0.9, abs=1e-6)


def test_files_of_other_rates_are_converted(folder: Path) -> None:
    write_audio(folder / "cat" / "0.wav", tone(400.0, 1.0, 44_100), 44_100)
    parts, _, _ = load_clips(ClipConfig(folder=folder, clip_seconds=1.0))
    every = np.concatenate([clips.of_class(0) for clips in parts.values()])
    assert {int(np.abs(np.fft.rfft(clip)).argmax()) for clip in every} == {400}


def test_files_shorter_than_a_fifth_of_a_second_are_left_out_and_named(folder: Path) -> None:
    write_audio(folder / "cat" / "click.wav", tone(400.0, 0.1), RATE)
    _, _, left_out = load_clips(ClipConfig(folder=folder, clip_seconds=1.0))
    assert left_out == ["1 file is left out: 1 shorter than 0.2 s (cat/click.wav)"]
    for number in range(4):
        write_audio(folder / "dog" / f"{number}.wav", tone(400.0, 0.1), RATE)
    with pytest.raises(InputError, match=r"of one class only, 'cat' \(5 files are left out: 5 shorter than 0\.2 s"):
        load_clips(ClipConfig(folder=folder, clip_seconds=1.0))


def test_folders_that_cannot_be_used_are_refused_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    (folder / "bird").mkdir()
    with pytest.raises(InputError, match=r"the folder of the class 'bird', .*bird, is empty: put sounds into it"):
        load_clips(ClipConfig(folder=folder))
    with pytest.raises(
        ConfigError, match=r"has no sounds of the class 'cow', which data\.classes names; there are cat, "
    ):
        load_clips(ClipConfig(folder=folder, classes=["cat", "cow"]))
    alone = tmp_path / "alone"
    (alone / "cat").mkdir(parents=True)
    write_audio(alone / "cat" / "0.wav", tone(400.0, 1.0), RATE)
    with pytest.raises(InputError, match="holds only the class 'cat': give a folder of sounds for each of two classes"):
        load_clips(ClipConfig(folder=alone))
    with pytest.raises(InputError, match="is not a folder"):
        load_clips(ClipConfig(folder=tmp_path / "nowhere"))


def test_segments_are_cut_from_rotated_clips_by_seed_and_step(folder: Path) -> None:
    parts, _, _ = load_clips(ClipConfig(folder=folder, clip_seconds=1.0))

    def provider(seed: int) -> ClipProvider:
        return ClipProvider(
            parts["train"], parts["validation"], batch_size=3, seed=seed, segment_frames=1000, multiple=32
        )

    batch = provider(1).batch(7)
    assert batch.sound.shape == (3, 992)
    assert torch.equal(batch.sound, provider(1).batch(7).sound)
    assert not torch.equal(batch.sound, provider(2).batch(7).sound)
    assert not torch.equal(batch.sound, provider(1).batch(8).sound)
    assert provider(1).steps_per_epoch == round(4 * RATE / (3 * 992))


def test_tokens_of_a_window_are_the_codes_before_its_targets() -> None:
    random = np.random.default_rng(0)
    codes = CodeSet(random.integers(9, size=(5, 6)), random.integers(9, size=(5, 24)), np.array([0, 1, 0, 1, 0]))
    provider = CodeProvider(codes, codes, level="bottom", start_token=9, window=8, batch_size=64, seed=0)
    batch = provider.batch(0)
    assert batch.tokens.shape == batch.targets.shape == (64, 8)
    assert torch.equal(batch.tokens[:, 1:], batch.targets[:, :-1])
    first = batch.start == 0
    assert first.any()
    assert bool((batch.tokens[first, 0] == 9).all())
    assert bool((batch.tokens[~first, 0] < 9).all())
    whole = next(iter(provider.validation()))
    assert whole.targets.shape == (4, 24)
    assert torch.equal(whole.targets, torch.from_numpy(codes.bottom[:4]))


def test_a_class_that_is_silent_is_refused(folder: Path) -> None:
    for number in range(4):
        write_audio(folder / "dog" / f"{number}.wav", np.zeros(RATE, dtype=np.float32), RATE)
    with pytest.raises(InputError, match="all files of the class 'dog' in the train part are silent"):
        load_clips(ClipConfig(folder=folder, clip_seconds=1.0))
