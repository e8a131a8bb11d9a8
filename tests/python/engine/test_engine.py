# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fxtrain import engine
from fxtrain.errors import ModelFileError


@pytest.fixture
def model_path(make_model: Callable) -> Path:
    return make_model(
        [("lstm", 8), ("dense", 1)],
        in_skip=1,
        metadata={"name": "Blues", "author": "A. Player", "samplerate": "48000", "lag_samples": -12},
    ).path


def test_info_tells_what_the_file_says(model_path: Path) -> None:
    info = engine.load(model_path).info
    assert info.path == model_path
    assert (info.name, info.architecture, info.backend) == ("Blues", "lstm", "fxengine")
    assert info.layers == (engine.Layer("lstm", 1, 8, ""), engine.Layer("dense", 8, 1, ""))
    assert info.num_weights == 4 * 8 * (1 + 8 + 1) + 8 + 1
    assert (info.sample_rate, info.lag_frames, info.latency_frames) == (48000.0, -12, 0)
    assert info.residual
    assert info.self_test is None
    assert info.metadata["author"] == "A. Player"
    assert json.loads(json.dumps(info.to_dict()))["layers"][0]["output_size"] == 8


def test_levels_that_the_file_states_are_told_and_bad_ones_noted(make_model: Callable) -> None:
    stated = {"loudness_db": "-17.5", "input_level_dbu": 12, "output_level_dbu": "hot"}
    info = engine.load(make_model([("dense", 1)], metadata=stated).path).info
    assert (info.loudness_db, info.input_level_dbu, info.output_level_dbu) == (-17.5, 12.0, None)
    assert [note for note in info.notes if "output_level_dbu" in note and 'the text "hot"' in note]


def test_loudness_is_the_rms_of_what_the_model_makes_of_the_clip(model_path: Path) -> None:
    model = engine.load(model_path)
    clip = engine.loudness_clip(48_000)
    assert len(clip) == 144_000
    assert 10 * np.log10(np.mean(clip.astype(np.float64) ** 2)) == pytest.approx(-20, abs=0.01)
    output = model.process(clip).astype(np.float64)
    expected = 10 * np.log10(np.mean(output**2))
    assert engine.measure_loudness(model) == pytest.approx(expected, abs=1e-9)  # from zero state, whatever was played
    assert engine.measure_loudness(model_path) == engine.measure_loudness(model)
    assert np.array_equal(model.process(clip), output)  # as after load
    with pytest.raises(ValueError, match="sample_rate"):
        engine.loudness_clip(0)


@pytest.mark.parametrize("block_size", [1, 16, 64, 511, 4096, None])
def test_blocks_of_any_size_give_the_same_output(model_path: Path, playing: np.ndarray, block_size: int | None) -> None:
    x = playing[:20_000]
    whole = engine.load(model_path).process(x)
    model = engine.load(model_path)
    rng = np.random.default_rng(1)
    start, parts = 0, []
    while start < len(x):
        size = block_size or int(rng.integers(1, 3000))
        parts.append(model.process(x[start : start + size]))
        start += size
    assert np.array_equal(np.concatenate(parts), whole)


def test_reset_then_repeat_gives_the_same(model_path: Path, playing: np.ndarray) -> None:
    model = engine.load(model_path)
    first = model.process(playing)
    assert not np.array_equal(model.process(playing), first)  # the state ran on
    model.reset()
    assert np.array_equal(model.process(playing), first)


def test_channels_are_independent_streams(model_path: Path, playing: np.ndarray) -> None:
    x = np.stack([playing[:5000], -0.3 * playing[5000:10_000], np.zeros(5000, np.float32)])
    together = engine.load(model_path).process(x)
    assert together.shape == x.shape
    for channel, output in zip(x, together, strict=True):
        # Streams together may be summed in another order than one alone.
        assert np.abs(engine.load(model_path).process(channel) - output).max() < 2e-6


def test_the_number_of_streams_is_free_until_the_first_block_and_after_reset(model_path: Path) -> None:
    model = engine.load(model_path)
    stereo = np.zeros((2, 64), np.float32)
    mono = np.zeros(64, np.float32)
    model.process(stereo)
    with pytest.raises(ValueError, match="2 stream"):
        model.process(mono)
    model.reset()
    assert model.process(mono).shape == (64,)


def test_out_receives_the_result_and_may_be_the_input(model_path: Path, playing: np.ndarray) -> None:
    expected = engine.load(model_path).process(playing)
    out = np.empty_like(playing)
    assert engine.load(model_path).process(playing, out) is out
    assert np.array_equal(out, expected)
    in_place = playing.copy()
    engine.load(model_path).process(in_place, out=in_place)
    assert np.array_equal(in_place, expected)


