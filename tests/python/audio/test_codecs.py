# SPDX-License-Identifier: MIT
from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fxtrain.audio.codecs import CODECS, CodedReader, code, lag_of, open_audio, parse_codec
from fxtrain.audio.cutoff import LongTermSpectrum, cutoff_of, find_cutoff, guess_rate
from fxtrain.errors import AudioFileError, ConfigError

av = pytest.importorskip("av", reason="make generators was not run")

RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def noise(seconds: float, sample_rate: int, channels: int = 2) -> np.ndarray:
    """White noise whose channels have some of it in common."""
    rng = np.random.default_rng(1)
    shared, own = rng.standard_normal((1, round(seconds * sample_rate))), rng.standard_normal((channels, 1))
    return (0.05 * (shared + 0.3 * own * rng.standard_normal((channels, shared.shape[1])))).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", ["mp3-48", "aac-48", "vorbis-64", "opus-48"])
def test_what_was_coded_is_in_step_at_every_rate(name: str, channels: int) -> None:
    for sample_rate in RATES:
        sound = noise(0.7, sample_rate, channels)
        coded = code(sound, sample_rate, parse_codec(name))
        assert coded.shape == sound.shape
        assert abs(lag_of(coded[0], sound[0])) <= 1, sample_rate
        assert not np.array_equal(coded, sound)


def test_a_lag_is_found_to_the_sample() -> None:
    sound = noise(0.2, 44100)[0]
    for lag in (-700, -1, 0, 3, 1024):
        assert lag_of(np.roll(sound, lag), sound) == lag
    assert lag_of(np.zeros(100), sound) == 0


def test_a_steady_tone_that_fits_itself_a_period_later_is_not_late() -> None:
    time = np.arange(20_000)
    fading = np.exp(-time / 8000) * np.sin(2 * np.pi * 165 * time / 44100)
    coded = np.where(time < 400, 0, fading)  # a codec may lose the start, and earlier periods are louder
    assert lag_of(coded, fading) == 0


def test_the_higher_the_rate_the_higher_the_cutoff() -> None:
    sound = noise(2.0, 44100, 1)
    found = [cutoff_of([code(sound, 44100, parse_codec(name))], 44100) for name in ("mp3-32", "mp3-48", "mp3-64")]
    assert found == pytest.approx([8100, 11000, 16400], abs=700)
    assert [guess_rate(float(hz), 1) for hz in found] == [32, 48, 64]
    assert cutoff_of([sound], 44100) is None


def test_sound_that_fades_towards_the_highs_was_not_cut() -> None:
    spectrum = np.fft.rfft(np.random.default_rng(2).standard_normal(1 << 18))
    hz = np.fft.rfftfreq(1 << 18, 1 / 44100)
    for slope_db_per_octave in (6, 12, 24):
        faded = np.fft.irfft(spectrum * (np.maximum(hz, 100) / 100) ** (-slope_db_per_octave / 6))
        assert cutoff_of([0.2 * faded[None] / np.abs(faded).max()], 44100) is None
    cut = np.fft.irfft(spectrum * (hz < 9000))
    assert cutoff_of([cut[None] / np.abs(cut).max()], 44100) == pytest.approx(9000, abs=60)


@pytest.mark.parametrize("gain", [2.0, 2.5])
def test_the_cutoff_of_a_loud_mp3_is_found_although_decoding_clipped_it(tmp_path: Path, gain: float) -> None:
    sound = noise(8.0, 44100, 2)
    swell = 0.3 + 0.7 * np.abs(np.sin(2 * np.pi * 0.5 * np.arange(sound.shape[1]) / 44100)) ** 8
    sound = np.asarray(sound * swell / np.abs(sound).max(), dtype=np.float32)
    coded = gain * code(sound, 44100, parse_codec("mp3-128"))
    soundfile.write(tmp_path / "x.wav", np.clip(coded, -1, 1).T, 44100, subtype="PCM_16")
    clipped, _ = soundfile.read(tmp_path / "x.wav")
    assert np.count_nonzero(np.abs(clipped) >= 32767 / 32768) > 50
    assert cutoff_of([clipped.T], 44100) == pytest.approx(16400, abs=500)
    soundfile.write(tmp_path / "y.wav", np.clip(2 * gain * sound, -1, 1).T, 44100, subtype="PCM_16")
    complete, _ = soundfile.read(tmp_path / "y.wav")
    assert cutoff_of([complete.T], 44100) is None


def test_the_long_term_spectrum_does_not_depend_on_blocks() -> None:
    sound = noise(1.0, 44100)
    whole, parts = LongTermSpectrum(44100), LongTermSpectrum(44100)
    whole.add(sound)
    for start in range(0, sound.shape[1], 777):
        parts.add(sound[:, start : start + 777])
    assert parts.finish() == pytest.approx(whole.finish(), abs=1e-9)
    level = LongTermSpectrum(48000)
    level.add(np.sin(2 * np.pi * 3000 * np.arange(48000) / 48000)[None])
    assert level.finish().max() == pytest.approx(0.0, abs=0.1)
    assert find_cutoff(LongTermSpectrum(44100)) is None


