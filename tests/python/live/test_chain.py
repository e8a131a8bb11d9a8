# SPDX-License-Identifier: MIT
"""The callbacks themselves, called as PortAudio calls them."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_models import at_rest
from own_process import ProcessFailed, call
from stream_callback import COMPLETE, GO_ON, OUTPUT_UNDERFLOW, call_back, play

from fxtrain import _engine
from fxtrain.errors import ModelFileError
from fxtrain.live.load import share_of_time

RATE = 48_000
LSTM = [("lstm", 32), ("dense", 1)]
NEUTRAL: dict[str, Any] = {
    "input_gain": 0.0,
    "output_gain": 0.0,
    "gate_on": False,
    "gate_threshold": -60.0,
    "cabinet_on": False,
    "bypass": False,
    "tuner": False,
}


def make_chain(*, inputs: int = 1, outputs: int = 1, input: int = 0, to: Sequence[int] = (0,), **more: Any) -> Any:
    return _engine.LiveChain(
        RATE, num_inputs=inputs, num_outputs=outputs, input_channel=input, output_channels=list(to), **more
    )


@pytest.mark.parametrize("sizes", [[64], [1, 7, 300, 4096, 33], [100_000]], ids=["64", "uneven", "all"])
def test_output_is_the_engines_whatever_the_blocks(make_model: Callable, playing: np.ndarray, sizes: list[int]) -> None:
    model = make_model(LSTM, seed=1).path
    chain = make_chain()
    chain.set_model(model, oversampling=1, self_test=True)
    output = play(chain, playing[:, None], 1, sizes)
    np.testing.assert_array_equal(output[:, 0], at_rest(model).process(playing))
    assert chain.num_frames == len(playing)


def test_each_channel_goes_where_it_should(make_model: Callable, playing: np.ndarray) -> None:
    model = make_model(LSTM, seed=1).path
    chain = make_chain(inputs=3, outputs=4, input=2, to=(1, 3))
    chain.set_model(model, oversampling=1, self_test=False)
    others = np.random.default_rng(0).standard_normal((len(playing), 2)).astype(np.float32)
    output = play(chain, np.column_stack([others, playing]), 4, [64])
    expected = at_rest(model).process(playing)
    np.testing.assert_array_equal(output[:, 1], expected)
    np.testing.assert_array_equal(output[:, 3], expected)
    assert not output[:, [0, 2]].any()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"input": 1}, "input_channel"),
        ({"to": ()}, "output_channels"),
        ({"outputs": 3, "to": (0, 1, 2)}, "output_channels"),
        ({"to": (1,)}, "output_channels"),
        ({"to": (-1,)}, "output_channels"),
    ],
)
def test_channels_that_are_not_there_are_refused(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        make_chain(**wrong)


def test_no_input_is_silence_and_no_model_is_a_wire(playing: np.ndarray) -> None:
    chain = make_chain()
    assert not call_back(chain, None, 1, 500)[0].any()
    np.testing.assert_array_equal(play(chain, playing[:, None], 1, [64])[:, 0], playing)


def test_oversampled_it_is_as_late_as_it_says(make_model: Callable, playing: np.ndarray) -> None:
    model = make_model(LSTM, seed=2).path
    chain = make_chain()
    chain.set_model(model, oversampling=4, self_test=False)
    loaded = at_rest(model, oversampling=4)
    assert chain.latency == loaded.info.latency_frames > 0
    np.testing.assert_array_equal(play(chain, playing[:, None], 1, [64])[:, 0], loaded.process(playing))


def test_a_models_knobs_stand_at_its_defaults(make_model: Callable, playing: np.ndarray) -> None:
    knobs = [{"name": "gain", "min": 0, "max": 10, "default": 8.0}]
    model = make_model([("lstm", 8), ("dense", 1)], inputs=2, knobs=knobs).path
    chain = make_chain()
    chain.set_model(model, oversampling=1, self_test=False)
    np.testing.assert_array_equal(play(chain, playing[:, None], 1, [64])[:, 0], at_rest(model).process(playing))
    loaded = at_rest(model)
    assert loaded.knobs == pytest.approx((0.8,))


def test_another_model_comes_in_on_a_straight_line(wire: Callable, make_model: Callable, playing: np.ndarray) -> None:
    """Twenty milliseconds, in which the one goes as the other comes: no step beyond those of the two signals."""
    first, second = wire(), make_model([("dense", 1)], seed=5, name="second.json").path
    chain = make_chain()
    chain.set_model(first, oversampling=1, self_test=False)
    x = playing[: RATE // 2]
    before = play(chain, x[:, None], 1, [64])[:, 0]
    chain.set_model(second, oversampling=1, self_test=False)
    after = play(chain, x[:, None], 1, [64])[:, 0]
    other = at_rest(second).process(x)
    np.testing.assert_array_equal(before, x)
    fade = round(0.02 * RATE)
    share = np.minimum(np.arange(1, len(x) + 1) / fade, 1.0)
    np.testing.assert_allclose(after, (1 - share) * x + share * other, rtol=0, atol=2e-6)


def test_a_file_that_is_no_model_leaves_the_sound_as_it_is(tmp_path: Path, wire: Callable, playing: np.ndarray) -> None:
    chain = make_chain()
    chain.set_model(wire(), oversampling=1, self_test=False)
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    with pytest.raises(ModelFileError, match=r"broken\.json"):
        chain.set_model(broken, oversampling=1, self_test=False)
    np.testing.assert_array_equal(play(chain, playing[:, None], 1, [64])[:, 0], playing)


def test_settings_do_what_they_say(wire: Callable, playing: np.ndarray) -> None:
    chain = make_chain()
    chain.set_model(wire(), oversampling=1, self_test=False)
    chain.set_settings(NEUTRAL | {"input_gain": 6.0, "output_gain": -12.0})
    louder = play(chain, playing[:, None], 1, [64])[:, 0]
    np.testing.assert_allclose(louder, playing * 10 ** (-6 / 20), rtol=1e-5, atol=1e-7)
    chain.set_settings(NEUTRAL | {"tuner": True})
    assert not play(chain, playing[:, None], 1, [64])[RATE // 10 :].any()
    chain.set_settings(NEUTRAL | {"bypass": True})
    np.testing.assert_array_equal(play(chain, playing[:, None], 1, [64])[RATE // 10 :, 0], playing[RATE // 10 :])


def test_a_cabinet_of_two_channels_makes_two_of_one(wire: Callable, playing: np.ndarray) -> None:
    chain = make_chain(outputs=2, to=(0, 1), recorded_outputs=2)
    response = np.zeros((2, 4_800), np.float32)
    response[0, 0], response[1, 100] = 1.0, 1.0
    chain.set_cabinet(response, RATE)
    chain.set_settings(NEUTRAL | {"cabinet_on": True})
    chain.start_recording()
    output = play(chain, playing[:, None], 2, [64])
    np.testing.assert_allclose(output[100:, 1], output[:-100, 0], rtol=0, atol=1e-5)
    assert np.abs(output).max() > 0.1
    recorded = chain.take_recorded()
    np.testing.assert_array_equal(recorded, np.column_stack([playing, output]))
    for unfit in (np.zeros((1, 100), np.float32), np.ones((3, 10), np.float32)):
        with pytest.raises(ValueError, match=r"impulse response|channel"):
            chain.set_cabinet(unfit, RATE)


def test_recording_begins_and_ends_with_a_block_and_misses_nothing(playing: np.ndarray) -> None:
    chain = make_chain()
    x = playing[:, None]
    play(chain, x[:6_400], 1, [64])
    chain.start_recording()
    play(chain, x[6_400:12_800], 1, [64])
    first = chain.take_recorded()
    play(chain, x[12_800:19_200], 1, [64])
    chain.stop_recording()
    play(chain, x[19_200:], 1, [64])
    recorded = np.concatenate([first, chain.take_recorded(), chain.take_recorded()])
    np.testing.assert_array_equal(recorded[:, 0], playing[6_400:19_200])
    np.testing.assert_array_equal(recorded[:, 1], playing[6_400:19_200])


def test_recording_ends_where_nobody_takes_it() -> None:
    chain = make_chain()
    chain.start_recording()
    x = np.arange(2 * 48_000, dtype=np.float32)[:, None] / 2**20
    seconds = 0
    while chain.is_recording and seconds < 60:
        play(chain, x, 1, [4096])
        seconds += 2
    assert 10 <= seconds < 60
    recorded = chain.take_recorded()[:, 0]
    np.testing.assert_array_equal(recorded, np.tile(x[:, 0], seconds)[: len(recorded)])


def test_levels_clips_and_lost_blocks_are_counted() -> None:
    chain = make_chain()
    x = np.full((6_400, 1), 0.5, np.float32)
    x[100], x[200], x[300] = 1.0, -1.0, 32767 / 32768
    x[400] = 0.9999
    play(chain, x, 1, [64])
    assert chain.input_clips == 3
    assert chain.take_input_peak() == 1.0
    assert chain.take_input_peak() == 0.0
    assert 0.2 < chain.input_rms < 0.51
    assert chain.take_output_peak() == 1.0
    assert chain.num_xruns == 0
    call_back(chain, x[:64], 1, 64, OUTPUT_UNDERFLOW)
    call_back(chain, x[:64], 1, 64, 0)
    assert chain.num_xruns == 1
    assert chain.driver_latency == pytest.approx(0.01 - 0.0, abs=1e-9)
    assert chain.block_size == 64


def test_what_is_lost_before_anything_was_played_is_not_counted() -> None:
    chain = make_chain()
    call_back(chain, None, 1, 64, OUTPUT_UNDERFLOW)
    assert chain.num_xruns == 0


def test_the_time_of_every_block_is_counted(make_model: Callable, playing: np.ndarray) -> None:
    chain = make_chain()
    chain.set_model(make_model(LSTM).path, oversampling=1, self_test=False)
    play(chain, playing[:64_000, None], 1, [64])
    loads = chain.loads()
    assert loads.sum() == chain.num_blocks == 1_000
    median = share_of_time(loads, 0.5, chain.LOAD_STEP)
    assert 0.0 < median <= share_of_time(loads, 0.999, chain.LOAD_STEP)
    assert chain.longest_block > 0.0


def test_shares_of_time_are_those_of_the_counts() -> None:
    loads = np.zeros(4_001, np.uint64)
    assert share_of_time(loads, 0.5, 0.001) == 0.0
    loads[[9, 99, 499]] = 600, 399, 1  # 1 %, 10 % and 50 % of the time at most
    assert share_of_time(loads, 0.5, 0.001) == pytest.approx(0.01)
    assert share_of_time(loads, 0.9, 0.001) == pytest.approx(0.1)
    assert share_of_time(loads, 0.999, 0.001) == pytest.approx(0.1)
    assert share_of_time(loads, 1.0, 0.001) == pytest.approx(0.5)


def test_the_tuner_hears_a_string_while_muted() -> None:
    chain = make_chain()
    chain.set_settings(NEUTRAL | {"tuner": True})
    time = np.arange(RATE) / RATE
    play(chain, (0.3 * np.sin(2 * np.pi * 110.0 * time))[:, None], 1, [64])
    hz, clarity = chain.pitch()
    assert 1200 * abs(np.log2(hz / 110.0)) < 0.5  # cents
    assert clarity > 0.9
    play(chain, np.zeros((RATE, 1)), 1, [64])
    assert chain.pitch() is None


def test_play_record_plays_to_the_end_and_stops(playing: np.ndarray) -> None:
    take = _engine.PlayRecord(
        RATE, playing[:1_000], 1_500, num_inputs=2, num_outputs=2, input_channel=1, output_channels=[0]
    )
    back = np.random.default_rng(3).uniform(-0.5, 0.5, (1_600, 2)).astype(np.float32)
    back[[10, 1_550], 1] = 1.0  # the second one comes after the end
    outputs, results = [], []
    for start in range(0, 1_600, 320):
        flags = OUTPUT_UNDERFLOW if start == 640 else 0
        output, result = call_back(take, back[start : start + 320], 2, 320, flags)
        outputs.append(output)
        results.append(result)
    played = np.concatenate(outputs)
    np.testing.assert_array_equal(played[:1_000, 0], playing[:1_000])
    assert not played[1_000:].any()
    assert not played[:, 1].any()
    np.testing.assert_array_equal(take.recorded(), back[:1_500, 1])
    assert results == [GO_ON, GO_ON, GO_ON, GO_ON, COMPLETE]
    assert take.is_complete
    assert (take.num_xruns, take.first_xrun) == (1, 640)
    with pytest.raises(ValueError, match="num_frames"):
        _engine.PlayRecord(RATE, playing[:10], 5, num_inputs=1, num_outputs=1, input_channel=0, output_channels=[0])


# What must not happen in a callback: watched from below.

EXIT_VIOLATED = 86


@pytest.fixture
def guarded(repository: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a process with the guard of tests/plugin below it."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler to build the guard with (Debian: gcc)")
    library = tmp_path / "librealtime_guard.so"
    options = ["-shared", "-fPIC", "-O1", "-fno-builtin", "-U_FORTIFY_SOURCE", "-fvisibility=default"]
    source = repository / "tests" / "plugin" / "realtime_guard.c"
    subprocess.run([compiler, *options, source, "-o", library, "-ldl", "-lpthread"], check=True)
    return dict(os.environ) | {"LD_PRELOAD": str(library), "RTGUARD_LOG": str(tmp_path / "guard.log")}


_MALLINFO = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class _Mallinfo(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_size_t) for name in _MALLINFO.split(" "))


def bytes_in_use() -> int:
    library = ctypes.CDLL(None)
    library.mallinfo2.restype = _Mallinfo
    info = library.mallinfo2()
    return int(info.uordblks + info.hblkhd)


def play_ten_thousand_blocks(models: list[Path]) -> tuple[int, int, int]:
    """Blocks and violations that the guard saw, and how many bytes more are in use afterwards."""
    guard = ctypes.CDLL(None)
    chain = make_chain(outputs=2, to=(0, 1))
    response = np.random.default_rng(0).standard_normal((2, 9_600)).astype(np.float32)
    chain.set_cabinet(response, RATE)
    settings = NEUTRAL | {"cabinet_on": True, "gate_on": True}
    block = np.random.default_rng(1).uniform(-0.5, 0.5, (64, 1)).astype(np.float32)
    chain.start_recording()

    def blocks(count: int) -> None:
        for index in range(count):
            if index % 500 == 0:
                chain.set_model(models[index // 500 % 2], oversampling=1, self_test=False)
                chain.set_settings(settings | {"input_gain": float(index % 7), "tuner": index % 3 == 0})
            if index % 100 == 0:
                chain.take_recorded()
            call_back(chain, block, 2, 64)

    blocks(2_000)
    guard.rtguard_reset()
    before = bytes_in_use()
    blocks(10_000)
    return guard.rtguard_blocks(), guard.rtguard_violations(), bytes_in_use() - before


def test_ten_thousand_callbacks_allocate_nothing(make_model: Callable, guarded: dict[str, str], tmp_path: Path) -> None:
    models = [make_model(LSTM, seed=seed, name=f"{seed}.json").path for seed in (1, 2)]
    try:
        blocks, violations, more = call(play_ten_thousand_blocks, models, environment=guarded)
    except ProcessFailed as error:
        log = tmp_path / "guard.log"
        pytest.fail(f"{error}\n{log.read_text() if log.exists() else ''}"[:8_000])
    assert (blocks, violations) == (10_000, 0)
    assert abs(more) < 16 * 1024  # twenty models of 50 kB each came and went; Python keeps some bytes for its calls


def allocate_in_a_callback() -> None:
    guard = ctypes.CDLL(None)
    guard.rtguard_enter()
    ctypes.CDLL(None).malloc(123)
    guard.rtguard_leave()


def test_the_guard_does_see_an_allocation(guarded: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed) as failure:
        call(allocate_in_a_callback, environment=guarded)
    assert failure.value.returncode == EXIT_VIOLATED
    assert "malloc on the audio thread" in (tmp_path / "guard.log").read_text()
