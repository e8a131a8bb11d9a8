# SPDX-License-Identifier: MIT
"""``fxtrain render`` and ``fxtrain info``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from made_models import at_rest
from plugin_files import write_two_sizes

from fxtrain import engine
from fxtrain.cli import main


@pytest.fixture
def made(make_model: Callable) -> Any:
    return make_model([("lstm", 6), ("dense", 1)], in_skip=1, samplerate=48000, metadata={"author": "A. Player"})


def run_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main([*map(str, arguments), "--json"]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def fails(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([*map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("fxtrain: ")
    return captured.err


def write(path: Path, samples: np.ndarray, sample_rate: int = 48000, subtype: str = "FLOAT") -> Path:
    soundfile.write(path, samples.T, sample_rate, subtype=subtype)
    return path


def test_render_writes_what_the_engine_plays(
    made: Any, tmp_path: Path, playing: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "dry.wav", playing)
    expected = at_rest(made.path).process(playing)
    for block_size in (64, 511, 4096):
        out = tmp_path / f"wet-{block_size}.wav"
        result = run_json(capsys, "render", made.path, source, out, "--block-size", block_size)
        samples, rate = soundfile.read(out, dtype="float32")
        assert rate == 48000
        assert np.array_equal(samples, expected)
        assert result["num_frames"] == len(playing)
        assert result["peak"] == pytest.approx(np.abs(expected).max())
        assert result["faults"] == 0
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_render_plays_stereo_as_two_streams(
    made: Any, tmp_path: Path, playing: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    stereo = np.stack([playing, -0.5 * playing[::-1]])
    source = write(tmp_path / "dry.flac", stereo, subtype="PCM_24")
    out = tmp_path / "wet.wav"
    assert run_json(capsys, "render", made.path, source, out)["num_channels"] == 2
    read, _ = soundfile.read(source, dtype="float32")
    rendered, _ = soundfile.read(out, dtype="float32")
    for channel in range(2):
        expected = at_rest(made.path).process(np.ascontiguousarray(read[:, channel]))
        assert np.array_equal(rendered[:, channel], expected)


def test_render_plays_the_network_that_the_quality_chooses(
    tmp_path: Path, playing: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_two_sizes(tmp_path / "amp.nam", 0.25, 0.5)
    source, out = write(tmp_path / "dry.wav", playing), tmp_path / "wet.wav"
    for quality, gain in (("0", 0.25), ("0.49", 0.25), ("0.5", 0.5), ("1", 0.5)):
        run_json(capsys, "render", model, source, out, "--quality", quality, "--force")
        np.testing.assert_allclose(soundfile.read(out, dtype="float32")[0], gain * playing, rtol=0, atol=1e-7)
    assert "--quality" in fails(
        capsys, "render", model, source, tmp_path / "no.wav", "--quality", "0.2", "--backend", "torch"
    )


@pytest.mark.parametrize("value", ["1.01", "-0.1", "nan", "high"])
def test_a_quality_that_is_none_is_refused(
    made: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    with pytest.raises(SystemExit) as error:
        main(["render", str(made.path), str(tmp_path / "dry.wav"), str(tmp_path / "wet.wav"), f"--quality={value}"])
    assert error.value.code == 2
    assert "--quality" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ending", "subtype"), [("wav", "FLOAT"), ("flac", "PCM_24"), ("aiff", "FLOAT"), ("ogg", "VORBIS")]
)
def test_the_ending_names_the_format(made: Any, tmp_path: Path, playing: np.ndarray, ending: str, subtype: str) -> None:
    source = write(tmp_path / "dry.wav", playing[:9600])
    out = tmp_path / f"wet.{ending}"
    assert main(["render", "-q", str(made.path), str(source), str(out)]) == 0
    assert soundfile.info(out).subtype == subtype
    assert soundfile.info(out).frames == 9600


def test_torch_and_engine_render_the_same(
    made: Any, tmp_path: Path, playing: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "dry.wav", np.stack([playing[:9600], playing[9600:19_200]]))
    outputs = []
    for backend in ("engine", "torch"):
        out = tmp_path / f"{backend}.wav"
        run_json(capsys, "render", made.path, source, out, "--backend", backend)
        outputs.append(soundfile.read(out, dtype="float32")[0])
    assert np.abs(outputs[0] - outputs[1]).max() < 1e-5
    assert np.abs(outputs[0]).max() > 0.1


def test_rtneural_renders_the_same_or_says_that_it_is_not_there(
    made: Any, tmp_path: Path, playing: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "dry.wav", playing[:9600])
    out = tmp_path / "wet.wav"
    arguments = ("render", made.path, source, out, "--backend", "rtneural")
    if "rtneural" in engine.available_backends():
        run_json(capsys, *arguments)
        samples, _ = soundfile.read(out, dtype="float32")
        assert np.abs(samples - engine.load(made.path).process(playing[:9600])).max() <= 1e-5
    else:
        assert "FXTRAIN_RTNEURAL=ON" in fails(capsys, *arguments)


def test_another_sample_rate_is_refused_with_the_remedy_and_converted_on_request(
    made: Any, tmp_path: Path, playing: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "dry.wav", playing[:44_100], 44_100)
    out = tmp_path / "wet.wav"
    message = fails(capsys, "render", made.path, source, out)
    assert "44100 Hz" in message
    assert "--resample" in message
    assert not out.exists()
    result = run_json(capsys, "render", made.path, source, out, "--resample", "--block-size", 1000)
    assert result["sample_rate"] == soundfile.info(out).samplerate == 48_000
    assert abs(result["num_frames"] - 48_000) <= 1


def test_nothing_is_overwritten_unless_asked(
    made: Any, tmp_path: Path, playing: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "dry.wav", playing)
    out = tmp_path / "wet.wav"
    out.write_bytes(b"precious")
    assert "--force" in fails(capsys, "render", made.path, source, out)
    assert out.read_bytes() == b"precious"
    run_json(capsys, "render", made.path, source, out, "--force")
    assert soundfile.info(out).frames == len(playing)


def test_wrong_input_is_one_sentence_and_leaves_nothing_behind(
    made: Any, tmp_path: Path, playing: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "dry.wav", playing)
    out = tmp_path / "wet.wav"
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    nam = tmp_path / "amp.nam"
    nam.write_text(json.dumps({"version": "0.5.4", "architecture": "LSTM", "config": {}, "weights": []}))
    bad = write(tmp_path / "nan.wav", np.array([0.0, np.nan, 0.5], np.float32))
    assert "not audio" in fails(capsys, "render", made.path, text, out)
    assert "does not exist" in fails(capsys, "render", made.path, tmp_path / "none.wav", out)
    assert "NaN" in fails(capsys, "render", made.path, bad, out)
    assert "config.input_size" in fails(capsys, "render", nam, source, out)
    assert ".mp4" in fails(capsys, "render", made.path, source, tmp_path / "wet.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "amp.json",
        "amp.nam",
        "dry.wav",
        "nan.wav",
        "notes.txt",
    ]


MEMORY_SCRIPT = """
import sys
from fxtrain.cli import main
from fxtrain.memory import peak_memory_mib
model, short, long, folder = sys.argv[1:]
peaks = []
for source in (short, long):
    assert main(["render", "-q", model, source, folder + "/" + source.rsplit("/", 1)[1] + ".wet.wav"]) == 0
    peaks.append(peak_memory_mib())