def test_the_input_is_left_as_it_was(model_path: Path, playing: np.ndarray) -> None:
    x = playing.copy()
    x.flags.writeable = False
    engine.load(model_path).process(x)
    assert np.array_equal(x, playing)


def test_an_empty_block_gives_an_empty_block(model_path: Path) -> None:
    model = engine.load(model_path)
    assert model.process(np.zeros(0, np.float32)).shape == (0,)
    model.reset()
    assert model.process(np.zeros((2, 0), np.float32)).shape == (2, 0)


def test_samples_of_another_shape_are_refused(model_path: Path) -> None:
    model = engine.load(model_path)
    with pytest.raises(ValueError, match="shape"):
        model.process(np.zeros((1, 2, 3), np.float32))
    with pytest.raises(ValueError, match="shape"):
        model.process(np.array(0.5, np.float32))


def test_a_wrong_out_is_refused(model_path: Path) -> None:
    model = engine.load(model_path)
    x = np.zeros(64, np.float32)
    with pytest.raises(ValueError, match=r"out: expected the shape of x, \(64,\), found \(32,\)"):
        model.process(x, np.zeros(32, np.float32))
    with pytest.raises(TypeError, match="out: expected dtype float32"):
        model.process(x, np.zeros(64))  # type: ignore[arg-type]
    locked = np.zeros(64, np.float32)
    locked.flags.writeable = False
    with pytest.raises(ValueError, match="written"):
        model.process(x, locked)
    shared = np.zeros(100, np.float32)
    with pytest.raises(ValueError, match="apart"):
        model.process(shared[:64], shared[10:74])


def test_nan_becomes_silence_and_leaves_no_trace(model_path: Path, playing: np.ndarray) -> None:
    model = engine.load(model_path)
    expected = model.process(playing)
    model.reset()
    bad = playing[:256].copy()
    bad[10] = np.nan
    assert np.array_equal(model.process(bad), np.zeros(256, np.float32))
    assert model.num_faults == 1
    assert np.array_equal(model.process(playing), expected)


def test_knobs_are_checked(make_model: Callable) -> None:
    made = make_model(
        [("lstm", 4), ("dense", 1)], inputs=2, knobs=[{"name": "drive", "unit": "", "min": 0, "max": 10, "default": 2}]
    )
    model = engine.load(made.path)
    assert model.knobs == pytest.approx((0.2,))
    assert model.info.knobs == (engine.Knob("drive", "", 0.0, 10.0, 2.0),)
    model.set_knob(0, 1.0)
    assert model.knobs == (1.0,)
    with pytest.raises(IndexError, match="no knob 1"):
        model.set_knob(1, 0.5)
    with pytest.raises(ValueError, match="from 0 to 1"):
        model.set_knob(0, float("nan"))


