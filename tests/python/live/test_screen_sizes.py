# SPDX-License-Identifier: MIT

from __future__ import annotations

import itertools
from typing import Any

import pytest
from driven_screen import drive, seen, settle, texts
from fake_player import FakePlayer
from rich.cells import cell_len
from textual.pilot import Pilot

from fxtrain.live.screen import LiveScreen, arrange

SIZES = [(60, 20), (61, 23), (80, 24), (99, 26), (100, 30), (120, 40), (160, 45), (200, 60)]
SENTENCE = "The model in valve.fxm is of version 9, this program knows 1 to 3: update fxtrain, or choose another model."

STATES: dict[str, dict[str, Any]] = {
    "playing": {},
    "busy": {
        "recording": True,
        "recorded_seconds": 754.2,
        "muted": True,
        "mute_reason": "the computer's own microphone and speakers would howl: plug in headphones, then press m",
        "bypassed": True,
        "loading": True,
        "problem": SENTENCE,
        "num_faults": 3,
        "input_clips": 123_456,
        "output_clips": 7,
        "input_peak_db": 0.0,
        "num_xruns": 1234,
        "load": 1.2,
        "load_peak": 13.0,
        "latency_ms": 123.4,
        "latency_measured": False,
        "input_gain_db": -12.5,
        "model": "Lowlight Valve through the open back cabinet of 1967",
        "cabinet": "a cabinet with a name that is far too long for any window that one could have on a stage",
    },
    "other script": {
        "model": "真空管アンプ 真空管アンプ 真空管アンプ 真空管アンプ 真空管アンプ",
        "problem": "真空管" * 40,
    },
    "disconnected": {
        "connected": False,
        "problem": "USB Audio has gone: plug it in again.",
        "input_peak_db": -200.0,
    },
    "tuner": {"tuning": True, "pitch_hz": 116.54, "clarity": 0.9},
    "tuner without a note": {"tuning": True, "problem": SENTENCE},
}


@pytest.mark.parametrize("state", STATES)
def test_nothing_overlaps_or_is_cut_at_any_size(state: str) -> None:
    player = FakePlayer(**STATES[state])

    async def steps(screen: LiveScreen, pilot: Pilot[None]) -> None:
        for width, height in SIZES:
            await pilot.resize_terminal(width, height)
            await settle(screen, pilot)
            regions = [band.region for band in seen(screen)]
            for one, other in itertools.combinations(regions, 2):
                assert not one.overlaps(other), (width, height)
            for band, region in zip(seen(screen), regions, strict=True):
                assert region.x == 0
                assert region.width == width
                assert 0 <= region.y <= region.bottom <= height
                assert band.virtual_size.height == region.height
                for y in range(region.height):
                    assert cell_len(band.render_line(y).text) == width, (band, width, height, y)
            assert regions[-1].bottom == height
            assert "quit" in texts(screen)[-1]

    drive(player, steps, size=SIZES[0])


def test_rows_are_shared_out_completely_and_every_band_keeps_one() -> None:
    for height in range(20, 100):
        for note_rows in range(7):
            places = arrange("play", height, note_rows)
            assert sum(place.rows + place.gap for place in places.values()) == height
            assert all(place.rows > 0 for name, place in places.items() if name != "notes")
            assert places["notes"].rows == note_rows
            assert places["input"].rows == places["output"].rows
            tuner = arrange("tuner", height, min(note_rows, 4))
            assert sum(place.rows + place.gap for place in tuner.values()) == height
        assert arrange("play", height, 500)["footer"].rows == 1


@pytest.mark.parametrize("size", [(59, 20), (60, 19), (20, 5), (5, 2), (1, 1)])
def test_a_window_that_is_too_small_is_told_so(size: tuple[int, int]) -> None:
    async def steps(screen: LiveScreen, pilot: Pilot[None]) -> None:
        assert [band.id for band in seen(screen)] == ["small"]
        if size[0] >= 20:
            assert "make it 60 x 20 or larger" in " ".join(row.strip() for row in texts(screen))
        await pilot.resize_terminal(60, 20)
        await settle(screen, pilot)
        assert "60 x 20" not in " ".join(texts(screen))

    drive(FakePlayer(), steps, size=size)