def write_coded(path: Path, sound: np.ndarray, sample_rate: int, codec: str = "aac") -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=sample_rate)
        stream.bit_rate = 128_000
        stream.layout = {1: "mono", 2: "stereo"}[len(sound)]
        frame = av.AudioFrame.from_ndarray(sound, "fltp", stream.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, 0, Fraction(1, sample_rate)
        resampler = av.AudioResampler(stream.codec_context.format.name, stream.layout.name, sample_rate)
        for part in (*resampler.resample(frame), *resampler.resample(None), None):
            for packet in stream.encode(part):
                container.mux(packet)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("sample_rate", [22050, 44100, 48000])
def test_aac_is_read_in_step_and_as_long_as_it_was(tmp_path: Path, sample_rate: int, channels: int) -> None:
    sound = noise(1.003, sample_rate, channels)
    write_coded(tmp_path / "x.m4a", sound, sample_rate)
    with open_audio(tmp_path / "x.m4a") as reader:
        assert isinstance(reader, CodedReader)
        assert (reader.sample_rate, reader.num_channels, reader.subtype) == (sample_rate, channels, "AAC")
        blocks = list(reader.blocks(1000))
    assert {block.shape for block in blocks[:-1]} == {(channels, 1000)}
    read = np.concatenate(blocks, axis=1)
    assert read.shape == sound.shape
    assert lag_of(read[0], sound[0]) == 0


@pytest.mark.parametrize("num_frames", [44032, 44300, 48010, 50001])
@pytest.mark.parametrize(
    ("name", "codec", "sample_rate", "padding"),  # padding: what a container without an exact length may add
    [
        ("x.m4a", "aac", 44100, 0),
        ("x.mp4", "aac", 44100, 0),
        ("x.m4a", "alac", 44100, 0),
        ("x.aac", "aac", 44100, 1023),
        ("x.mka", "aac", 44100, 1023),
        ("x.mka", "libopus", 48000, 0),
        ("x.opus", "libopus", 48000, 0),
        ("x.mp3", "libmp3lame", 44100, 0),
    ],
)
def test_no_sample_is_lost_at_any_length(
    tmp_path: Path, name: str, codec: str, sample_rate: int, padding: int, num_frames: int
) -> None:
    sound = noise(2.0, sample_rate, 1)[:, :num_frames]
    write_coded(tmp_path / name, sound, sample_rate, codec)
    with open_audio(tmp_path / name) as reader:
        read = np.concatenate(list(reader.blocks(4096)), axis=1)
        assert reader.num_frames == pytest.approx(read.shape[1], abs=0 if name != "x.mka" else 100)
    assert num_frames <= read.shape[1] <= num_frames + padding
    assert lag_of(read[0], sound[0]) == 0
    tail = 400  # sound, not the padding of an encoder
    assert np.abs(read[0, num_frames - tail : num_frames]).max() > 0.02


@pytest.mark.parametrize(("format", "subtype"), [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("FLAC", "PCM_16")])
def test_other_kinds_are_read_by_libsndfile(tmp_path: Path, format: str, subtype: str) -> None:
    sound = noise(0.9, 44100)
    file = io.BytesIO()
    soundfile.write(file, sound.T, 44100, format=format, subtype=subtype)
    path = tmp_path / "x.bin"
    path.write_bytes(file.getvalue())
    with open_audio(path) as reader:
        read = np.concatenate(list(reader.blocks(4096)), axis=1)
    assert read.shape == sound.shape
    assert lag_of(read[0], sound[0]) == 0


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.mp3").write_bytes(b"no sound at all, whatever the name says" * 50)
    with pytest.raises(AudioFileError, match=r"is not audio that can be read .* MP3, M4A or AAC file"):
        open_audio(tmp_path / "x.mp3")
    with pytest.raises(AudioFileError, match="does not exist: check the spelling and the folder"):
        open_audio(tmp_path / "missing.mp3")
    with pytest.raises(AudioFileError, match="cannot be opened"):
        open_audio(tmp_path / ("x" * 300))
    (tmp_path / "x.m4a").write_bytes(b"\0\0\0\x18ftypM4A " + bytes(100))
    with pytest.raises(AudioFileError, match=r"cannot be read as sound .* MP3, M4A or AAC file"):
        open_audio(tmp_path / "x.m4a")


def test_a_video_without_sound_is_refused_for_that(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "x.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(AudioFileError, match=r"x\.mp4 holds no sound: expected a recording, or a video with"):
        open_audio(tmp_path / "x.mp4")


@pytest.mark.parametrize("name", ["mp3-64", "aac-64"])
def test_a_rate_that_a_codec_does_not_take_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} takes no sound of 192000 Hz: expected one of 8000, 11025"):
        code(noise(0.1, 192_000), 192_000, parse_codec(name))


def test_unknown_codecs_and_rates_are_named() -> None:
    assert all(parse_codec(f"{name}-64").name == name for name in CODECS)
    with pytest.raises(ConfigError, match="no codec 'atrac-64'"):
        parse_codec("atrac-64")
    with pytest.raises(ConfigError, match="mp3 is coded at 16 to 320 kbit/s here, not at 8"):
        parse_codec("mp3-8")