def test_two_threads_with_a_model_each_do_not_disturb_one_another(model_path: Path, playing: np.ndarray) -> None:
    inputs = [playing, np.ascontiguousarray(playing[::-1])]
    expected = [engine.load(model_path).process(x) for x in inputs]
    results: list[list[np.ndarray]] = [[], []]

    def work(index: int) -> None:
        for _ in range(5):
            results[index].append(engine.load(model_path).process(inputs[index]))

    threads = [threading.Thread(target=work, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(2):
        assert len(results[index]) == 5
        assert all(np.array_equal(result, expected[index]) for result in results[index])


def test_a_model_in_use_refuses_a_second_thread_and_the_gil_is_free_meanwhile(model_path: Path) -> None:
    model = engine.load(model_path)
    long = np.zeros(4_000_000, np.float32)
    started = threading.Event()

    def work() -> None:
        started.set()
        model.process(long)

    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    time.sleep(0.05)
    turns = 0
    while thread.is_alive():  # Python runs on: process() holds no lock of the interpreter
        turns += 1
        if turns == 1:
            with pytest.raises(RuntimeError, match="another thread"):
                model.process(np.zeros(16, np.float32))
        time.sleep(0.001)
    assert turns > 10


def test_a_broken_file_is_a_model_file_error_with_place_and_reason(make_model: Callable) -> None:
    made = make_model([("lstm", 4), ("dense", 1)])
    made.document["layers"][0]["weights"][1][3][2] = "a"
    made.path.write_text(json.dumps(made.document))
    with pytest.raises(
        ModelFileError, match=r"amp\.json: layers\[0\]\.weights\[1\]\[3\]\[2\]: expected a finite"
    ) as error:
        engine.load(made.path)
    assert error.value.exit_code == 2


def test_content_that_is_not_utf8_is_reported_not_raised_through(tmp_path: Path) -> None:
    path = tmp_path / "amp.json"
    path.write_bytes(b'{"in_shape": [1], "layers": "\xff\xfe"}')
    with pytest.raises(ModelFileError, match="not JSON"):
        engine.load(path)


def test_a_missing_file_is_a_model_file_error(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no such file"):
        engine.load(tmp_path / "none.json")
    with pytest.raises(ModelFileError, match="a folder"):
        engine.load(tmp_path)


def test_the_example_of_the_specification_loads_and_passes_its_self_test(repository: Path, tmp_path: Path) -> None:
    page = (repository / "docs" / "model-format.md").read_text(encoding="utf-8")
    path = tmp_path / "example.json"
    path.write_text(page.split("```json\n")[1].split("```")[0], encoding="utf-8")
    info = engine.load(path).info
    assert (info.name, info.lag_frames, info.residual) == ("Plexi", 37, True)
    assert info.self_test is not None


@pytest.mark.parametrize("architecture", ["lstm", "gru"])
@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_files_of_every_version_of_the_format_play(repository: Path, version: str, architecture: str) -> None:
    info = engine.load(repository / "tests" / "fixtures" / "format" / version / f"{architecture}.json").info
    assert info.architecture == architecture
    assert [layer.output_size for layer in info.layers] == [3, 3, 1]
    assert (info.name, info.sample_rate, info.lag_frames, info.residual) == ("Test amp", 48_000, 17, True)
    assert info.self_test is not None
    assert info.self_test.num_frames == 256
    assert info.metadata["weight_storage"] == ("bfloat16" if version == "v2" else "float32")
    assert not info.notes


def test_an_unknown_backend_is_refused(model_path: Path) -> None:
    assert engine.available_backends()[0] == "fxengine"
    with pytest.raises(ModelFileError, match="onnx"):
        engine.load(model_path, backend="onnx")


def test_rtneural_plays_the_same_files(make_model: Callable, playing: np.ndarray) -> None:
    if "rtneural" not in engine.available_backends():
        pytest.skip("RTNeural is not built in (configure with FXTRAIN_RTNEURAL=ON)")
    for layers in ([("lstm", 32), ("dense", 1)], [("gru", 32), ("dense", 1)], [("lstm", 8), ("lstm", 8), ("dense", 1)]):
        made = make_model(layers, in_skip=1)
        ours = engine.load(made.path).process(playing)
        theirs = engine.load(made.path, backend="rtneural").process(playing)
        assert np.abs(ours - theirs).max() <= 1e-5


@pytest.mark.parametrize("shape", [(10, 2), (48000, 2), (3, 1), (4, 3), (256, 16)])
def test_frames_first_is_refused_with_the_way_to_turn_it_round(model_path: Path, shape: tuple[int, int]) -> None:
    # (frames, channels), as sound files are read, was played as thousands of channels of two frames.
    model = engine.load(model_path)
    wrong = np.zeros(shape, np.float32)
    with pytest.raises(ValueError, match=r"channels of \d+ frames.*ascontiguousarray\(x\.T\)"):
        model.process(wrong)
    assert model.process(np.ascontiguousarray(wrong.T)).shape == shape[::-1]
    model.reset()
    with pytest.raises(ValueError, match="turn it round"):
        model.process(wrong)


def test_many_channels_of_short_blocks_are_played_where_they_are_meant(model_path: Path) -> None:
    model = engine.load(model_path)
    noise = np.random.default_rng(1).normal(0, 0.2, (8, 40)).astype(np.float32)
    whole = model.process(noise)
    model.reset()
    model.process(np.zeros((8, 0), np.float32))
    blocks = [model.process(np.ascontiguousarray(noise[:, i : i + 1])) for i in range(40)]
    assert np.array_equal(np.concatenate(blocks, axis=1), whole)
    model.reset()
    assert model.process(noise[:2, :1].copy()).shape == (2, 1)  # stereo, frame by frame, needs no word


@pytest.mark.parametrize("x", [0.5, None, "x", b"1234", range(3), memoryview(b"12345678")])
def test_what_is_no_array_is_refused_in_a_sentence(model_path: Path, x: object) -> None:
    model = engine.load(model_path)
    with pytest.raises(TypeError, match=r"^x: expected samples in an array, a list or a tensor, found \w+"):
        model.process(x)  # type: ignore[arg-type]
    if x is not None:
        with pytest.raises(TypeError, match=r"^out: expected a NumPy array"):
            model.process(np.zeros(2, np.float32), x)  # type: ignore[arg-type]


@pytest.mark.parametrize("arguments", [("0", 0.5), (0, "x"), (0.5, 0.5), (None, 0.5), (0, None)])
def test_a_knob_that_is_no_number_is_refused_in_a_sentence(make_model: Callable, arguments: tuple[Any, Any]) -> None:
    model = engine.load(make_model([("gru", 2), ("dense", 1)], inputs=2).path)
    with pytest.raises((TypeError, ValueError), match=r"number of a knob and a position"):
        model.set_knob(*arguments)
