# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fxtrain.audio import write_audio
from fxtrain.data.pictures import PictureConfig, load_pictures, read_frames, read_picture
from fxtrain.data.videos import add_sound, video_seconds
from fxtrain.errors import InputError
from fxtrain.synthetic.animal_folders import write_drawing_folders, write_short_video

Image = pytest.importorskip("PIL.Image", reason="make generators was not run")
av = pytest.importorskip("av", reason="make generators was not run")


def test_the_middle_square_is_scaled_and_what_is_transparent_becomes_grey(tmp_path: Path) -> None:
    wide = np.zeros((20, 60, 4), dtype=np.uint8)
    wide[:, 20:40] = [255, 0, 0, 255]
    wide[:10, 20:40, 3] = 0
    Image.fromarray(wide).save(tmp_path / "a.png")
    read = read_picture(tmp_path / "a.png", 20)
    assert read.shape == (20, 20, 3)
    assert read[2, 10].tolist() == [200, 200, 200]
    assert read[17, 10].tolist() == [255, 0, 0]


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp"])
def test_formats_of_pillow_are_read(suffix: str, tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), (10, 200, 30)).save(tmp_path / f"a.{suffix}")
    read = read_frames(tmp_path / f"a.{suffix}", 16)
    assert read.shape == (1, 16, 16, 3)
    assert np.abs(read[0, 8, 8].astype(int) - [10, 200, 30]).max() <= 6


def test_frames_of_a_long_video_are_spread_over_it(tmp_path: Path) -> None:
    write_short_video(tmp_path / "v.mp4", "dog", 0, seconds=6.0, size=32)
    assert read_frames(tmp_path / "v.mp4", 32, most=10).shape == (10, 32, 32, 3)
    assert video_seconds(tmp_path / "v.mp4") == pytest.approx(6.0, abs=0.2)


def test_what_is_neither_picture_nor_video_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(InputError, match="is neither a picture nor a video"):
        read_frames(tmp_path / "text.png", 16)
    with pytest.raises(InputError, match="there is no file"):
        read_frames(tmp_path / "missing.png", 16)
    with pytest.raises(InputError, match="is a folder, not a regular file: expected a picture"):
        read_frames(tmp_path, 16)
    write_audio(tmp_path / "sound.wav", np.zeros(400, dtype=np.float32), 4000)
    with pytest.raises(InputError, match="is a sound, or a video without pictures"):
        read_frames(tmp_path / "sound.wav", 16)
    Image.new("RGB", (64, 64)).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:60])
    with pytest.raises(InputError, match=r"half\.png is"):
        read_frames(tmp_path / "half.png", 16)


def test_a_video_without_frames_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "empty.avi"), "w") as container:
        stream = container.add_stream("mpeg4", rate=8)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        container.start_encoding()
    with pytest.raises(InputError, match=r"empty\.avi is a video without frames|is neither a picture nor a video"):
        read_frames(tmp_path / "empty.avi", 16)


def test_a_sound_is_put_into_a_video_whose_pictures_stay(tmp_path: Path) -> None:
    write_short_video(tmp_path / "v.mp4", "cat", 0, seconds=2.0, size=64)
    sound = (0.3 * np.sin(2 * np.pi * 440 * np.arange(8000) / 4000)).astype(np.float32)
    add_sound(tmp_path / "v.mp4", sound, 4000, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        rate = container.streams.audio[0].rate
    spectrum = np.abs(np.fft.rfft(heard[4000:20_000]))
    assert np.argmax(spectrum) * rate / 16_000 == pytest.approx(440, abs=2)
    assert np.array_equal(read_frames(tmp_path / "v.mp4", 64), read_frames(tmp_path / "out.mp4", 64))
    with pytest.raises(InputError, match=r"the sound cannot be put into .*out\.txt"):
        add_sound(tmp_path / "v.mp4", sound, 4000, tmp_path / "out.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "v.mp4"]


def test_pictures_are_split_by_name_and_bad_ones_are_named(tmp_path: Path) -> None:
    write_drawing_folders(tmp_path, {"cat": ("cat",), "dog": ("dog",)}, count=8, size=16)
    (tmp_path / "cat" / "notes.txt").write_text("hello")
    parts, classes, left_out = load_pictures(PictureConfig(folder=tmp_path), 16)
    assert classes == ["cat", "dog"]
    assert {part: len(found.labels) for part, found in parts.items()} == {"train": 12, "validation": 2, "test": 2}
    assert left_out == ["1 of the files are not pictures that can be read: cat/notes.txt"]
    names = [name for found in parts.values() for name in found.names]
    assert len(set(names)) == 16
    (tmp_path / "bird").mkdir()
    with pytest.raises(InputError, match=r"the folder of the class 'bird', .*, is empty: put pictures into it"):
        load_pictures(PictureConfig(folder=tmp_path), 16)
