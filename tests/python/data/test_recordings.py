# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from fxtrain.data.recordings import Recording, find_recordings, hours_by_label, read_mono, split_files
from fxtrain.errors import ConfigError, InputError


def tone(path: Path, seconds: float = 0.5, sample_rate: int = 8000, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    x = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * sample_rate)) / sample_rate)
    soundfile.write(path, np.stack([x] + [-0.5 * x] * (channels - 1), axis=1), sample_rate)


def test_classes_are_folders_and_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    tone(tmp_path / "ada" / "one.wav")
    tone(tmp_path / "ada" / "deeper" / "two.flac", 1.0, 44100, 2)
    tone(tmp_path / "bob" / "short.wav", 0.05)
    tone(tmp_path / "bob" / "long.ogg", 2.0)
    tone(tmp_path / "loose.wav")
    tone(tmp_path / ".hidden" / "no.wav")
    (tmp_path / "bob" / "broken.wav").write_bytes(b"RIFF but nothing more")
    (tmp_path / "bob" / "phone.m4a").write_bytes(b"")
    (tmp_path / "bob" / "notes.txt").write_text("no sound")
    found = find_recordings(tmp_path, labels="folders", shortest_seconds=0.1)
    assert [file.name for file in found.files] == ["ada/deeper/two.flac", "ada/one.wav", "bob/long.ogg"]
    assert found.labels == ["ada", "bob"]
    assert found.seconds == pytest.approx(3.5)
    assert hours_by_label(found.files) == pytest.approx({"ada": 1.5 / 3600, "bob": 2 / 3600})
    assert {each.name for each in found.left_out} == {"bob/short.wav", "loose.wav", "bob/broken.wav", "bob/phone.m4a"}
    assert "1 shorter than 0.1 s (bob/short.wav)" in found.exclusions
    assert find_recordings(tmp_path).labels == [""]


def test_classes_are_the_column_of_a_table(tmp_path: Path) -> None:
    for name in "abc":
        tone(tmp_path / f"{name}.wav")
    table = tmp_path / "speakers.csv"
    table.write_text("file,speaker\na.wav,ada\nb.wav,bob\n")
    found = find_recordings(tmp_path, labels=table, column="speaker")
    assert {file.name: file.label for file in found.files} == {"a.wav": "ada", "b.wav": "bob"}
    assert "not in" in found.exclusions
    with pytest.raises(ConfigError, match="has no column 'label'; it has file, speaker"):
        find_recordings(tmp_path, labels=table)


@pytest.mark.parametrize("content", ["nothing", "text"])
def test_a_folder_without_sound_is_refused(tmp_path: Path, content: str) -> None:
    if content == "text":
        (tmp_path / "a.txt").write_text("no sound")
    with pytest.raises(InputError, match="holds no sound files"):
        find_recordings(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        find_recordings(tmp_path / "missing")


def recordings(num: int, label: str) -> list[Recording]:
    names = [f"{label}/{index}.wav" for index in range(num)]
    return [Recording(Path(name), name, label, 8000, 8000, 1) for name in names]


def test_a_file_stays_in_its_part_whatever_joins_it() -> None:
    few = recordings(30, "ada") + recordings(3, "bob")
    parts = split_files(few, validation_fraction=0.2, test_fraction=0.1)
    assert {name: len(files) for name, files in parts.items()} == {"train": 22, "validation": 7, "test": 4}
    assert sorted(file.name for files in parts.values() for file in files) == sorted(file.name for file in few)
    assert all({file.label for file in files} == {"ada", "bob"} for files in parts.values())
    assert split_files(reversed(few), validation_fraction=0.2, test_fraction=0.1) == parts
    more = split_files([*few, *recordings(5, "eve")], validation_fraction=0.2, test_fraction=0.1)
    assert [file for file in more["test"] if file.label != "eve"] == parts["test"]


def test_a_class_too_small_to_split_is_named() -> None:
    with pytest.raises(InputError, match="2 files of the class 'bob' cannot be split"):
        split_files([*recordings(9, "ada"), *recordings(2, "bob")])


def test_channels_are_averaged_and_converted(tmp_path: Path) -> None:
    tone(tmp_path / "x.wav", 1.0, 16000, 2)
    assert read_mono(tmp_path / "x.wav").shape == (16000,)
    found = read_mono(tmp_path / "x.wav", 4000)
    expected = 0.125 * np.sin(2 * np.pi * 440 * np.arange(4000) / 4000)
    assert np.abs(found - expected)[200:-200].max() < 1e-3
