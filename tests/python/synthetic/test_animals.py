# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fxtrain.data.pictures import read_frames
from fxtrain.errors import ConfigError
from fxtrain.metrics.classes import balanced_accuracy, fit_judge
from fxtrain.synthetic.animal_folders import write_drawing_folders, write_short_video, write_sound_folders
from fxtrain.synthetic.animals import CALLS, synthesise_calls
from fxtrain.synthetic.drawings import DRAWINGS, draw_animal
from fxtrain.tasks.image_to_sound.measures import summaries_of

pytest.importorskip("PIL", reason="make generators was not run")


@pytest.mark.parametrize("kind", sorted(CALLS))
def test_one_seed_is_one_animal(kind: str) -> None:
    one = synthesise_calls(kind, 2.0, 4000, 3)
    assert one.shape == (8000,)
    assert np.abs(one).max() == pytest.approx(0.9)
    assert np.array_equal(one, synthesise_calls(kind, 2.0, 4000, 3))
    assert not np.array_equal(one, synthesise_calls(kind, 2.0, 4000, 4))


def test_barks_are_noisier_and_shorter_than_meows() -> None:
    def flatness(x: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(x)) ** 2 + 1e-12
        return float(np.exp(np.log(power).mean()) / power.mean())

    barks, meows = (np.stack([synthesise_calls(kind, 4.0, 4000, s) for s in range(6)]) for kind in ("bark", "meow"))
    assert np.mean([flatness(x) for x in barks]) > 2 * np.mean([flatness(x) for x in meows])
    assert np.mean(np.abs(barks) > 0.1) < np.mean(np.abs(meows) > 0.1)


def test_a_judge_tells_kinds_of_calls_apart() -> None:
    kinds = sorted(CALLS)
    sounds = np.stack([synthesise_calls(kind, 3.0, 4000, seed) for seed in range(16) for kind in kinds])
    labels = np.tile(np.arange(len(kinds)), 16)
    features = summaries_of(sounds, 4000)
    judge = fit_judge(features[:40], labels[:40], len(kinds))
    assert balanced_accuracy(judge.answers(features[40:]), labels[40:]) >= 0.9


@pytest.mark.parametrize("kind", sorted(DRAWINGS))
def test_a_drawing_is_of_its_seed_and_moves_where_it_is_told(kind: str) -> None:
    one = draw_animal(kind, 2, size=48)
    assert one.shape == (48, 48, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, draw_animal(kind, 2, size=48))
    assert not np.array_equal(one, draw_animal(kind, 3, size=48))
    moved = draw_animal(kind, 2, size=48, shift=(0.2, 0.0))
    assert np.abs(moved.astype(int) - one).mean() > 3.0


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(ConfigError, match="unknown call 'roar'; there are bark"):
        synthesise_calls("roar", 1.0, 4000, 0)
    with pytest.raises(ConfigError, match="unknown drawing 'dragon'; there are cat"):
        draw_animal("dragon", 0)


def test_folders_hold_the_classes_in_turn_and_are_completed_rather_than_replaced(tmp_path: Path) -> None:
    write_sound_folders(tmp_path / "sounds", {"mammal": ("bark", "moo")}, count=2, seconds=0.5)
    write_drawing_folders(tmp_path / "pictures", {"mammal": ("cow",)}, count=1, size=32)
    assert sorted(path.name for path in (tmp_path / "sounds" / "mammal").iterdir()) == ["bark-000.wav", "moo-001.wav"]
    kept = tmp_path / "pictures" / "mammal" / "cow-000.png"
    before = kept.stat().st_mtime_ns
    write_drawing_folders(tmp_path / "pictures", {"mammal": ("cow",)}, count=2, size=32)
    assert kept.stat().st_mtime_ns == before
    assert (tmp_path / "pictures" / "mammal" / "cow-001.png").exists()


def test_a_short_video_has_its_frames(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="make generators was not run")
    write_short_video(tmp_path / "cat.mp4", "cat", 1, seconds=1.0, size=64)
    frames = read_frames(tmp_path / "cat.mp4", 64)
    assert frames.shape == (8, 64, 64, 3)
    assert np.abs(frames[0].astype(int) - draw_animal("cat", 1, size=64, shift=(-0.1, 0.0))).mean() < 12
