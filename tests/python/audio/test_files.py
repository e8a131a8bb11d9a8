# SPDX-License-Identifier: MIT
"""Sound files in and out."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from fxtrain.audio import AudioReader, AudioWriter, read_audio, write_audio
from fxtrain.errors import AudioFileError, FxtrainError

RATE = 48000


def sine(frames=4800, frequency=440.0, level=0.5):
    return (level * np.sin(2 * np.pi * frequency * np.arange(frames) / RATE)).astype(np.float32)


@pytest.mark.parametrize(
    ("ending", "subtype", "error_bits"),
    [
        ("wav", "FLOAT", 31),
        ("wav", "DOUBLE", 31),
        ("wav", "PCM_16", 15),
        ("wav", "PCM_24", 23),
        ("wav", "PCM_32", 24),
        ("wav", "PCM_U8", 7),
        ("flac", "PCM_16", 15),
        ("flac", "PCM_24", 23),
        ("aiff", "PCM_16", 15),
        ("aiff", "PCM_24", 23),
        ("aiff", "FLOAT", 31),
    ],
)
def test_every_bit_depth_reads_back_to_its_last_bit(tmp_path, ending, subtype, error_bits):
    path = tmp_path / f"tone.{ending}"
    soundfile.write(path, sine(), RATE, subtype=subtype)
    audio = read_audio(path)
    assert (audio.sample_rate, audio.num_frames, audio.subtype, audio.path) == (RATE, 4800, subtype, path)
    assert np.abs(audio.samples - sine()).max() <= 2.0**-error_bits
    assert audio.samples.dtype == np.float32
    assert audio.samples.ndim == 1


def test_ogg_is_read_and_known_to_be_lossy(tmp_path):
    path = tmp_path / "tone.ogg"
    soundfile.write(path, sine(48000), RATE, format="OGG", subtype="VORBIS")
    audio = read_audio(path)
    assert audio.lossy
    assert not read_audio_of(tmp_path, sine()).lossy
    assert audio.num_frames == 48000
    assert np.corrcoef(audio.samples, sine(48000))[0, 1] > 0.999


def read_audio_of(folder, samples, **options):
    path = folder / "written.wav"
    write_audio(path, samples, RATE)
    return read_audio(path, **options)


def test_float_files_keep_what_lies_above_full_scale(tmp_path):
    assert np.abs(read_audio_of(tmp_path, sine(level=3.0)).samples).max() == pytest.approx(3.0, rel=1e-3)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000, 192000])
def test_any_rate_is_kept_unless_asked(tmp_path, rate):
    path = tmp_path / "tone.wav"
    soundfile.write(path, sine(), rate)
    assert read_audio(path).sample_rate == rate
    resampled = read_audio(path, sample_rate=32000)
    assert (resampled.sample_rate, resampled.file_sample_rate) == (32000, rate)
    assert resampled.num_frames == round(4800 * 32000 / rate)


def test_channels_that_are_alike_are_one(tmp_path):
    audio = read_audio_of(tmp_path, np.stack([sine(), sine()]))
    np.testing.assert_array_equal(audio.samples, sine())
    assert "alike" in audio.note


@pytest.mark.parametrize("sounding", [0, 1])
def test_the_only_sounding_channel_is_taken(tmp_path, sounding):
    channels = np.zeros((2, 4800), np.float32)
    channels[sounding] = sine()
    audio = read_audio_of(tmp_path, channels)
    assert audio.channel == sounding
    np.testing.assert_array_equal(audio.samples, sine())
    assert "nothing else is sounding" in audio.note


def test_of_channels_that_differ_the_first_is_taken_and_said(tmp_path):
    audio = read_audio_of(tmp_path, np.stack([sine(), sine(frequency=660.0)]))
    np.testing.assert_array_equal(audio.samples, sine())
    assert "channel 1 (left) of 2" in audio.note
    assert "differ" in audio.note


def test_a_channel_may_be_named(tmp_path):
    audio = read_audio_of(tmp_path, np.stack([sine(), sine(frequency=660.0)]), channel=1)
    np.testing.assert_array_equal(audio.samples, sine(frequency=660.0))
    with pytest.raises(AudioFileError, match="2 channels, so channel 3 is not there"):
        read_audio(tmp_path / "written.wav", channel=2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_no_number_is_refused_with_its_place(tmp_path, bad):
    samples = sine()
    samples[2400] = bad
    with pytest.raises(AudioFileError, match=r"NaN or infinity, first at 0\.0500 s"):
        read_audio_of(tmp_path, samples)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "does not exist"), (b"", r"is empty \(0 bytes\)"), (b"Dear diary, " * 50, "is not audio that can be read")],
)
def test_what_is_no_sound_file_is_said_in_one_sentence(tmp_path, content, message):
    path = tmp_path / "take.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioFileError, match=message) as caught:
        read_audio(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_sound_file(tmp_path):
    with pytest.raises(AudioFileError, match="is a folder"):
        read_audio(tmp_path)


def test_a_header_without_samples_is_refused(tmp_path):
    path = tmp_path / "empty.wav"
    soundfile.write(path, np.zeros(0, np.float32), RATE)
    with pytest.raises(AudioFileError, match="no samples"):
        read_audio(path)


@pytest.mark.parametrize("block", [1, 1000, 4800, 99999])
def test_reading_in_blocks_gives_the_same_as_reading_at_once(tmp_path, block):
    stereo = np.stack([sine(), sine(frequency=660.0)])
    write_audio(tmp_path / "stereo.wav", stereo, RATE)
    with AudioReader(tmp_path / "stereo.wav") as reader:
        blocks = list(reader.blocks(block))
    assert all(piece.shape[1] == block for piece in blocks[:-1])
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), stereo)


def test_writing_in_blocks_gives_the_same_as_writing_at_once(tmp_path):
    with AudioWriter(tmp_path / "blocks.wav", RATE) as writer:
        for start in range(0, 4800, 700):
            writer.write(sine()[start : start + 700])
    np.testing.assert_array_equal(read_audio(tmp_path / "blocks.wav").samples, sine())


@pytest.mark.parametrize(("ending", "subtype"), [("wav", "FLOAT"), ("aiff", "FLOAT"), ("flac", "PCM_24")])
def test_the_finest_coding_is_the_default(tmp_path, ending, subtype):
    write_audio(tmp_path / f"tone.{ending}", sine(), RATE)
    assert read_audio(tmp_path / f"tone.{ending}").subtype == subtype


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "take.wav"
    write_audio(path, sine(), RATE)

    class StopError(Exception):
        pass

    def fail_half_way():
        with AudioWriter(path, RATE) as writer:
            writer.write(sine(100))
            raise StopError

    with pytest.raises(StopError):
        fail_half_way()
    np.testing.assert_array_equal(read_audio(path).samples, sine())
    assert [entry.name for entry in tmp_path.iterdir()] == ["take.wav"]


def test_writing_where_there_is_no_folder_says_so(tmp_path):
    with pytest.raises(FxtrainError, match="could not be written"):
        write_audio(tmp_path / "nowhere" / "take.wav", sine(), RATE)


def test_an_ending_that_names_no_format_is_refused(tmp_path):
    with pytest.raises(AudioFileError, match=r"use \.wav, \.flac, \.aiff or \.ogg"):
        write_audio(tmp_path / "take.mp4", sine(), RATE)
    with pytest.raises(AudioFileError, match="cannot hold FLOAT samples"):
        write_audio(tmp_path / "take.flac", sine(), RATE, "FLOAT")
    assert list(tmp_path.iterdir()) == []


def test_written_files_may_be_read_by_whom_the_umask_allows(tmp_path):
    # The temporary file of an atomic write is its owner's alone; the finished one must not stay so.
    write_audio(tmp_path / "take.wav", sine(), RATE)
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "take.wav").stat().st_mode == (tmp_path / "plain").stat().st_mode


def wave_file(path, samples, *, promised=None, extra=b"", riff=b"RIFF"):
    """A 16-bit mono WAV with a data chunk that states ``promised`` bytes, behind ``extra`` chunks."""
    order, kind = ("little", "<i2") if riff == b"RIFF" else ("big", ">i2")
    data = np.round(samples * 32767).astype(kind).tobytes()
    number = lambda value, size: value.to_bytes(size, order)  # noqa: E731
    format = b"fmt " + number(16, 4) + number(1, 2) + number(1, 2) + number(48000, 4) + number(96000, 4)
    format += number(2, 2) + number(16, 2)
    size = number(len(data) if promised is None else promised, 4)
    path.write_bytes(riff + size + b"WAVE" + format + extra + b"data" + size + data)
    return path


@pytest.mark.parametrize("riff", [b"RIFF", b"RIFX"])
def test_a_header_that_states_no_length_does_not_hide_the_samples(tmp_path, riff):
    # A recorder that died leaves a length of 0, a stream one of 4 GiB.
    samples = np.sin(np.arange(4800) / 20)
    for promised in (0, 0xFFFFFFFF):
        audio = read_audio(wave_file(tmp_path / "a.wav", samples, promised=promised, riff=riff))
        np.testing.assert_allclose(audio.samples, samples, atol=1e-4)
        assert ("states no length" in audio.damage) == (promised == 0)


def test_a_file_that_was_cut_short_is_read_and_says_so(tmp_path):
    samples = np.sin(np.arange(48000) / 20)
    audio = read_audio(wave_file(tmp_path / "a.wav", samples, promised=2 * 72000))
    assert audio.num_frames == 48000
    assert audio.damage == "is cut short: its header promises 1.50 s but it holds 1.00 s"
    assert read_audio(wave_file(tmp_path / "b.wav", samples)).damage == ""


@pytest.mark.parametrize("extra", [b"bext\x05\0\0\0abcde", b"LIST\x03\0\0\0xyz", b"junk\x04\0\0\0abcd"])
def test_odd_chunks_before_the_samples_do_no_harm(tmp_path, extra):
    samples = np.sin(np.arange(4800) / 20)
    audio = read_audio(wave_file(tmp_path / "a.wav", samples, extra=extra))
    np.testing.assert_allclose(audio.samples, samples, atol=1e-4)


@pytest.mark.parametrize("name", ["take.m4a", "take.wav"])
def test_coded_sound_is_named_whatever_the_file_is_called(tmp_path, name):
    (tmp_path / name).write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0" + b"\0" * 4000)
    with pytest.raises(AudioFileError, match=r"is AAC or ALAC in an MPEG-4 file .* export the recording again as WAV"):
        read_audio(tmp_path / name)
