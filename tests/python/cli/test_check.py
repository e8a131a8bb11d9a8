# SPDX-License-Identifier: MIT
"""``fxtrain check``, as a user runs it."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import soundfile

from fxtrain.cli import main

RATE = 48000
KEYS = {"lag_samples", "polarity", "confidence", "drift_samples", "verdicts"}


@pytest.fixture(scope="module")
def playing():
    """Six seconds of decaying bursts at changing levels."""
    generator = np.random.default_rng(4)
    decay = np.exp(-np.arange(RATE // 4) / 3000)
    bursts = [generator.uniform(0.1, 0.5) * decay * generator.standard_normal(RATE // 4) for _ in range(24)]
    return (0.3 * np.concatenate(bursts)).astype(np.float32)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes files into the working folder, so that messages hold short names."""
    monkeypatch.chdir(tmp_path)

    def write(name, samples, rate=RATE, subtype="FLOAT"):
        soundfile.write(tmp_path / name, samples, rate, subtype=subtype)
        return name

    return write


def wet_of(dry):
    return np.concatenate([np.zeros(40, np.float32), -np.tanh(5 * dry)])[: len(dry)]


def test_a_good_pair_prints_a_table_and_ends_with_nought(write, playing, capsys):
    assert main(["check", write("dry.wav", playing), write("wet.flac", wet_of(playing), subtype="PCM_24")]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "polarity" in out
    assert "upside down" in out
    assert "Fit to train on; mind length" in out


def test_json_stands_alone_on_standard_output(write, playing, capsys):
    assert main(["check", "--json", write("dry.wav", playing), write("wet.wav", wet_of(playing))]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert set(report) >= KEYS
    assert (report["lag_samples"], report["polarity"], report["fit_to_train"]) == (40, -1, True)
    assert "Fit to train on" in err


def split_verdict(capsys, *files):
    assert main(["check", "--json", *files]) == 0
    (verdict,) = (each for each in json.loads(capsys.readouterr().out)["verdicts"] if each["name"] == "split")
    return verdict["level"], verdict["message"]


def test_what_the_test_part_repeats_is_named_as_fit_names_it(write, playing, capsys):
    # Only `fit` said so, when the recording was made.
    other = np.roll(playing[::-1], 999)
    takes = {"once": np.concatenate([playing, other]), "twice": np.concatenate([playing, other, playing[: 2 * RATE]])}
    assert split_verdict(capsys, write("dry.wav", takes["once"]), write("wet.wav", wet_of(takes["once"])))[0] == "ok"
    files = write("dry.wav", takes["twice"]), write("wet.wav", wet_of(takes["twice"]))
    level, message = split_verdict(capsys, *files)
    assert level == "note"
    found = re.fullmatch(
        r"(.*) s of dry\.wav are left out of the training part, as the test part repeats them \((.*) to 2\.0 s\)",
        message,
    )
    assert found
    assert [float(figure) for figure in found.groups()] == pytest.approx([1.4, 0.6], abs=0.31)  # of 14 s
    assert main(["fit", *files, "--out", "run", "--epochs", "1", "--set", "hidden_size=2"]) == 0
    assert message in " ".join(capsys.readouterr().out.split())


def test_a_loop_is_warned_of(write, playing, capsys):
    loop = np.tile(playing[: 2 * RATE], 8)
    level, message = split_verdict(capsys, write("dry.wav", loop), write("wet.wav", wet_of(loop)))
    assert level == "warn"
    assert "s of the training part also come in the test part" in message


BAD = {
    "missing": ("dry.wav does not exist", lambda write, x: None),
    "empty": ("dry.wav is empty (0 bytes)", lambda write, x: open("dry.wav", "wb").close()),  # noqa: PTH123
    "not audio": ("dry.wav is not audio that can be read", lambda write, x: _text("dry.wav")),
    "nan": ("dry.wav holds NaN or infinity, first at 0.0208 s", lambda write, x: write("dry.wav", _nan(x))),
    "rates differ": ("has 44100 Hz but the wet file 48000 Hz", lambda write, x: write("dry.wav", x, 44100)),
    "lengths differ": ("at most 2 s of difference", lambda write, x: write("dry.wav", x[: 4 * RATE - 1][::-1])),
    "too short": ("0.50 s long where at least 1 s is needed", lambda write, x: write("dry.wav", x[: RATE // 2])),
    "silent": ("The dry file dry.wav is silent", lambda write, x: write("dry.wav", 0 * x)),
    "equal": ("Wet equals dry", lambda write, x: write("dry.wav", wet_of(x))),
    "swapped": ("The files look swapped", lambda write, x: write("dry.wav", np.tanh(4 * wet_of(x)))),
    "other take": ("nothing in common", lambda write, x: write("dry.wav", x[::-1])),
}


def _text(name):
    with open(name, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write("Not a sound.\n" * 100)


def _nan(samples):
    broken = samples.copy()
    broken[1000] = np.nan
    return broken


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_sentence_and_exit_code_two(write, playing, capsys, case):
    sentence, make = BAD[case]
    wet = wet_of(playing)
    if case == "too short":
        wet = wet[: RATE // 2]
    write("wet.wav", wet)
    make(write, playing)
    assert main(["check", "dry.wav", "wet.wav"]) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert err.startswith("fxtrain: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_a_stop_is_in_the_json_and_in_the_exit_code(write, playing, capsys):
    write("dry.wav", playing)
    assert main(["check", "dry.wav", "dry.wav", "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert report["fit_to_train"] is False
    assert [v["name"] for v in report["verdicts"] if v["level"] == "stop"] == ["identical"]


def test_a_stop_may_be_ignored(write, playing, capsys):
    write("dry.wav", playing)
    assert main(["check", "dry.wav", "dry.wav", "--ignore", "identical"]) == 0
    assert "stop, ignored" in capsys.readouterr().out
    assert main(["check", "dry.wav", "dry.wav", "--ignore", "everything"]) == 2
    assert 'no check named "everything"' in capsys.readouterr().err
    assert main(["check", "dry.wav", "dry.wav", "--ignore", "lenght"]) == 2
    assert "did you mean length?" in capsys.readouterr().err


def test_resampling_makes_rates_agree(write, playing, capsys):
    from fxtrain.audio import resample

    write("dry.wav", playing)
    write("wet.wav", resample(wet_of(playing), RATE, 44100), 44100)
    assert main(["check", "dry.wav", "wet.wav", "--json", "--sample-rate", "44100"]) == 0
    # 40 samples of 48 kHz are 36.75 of 44.1 kHz.
    assert json.loads(capsys.readouterr().out)["lag_samples"] in (36, 37)


def test_a_channel_may_be_named(write, playing, capsys):
    write("both.wav", np.stack([playing, wet_of(playing)], axis=1))
    write("dry.wav", playing)
    assert main(["check", "dry.wav", "both.wav", "--json", "--channel", "2"]) == 0  # a mono file has nothing to choose
    assert json.loads(capsys.readouterr().out)["target"]["channel"] == 2
    assert main(["check", "dry.wav", "both.wav", "--json", "--wet-channel", "3"]) == 2
    assert "both.wav has 2 channels, so channel 3 is not there" in capsys.readouterr().err
    assert main(["check", "both.wav", "both.wav"]) == 2
    assert "add --dry-channel 1 --wet-channel 2, or the other way round" in capsys.readouterr().err
    assert main(["check", "both.wav", "both.wav", "--json", "--dry-channel", "1", "--wet-channel", "2"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["input"]["channel"], report["target"]["channel"], report["lag_samples"]) == (1, 2, 40)
    assert main(["check", "both.wav", "both.wav", "--json", "--channel", "2", "--ignore", "identical"]) == 0
    assert json.loads(capsys.readouterr().out)["input"]["channel"] == 2
