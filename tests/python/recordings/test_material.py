# SPDX-License-Identifier: MIT
"""From files to parts: where there is playing, which channel, and how tables are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from fxtrain.audio import write_audio
from fxtrain.data.material import Material, load_material
from fxtrain.data.pair_table import PairFiles, read_pairs
from fxtrain.data.recording import Reading
from fxtrain.data.split import SplitConfig
from fxtrain.errors import DataCheckError, InputError

RATE = 16_000
Samples = NDArray[np.float64]
Write = Callable[..., PairFiles]


def playing(seconds: float, seed: int = 0) -> Samples:
    """Decaying noise bursts, four per second, of changing loudness."""
    generator = np.random.default_rng(seed)
    decay = np.exp(-np.arange(RATE // 4) / 1500)
    bursts = [generator.uniform(0.2, 1) * decay * generator.standard_normal(RATE // 4) for _ in range(int(4 * seconds))]
    return 0.1 * np.concatenate(bursts)


def noise(seconds: float, level: float = 1e-4, seed: int = 1) -> Samples:
    return level * np.random.default_rng(seed).standard_normal(int(seconds * RATE))


def device(dry: Samples) -> Samples:
    """Overdrive with a hissing output, an offset, 20 samples late."""
    wet = signal.lfilter([0.4], [1, -0.6], np.tanh(4 * dry))
    return np.asarray(np.concatenate([np.zeros(20), wet])[: len(dry)] + noise(len(dry) / RATE, 3e-4, 2) + 0.02)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a dry recording and what :func:`device` makes of it."""

    def write(dry: Samples, name: str = "take", wet: Samples | None = None, **options: object) -> PairFiles:
        write_audio(tmp_path / f"{name}-dry.wav", dry, RATE)
        write_audio(tmp_path / f"{name}-wet.wav", device(dry) if wet is None else wet, RATE)
        return PairFiles(input=tmp_path / f"{name}-dry.wav", target=tmp_path / f"{name}-wet.wav", **options)  # type: ignore[arg-type]

    return write


def load(*pairs: PairFiles) -> Material:
    return load_material(pairs, split=SplitConfig(), reading=Reading())


def seconds_of(material: Material, part: str) -> list[tuple[float, float]]:
    return [(p["start_seconds"], p["end_seconds"]) for p in material.parts if p["part"] == part]


def test_without_long_pauses_a_recording_is_split_by_time_alone(write: Write) -> None:
    material = load(write(np.concatenate([noise(2), playing(38)])))
    assert [part["part"] for part in material.parts] == ["train", "validation", "test"]
    assert seconds_of(material, "test") == [pytest.approx((36, 40), abs=0.1)]
    assert material.recordings[0].notes == ()


@pytest.mark.parametrize("rest", [noise(12), np.zeros(12 * RATE)], ids=["noise", "zeros"])
def test_an_end_without_playing_judges_nothing(write: Write, rest: Samples) -> None:
    # Validation on noise took the quietest weights for the best ones, and called every step towards the sound diverged.
    material = load(write(np.concatenate([playing(30), rest])))
    assert seconds_of(material, "test")[-1][1] == pytest.approx(31, abs=0.2)  # a second to ring out
    for part in (material.validation, material.test):
        assert np.std(np.concatenate([excerpt.input for excerpt in part])) > 0.01
    (note,) = material.recordings[0].notes
    assert "without playing are left out (31.0 to 42.0 s)" in note
    verdicts = {verdict.name: verdict for verdict in material.recordings[0].report.verdicts}
    assert verdicts["silence"].level == "warn"
    assert "no playing in the dry file from 31.0 to 42.0 s" in verdicts["silence"].message


def test_a_start_and_a_middle_without_playing_are_left_out(write: Write) -> None:
    material = load(write(np.concatenate([noise(15), playing(10), noise(10), playing(20, 3)])))
    ((first, pause), (resumed, _)) = seconds_of(material, "train")
    assert first == pytest.approx(14.5, abs=0.1)
    assert (pause, resumed) == pytest.approx((26, 34.5), abs=0.1)
    total = sum(end - start for part in material.parts for start, end in [(part["start_seconds"], part["end_seconds"])])
    assert total == pytest.approx(0.5 + 10 + 1.5 + 20, abs=1.2)  # gaps around the parts


def test_an_amplifier_that_is_off_at_the_end_judges_nothing(write: Write) -> None:
    dry = playing(40)
    wet = device(dry)
    wet[30 * RATE :] = 0.02 + noise(10, 3e-4)
    material = load(write(dry, wet=wet))
    assert seconds_of(material, "test")[-1][1] == pytest.approx(31, abs=0.2)
    verdicts = {verdict.name: verdict for verdict in material.recordings[0].report.verdicts}
    assert "no playing in the wet file from 31.0 to 40.0 s" in verdicts["silence"].message


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_file_without_playing_is_refused_as_a_judge(write: Write, split: str) -> None:
    take = write(playing(20))
    with pytest.raises(DataCheckError, match="holds no playing"):
        load(take, write(noise(5), "other", split=split))