print(peaks[1] - peaks[0])
"""


def test_memory_does_not_grow_with_the_recording(make_model: Callable, tmp_path: Path) -> None:
    made = make_model([("gru", 2), ("dense", 1)])
    rng = np.random.default_rng(0)
    short = write(tmp_path / "short.wav", rng.uniform(-0.5, 0.5, 48_000).astype(np.float32))
    long = write(tmp_path / "long.wav", rng.uniform(-0.5, 0.5, 180 * 48_000).astype(np.float32))  # 35 MB as float32
    arguments = [str(path) for path in (made.path, short, long, tmp_path)]
    answer = subprocess.run(
        [sys.executable, "-c", MEMORY_SCRIPT, *arguments], capture_output=True, text=True, check=True
    )
    assert soundfile.info(tmp_path / "long.wav.wet.wav").frames == 180 * 48_000
    assert float(answer.stdout.split()[-1]) < 4  # MiB more after three minutes than after one second


def test_info_tells_whether_a_model_is_verified_and_who_made_it(
    made: Any, playing: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(made.path)]) == 0
    text = capsys.readouterr().out
    assert "no test vectors" in text
    assert "A. Player" in text
    x = playing[:256]
    vectors = {"input_batch": x.tolist(), "output_batch": (made.play(x) + x).tolist()}
    made.path.write_text(json.dumps(made.document | vectors))
    result = run_json(capsys, "info", made.path)
    assert result["playable"]
    assert result["verified"]
    assert result["self_test"]["num_frames"] == 256
    assert result["sample_rate"] == 48000


def test_info_shows_the_levels_of_a_model(make_model: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    levels = {"loudness_db": -17.5, "input_level_dbu": "12.25"}
    path = make_model([("dense", 1)], metadata=levels).path
    assert main(["info", str(path)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["loudness", "in", "dB", "-17.5"] in lines
    assert ["input", "level", "in", "dBu", "12.25"] in lines
    result = run_json(capsys, "info", path)
    assert (result["loudness_db"], result["input_level_dbu"], result["output_level_dbu"]) == (-17.5, 12.25, None)


def test_info_names_a_model_of_another_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "amp.nam"
    document = {"version": "0.5.4", "architecture": "WaveNet", "config": {}, "weights": [], "sample_rate": 48000}
    path.write_text(json.dumps(document | {"metadata": {"modeled_by": "A. Player", "gear_make": "Acme [bold]"}}))
    result = run_json(capsys, "info", path)
    assert not result["playable"]
    assert "WaveNet" in result["format"]
    assert result["sample_rate"] == 48000
    assert main(["info", str(path)]) == 0
    text = capsys.readouterr().out
    assert "A. Player" in text
    assert "Acme [bold]" in text


def test_info_names_the_models_of_others(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [path for path in sorted((shared_data / "foreign-models").glob("*/*")) if path.suffix in (".nam", ".json")]
    for path in paths:
        if path.name == "bad_lstm.json":
            assert path.name in fails(capsys, "info", path)
        else:
            assert run_json(capsys, "info", path)["playable"] is True


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[1]", b"RIFF....WAVE", b"\x00\x01"])
def test_info_refuses_what_is_no_model(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    assert "file.json" in fails(capsys, "info", path)


@pytest.fixture
def conditioned(make_model: Callable) -> Any:
    knobs = [
        {"name": "Drive", "unit": "dB", "min": 0, "max": 10, "default": 2},
        {"name": "Tone", "unit": "", "min": -1, "max": 1, "default": 0},
    ]
    return make_model([("lstm", 4), ("dense", 1)], inputs=3, samplerate=48000, knobs=knobs)


def test_render_plays_knobs_where_they_are_set_and_says_where(
    conditioned: Any, tmp_path: Path, playing: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "dry.wav", playing)
    assert main(["render", str(conditioned.path), str(source), str(tmp_path / "default.wav")]) == 0
    assert "Knobs: Drive 2 dB (0 to 10), Tone 0 (-1 to 1)." in capsys.readouterr().out
    arguments = ["--knob", "drive=8", "--knob", "Tone=-0.5"]
    result = run_json(capsys, "render", conditioned.path, source, tmp_path / "set.wav", *arguments)
    assert result["knobs"] == pytest.approx({"Drive": 8.0, "Tone": -0.5})
    for name, positions in (("default", (0.2, 0.5)), ("set", (0.8, 0.25))):
        model = engine.load(conditioned.path)
        for index, position in enumerate(positions):
            model.set_knob(index, position)
        model.prewarm()
        rendered, _ = soundfile.read(tmp_path / f"{name}.wav", dtype="float32")
        assert np.array_equal(rendered, model.process(playing))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("Gain=3", "has no knob Gain: its knobs are Drive, Tone."),
        ("Drive=11", "--knob Drive=11 is beyond the knob's ends: expected 0 to 10."),
    ],
)
def test_a_knob_that_cannot_be_set_is_refused(
    conditioned: Any,
    tmp_path: Path,
    playing: np.ndarray,
    capsys: pytest.CaptureFixture[str],
    setting: str,
    message: str,
) -> None:
    source = write(tmp_path / "dry.wav", playing)
    assert message in fails(capsys, "render", conditioned.path, source, tmp_path / "wet.wav", "--knob", setting)
    assert not (tmp_path / "wet.wav").exists()


@pytest.mark.parametrize("setting", ["Drive", "=3", "Drive=loud", "Drive=nan"])
def test_a_knob_setting_without_a_number_is_a_usage_error(setting: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["render", "a.json", "b.wav", "c.wav", "--knob", setting])
    assert "expected NAME=VALUE with a number" in capsys.readouterr().err


def test_info_says_where_knobs_stand(conditioned: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(conditioned.path)]) == 0
    assert "Drive 2 dB (0 to 10), Tone 0 (-1 to 1)" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("oversampling", [1, 4])
@pytest.mark.parametrize("layers", [[("lstm", 16), ("dense", 1)], [("gru", 8), ("lstm", 6), ("dense", 1)]])
def test_render_begins_at_rest(
    make_model: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str], layers: list[Any], oversampling: int
) -> None:
    """Silence through a model is its output at rest, to -100 dB of full scale, from the first sample on."""
    made = make_model(layers, seed=3, samplerate=48000)
    source = write(tmp_path / "silence.wav", np.zeros(4800, np.float32))
    run_json(capsys, "render", made.path, source, tmp_path / "out.wav", "--oversample", oversampling)
    rendered, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    from_zero = engine.load(made.path).process(np.zeros(96_000, np.float32))
    assert np.abs(from_zero[0] - from_zero[-1]) > 1e-3
    assert np.abs(rendered - from_zero[-1]).max() < 1e-5