def test_clips_without_playing_are_left_out_whole(write: Write) -> None:
    clip = RATE // 2
    dry = np.concatenate([playing(20), noise(8)])
    material = load(write(dry, clip_frames=clip))
    frames = {len(excerpt.input) % excerpt.clip_frames for excerpt in material.train + material.test}
    assert frames == {0}
    assert seconds_of(material, "test")[-1][1] <= 21.6  # the clip in which it rings out
    assert np.std(np.concatenate([excerpt.input for excerpt in material.test])) > 0.01


def test_a_given_lag_is_removed_as_it_is(write: Write) -> None:
    take = write(playing(12))
    material = load_material([take], split=SplitConfig(), reading=Reading(lag=11))
    assert material.lag_samples == 11
    assert load(take).lag_samples == pytest.approx(20 - 4, abs=2)


HEAD = "input,target,split,weight,clip_frames\r\n"
TABLES = {
    "as it is documented": HEAD + "a b.wav,w.wav,train,0.5,100\r\n",
    "byte order mark": "\ufeff" + HEAD + "a b.wav,w.wav,train,0.5,100\r\n",
    "semicolons and decimal comma": (HEAD + "a b.wav,w.wav,train,0.5,100\r\n").replace(",", ";").replace("0.5", "0,5"),
    "tabs": (HEAD + "a b.wav,w.wav,train,0.5,100\r\n").replace(",", "\t"),
    "quoted decimal comma": HEAD + 'a b.wav,w.wav,train,"0,5",100\r\n',
    "named separator": "sep=;\r\n" + (HEAD + "a b.wav,w.wav,train,0.5,100\r\n").replace(",", ";"),
    "capitals": HEAD.title() + "a b.wav,w.wav,Train,0.5,100\r\n",
    "blanks": (HEAD + "a b.wav,w.wav,train,0.5,100\r\n").replace(",", " , "),
    "empty lines": "\r\n" + HEAD + "\r\na b.wav,w.wav,train,0.5,100\r\n,,,,\r\n\r\n",
    "notes": "date,input,target,split,weight,clip_frames,notes\r\nmonday,a b.wav,w.wav,train,0.5,100,bright on\r\n",
    "blank columns at the end": "input,target,split,weight,clip_frames,,\r\na b.wav,w.wav,train,0.5,100,,\r\n",
}


@pytest.mark.parametrize("coding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("table", TABLES)
def test_tables_are_read_as_spreadsheets_save_them(tmp_path: Path, table: str, coding: str) -> None:
    if coding == "cp1252" and table == "byte order mark":
        pytest.skip("has none")
    (tmp_path / "pairs.csv").write_bytes(TABLES[table].replace("a b", "größe").encode(coding))
    (pair,) = read_pairs(tmp_path / "pairs.csv")
    assert (pair.input, pair.target) == (tmp_path / "größe.wav", tmp_path / "w.wav")
    assert (pair.split, pair.weight, pair.clip_frames) == ("train", 0.5, 100)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("input,wet\na,b\n", "needs a header and rows .* but has input, wet"),
        ("", "has no rows"),
        (HEAD, "no rows below it"),
        (HEAD + "a,b,,0,5,100\n", "line 2 has 6 fields where the header has 5; put values .* in quotes"),
        ("input,target,wieght\na,b,2\n", "has a column 'wieght'; if 'weight' is meant, rename it"),
        (HEAD + "\na,b,,heavy,\n", "line 3: could not convert"),
        (HEAD + "a,b,,nan,\n", "weight is nan and clip_frames 0; expected a weight above 0"),
        (HEAD + "a,b,maybe,,\n", "split is 'maybe'"),
    ],
)
def test_a_table_that_can_mean_two_things_is_refused_with_its_line(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "pairs.csv").write_text(table)
    with pytest.raises(InputError, match=message):
        read_pairs(tmp_path / "pairs.csv")


def spans_of(material: Material, part: str) -> Samples:
    return np.concatenate([excerpt.input for excerpt in getattr(material, part)])


def shares_playing(one: Samples, other: Samples) -> bool:
    """Whether a quarter of a second of ``one``, taken every eighth, is anywhere in ``other``."""
    step = RATE // 8
    windows = np.lib.stride_tricks.sliding_window_view(other, 8)
    for start in range(0, len(one) - 2 * step, step):
        key = one[start + step : start + step + 8]
        if np.abs(key).max() > 0 and (windows == key).all(axis=1).any():
            return True
    return False


def test_what_the_test_part_repeats_is_not_trained_on(write: Write) -> None:
    # The usual capture signals end as they begin; the test figure was that of playing heard in training.
    start = playing(7)
    material = load(write(np.concatenate([start, playing(30, 4), start])))
    train, validation, test = (spans_of(material, part) for part in ("train", "validation", "test"))
    assert not shares_playing(test, train)
    assert not shares_playing(validation, train)
    ((first, last),) = seconds_of(material, "train")
    assert (first, last) == pytest.approx((7, 0.8 * 44 - 2 * 0.25), abs=0.1)
    notes = material.recordings[0].notes
    assert any("left out of the training part, as the test part repeats them" in note for note in notes)
    assert "split" not in {verdict.name for verdict in material.recordings[0].report.verdicts}


@pytest.mark.parametrize("change", ["dither", "gain", "resampling"])
def test_a_copy_that_is_not_exact_is_not_trained_on_either(write: Write, change: str) -> None:
    start = playing(7)
    again = {
        "dither": start + noise(7, 2**-15),
        "gain": 0.7 * start,
        "resampling": signal.resample_poly(np.concatenate([np.zeros(3), signal.resample_poly(start, 3, 1)]), 1, 3),
    }[change]
    material = load(write(np.concatenate([start, playing(30, 4), again])))
    ((first, last),) = seconds_of(material, "train")
    assert first == pytest.approx(7, abs=0.8)
    assert last == pytest.approx(0.8 * 44 - 2 * 0.25, abs=0.1)


def test_the_same_notes_played_again_are_no_copy(write: Write) -> None:
    """As loud, as long and of the same pitch, with another pick."""
    envelope = np.repeat(np.random.default_rng(3).uniform(0.1, 1, 28), RATE // 4)
    start, again = (0.1 * envelope * np.random.default_rng(seed).standard_normal(7 * RATE) for seed in (8, 9))
    material = load(write(np.concatenate([start, playing(30, 4), again])))
    assert seconds_of(material, "train")[0][0] == pytest.approx(0, abs=0.1)


def test_what_the_test_part_repeats_of_other_recordings_is_not_trained_on(write: Write) -> None:
    riff = playing(5, 8)
    more = write(np.concatenate([playing(10, 2), riff, playing(10, 3)]), "more", split="train")
    test = write(np.concatenate([playing(3, 6), riff]), "exam", split="test")
    material = load(write(playing(30)), more, test)
    assert not shares_playing(spans_of(material, "test"), spans_of(material, "train"))
    assert seconds_of(material, "train")[1:] == [pytest.approx((0, 10), abs=0.3), pytest.approx((15, 25), abs=0.3)]


def test_clips_that_the_test_part_repeats_are_left_out_whole(write: Write) -> None:
    clip = RATE
    dry = playing(30)
    dry[4 * clip : 6 * clip] = dry[28 * clip :]
    material = load(write(dry, clip_frames=clip))
    assert not shares_playing(spans_of(material, "test"), spans_of(material, "train"))
    assert {len(excerpt.input) % excerpt.clip_frames for excerpt in material.train} == {0}


def test_a_recording_of_clips_that_the_test_repeats_whole_is_left_out_whole(write: Write) -> None:
    clips = write(playing(5, 8), "clips", clip_frames=RATE // 2, split="train")
    exam = write(playing(5, 8), "exam", split="test")
    material = load(write(playing(30)), clips, exam)
    assert len(material.train) == 1
    assert not shares_playing(spans_of(material, "test"), spans_of(material, "train"))


def test_what_would_leave_only_pauses_stays(write: Write) -> None:
    riff, pause = playing(2, 8), np.zeros(int(2.6 * RATE))
    choice = write(np.concatenate([pause, riff, pause]), "choice", split="validation")
    exam = write(np.concatenate([riff, playing(3, 2)]), "exam", split="test")
    material = load(write(playing(30)), choice, exam)
    assert "validation part also come in the test part" in warning(material)
    assert np.abs(spans_of(material, "validation")).max() > 0.01


def warning(material: Material) -> str:
    (verdict,) = (verdict for verdict in material.recordings[0].report.verdicts if verdict.name == "split")
    assert verdict.level == "warn"
    return verdict.message


def test_a_loop_stays_in_training_and_the_test_is_said_to_be_heard(write: Write) -> None:
    material = load(write(np.tile(playing(4), 10)))
    assert "31.5 s of the training part also come in the test part" in warning(material)
    assert seconds_of(material, "train") == [pytest.approx((0, 0.8 * 40 - 2 * 0.25), abs=0.1)]


def test_one_pair_for_every_part_is_said(write: Write) -> None:
    take = write(playing(12))
    material = load(*(replace(take, split=part) for part in ("train", "validation", "test")))
    message = warning(material)
    for parts in ("training part also come in the test", "validation part also come in the test"):
        assert parts in message


def test_a_part_of_the_training_part_is_used_and_the_others_stay_as_they_are(write: Write) -> None:
    take = write(playing(20))
    whole = load(take)
    part = load_material([take], split=SplitConfig(train_seconds=5.0), reading=Reading())
    assert sum(len(excerpt.input) for excerpt in part.train) == 5 * RATE
    assert np.array_equal(part.train[0].input, whole.train[0].input[: 5 * RATE])
    for name in ("validation", "test"):
        assert np.array_equal(getattr(part, name)[0].target, getattr(whole, name)[0].target)
    clips = write(playing(20), "clips", clip_frames=RATE)
    some = load_material([clips], split=SplitConfig(train_seconds=5.7), reading=Reading())
    assert sum(len(excerpt.input) for excerpt in some.train) == 5 * some.train[0].clip_frames
