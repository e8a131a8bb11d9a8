# SPDX-License-Identifier: MIT

from __future__ import annotations

import math
import random

import pytest
from fake_player import FakePlayer

from fxtrain.live.screen_band import BACKGROUND, Look, changed_columns, line
from fxtrain.live.screen_meter import Ballistics, ClipLamp, Meter, columns_of, count_text, meter_columns, tick_row
from fxtrain.live.screen_tuner import NAMES, needle_column, note_of


def test_the_scale_is_linear_from_minus_60_to_0_db() -> None:
    for width in (10, 44, 66, 150):
        assert columns_of(-60.0, width) == 0
        assert columns_of(0.0, width) == width
        assert columns_of(-30.0, width) == round(width / 2)
        assert columns_of(-15.0, width) == round(0.75 * width)
        assert columns_of(-200.0, width) == columns_of(-math.inf, width) == columns_of(math.nan, width) == 0
        assert columns_of(6.0, width) == width


@pytest.mark.parametrize("width", [44, 66, 67, 150])
def test_each_label_of_the_scale_is_under_the_end_of_its_level(width: int) -> None:
    row = tick_row(width)
    assert len(row) == width
    assert {"0", "\N{MINUS SIGN}60", "\N{MINUS SIGN}20"} <= set(row.split())
    at = 0
    for label in row.split():
        start = row.index(label, at)
        at = start + len(label)
        column = columns_of(float(label.replace("\N{MINUS SIGN}", "-")), width)
        assert start <= column <= at


def test_a_peak_rises_at_once_is_held_and_falls_by_20_db_in_1_7_seconds() -> None:
    meter = Ballistics()
    meter.update(-6.0, -200.0, 10.0)
    assert meter.peak_db == meter.held_db == -6.0
    meter.update(-200.0, -200.0, 10.85)
    assert meter.peak_db == pytest.approx(-16.0)
    assert meter.held_db == -6.0
    meter.update(-200.0, -200.0, 11.5 + 1.7)
    assert meter.peak_db == pytest.approx(-6.0 - 20 * 3.2 / 1.7)
    assert meter.held_db == pytest.approx(-26.0)
    meter.update(-3.0, -200.0, 13.3)
    assert meter.peak_db == meter.held_db == -3.0


def test_the_level_reaches_99_percent_after_0_3_seconds() -> None:
    meter = Ballistics()
    meter.update(-200.0, -200.0, 0.0)
    meter.update(0.0, 0.0, 0.3)
    assert 10 ** (meter.level_db / 20) == pytest.approx(0.99)
    meter.update(-200.0, -200.0, 0.6)
    assert 10 ** (meter.level_db / 20) == pytest.approx(0.0099)


def test_meters_stand_the_same_at_any_refresh_rate() -> None:
    def after(times: list[float]) -> Ballistics:
        meter = Ballistics()
        meter.update(-3.0, -10.0, 0.0)
        for now in times:
            meter.update(-40.0, -20.0, now)
        return meter

    dice = random.Random(1)
    irregular = sorted(dice.uniform(0, 2.4) for _ in range(50))
    runs = [after([*(n / rate for n in range(1, int(2.4 * rate))), 2.4]) for rate in (5, 25, 60)]
    runs += [after([2.4]), after([*irregular, 2.4])]
    for run in runs:
        assert run.peak_db == pytest.approx(-3 - 20 * 2.4 / 1.7)
        assert run.held_db == pytest.approx(-3 - 20 * 0.9 / 1.7)
        assert run.level_db == pytest.approx(runs[0].level_db)


def test_the_clip_lamp_stays_lit_for_four_seconds_after_the_last_clip() -> None:
    lamp = ClipLamp()
    seen = []
    for now, count in [(0.0, 0), (1.0, 3), (4.9, 3), (5.1, 3), (6.0, 5), (9.0, 6), (12.9, 6), (13.1, 6)]:
        lamp.update(count, now)
        seen.append(lamp.lit)
        assert lamp.count == count
    assert seen == [False, True, True, False, True, True, True, False]


def test_counts_are_short() -> None:
    wanted = {
        0: "0",
        7: "7",
        999: "999",
        1000: "1k",
        12_345: "12.3k",
        999_400: "999k",
        2_500_000: "2.5M",
        10**12: "999M+",
    }
    assert {count: count_text(count) for count in wanted} == wanted


@pytest.mark.parametrize("width", [60, 100, 200])
def test_a_bar_is_solid_to_the_level_shaded_to_the_peak_and_marked_where_it_is_held(width: int) -> None:
    meter = Meter("input")
    status = FakePlayer(input_peak_db=-1.0, input_rms_db=-20.0).shown
    for now in (0.0, 10.0):
        meter.content(status, now)
    label, bar, readout = meter_columns(width)
    assert label + bar + readout == width
    rows = meter.paint(status, width, 3)
    drawn = rows[1].text[label : label + bar]
    solid, peak = columns_of(-20.0, bar), columns_of(-1.0, bar)
    caution, alarm = columns_of(-12.0, bar), columns_of(-3.0, bar)
    assert drawn[:solid] == "█" * solid
    assert set(drawn[solid:caution]) == {"▒"}
    assert set(drawn[caution:alarm]) == {"▓"}
    assert set(drawn[alarm : peak - 1]) <= {"█"}
    assert drawn[peak - 1] == "┃"
    assert drawn[peak:].strip() == ""
    colours = {segment.style.color.name for segment in rows[1] if segment.style and segment.style.color}
    assert len(colours & {look.color.name for look in (Look.GOOD, Look.CAUTION, Look.ALARM) if look.color}) == 3


def test_a_silent_meter_is_empty_and_reads_minus_infinity() -> None:
    meter = Meter("output")
    status = FakePlayer(output_peak_db=-200.0, output_rms_db=-200.0).shown
    meter.content(status, 0.0)
    assert meter.paint(status, 60, 1)[0].text.split() == ["OUT", "\N{MINUS SIGN}∞", "dB"]


def test_only_the_columns_that_differ_count_as_changed() -> None:
    def bar(filled: int, text: str) -> object:
        return line([("█" * filled, Look.GOOD), (" " * (40 - filled), Look.TRACK), (text, Look.PLAIN)], 44)

    assert changed_columns(bar(10, "ab"), bar(10, "ab")) == (44, 44)
    assert changed_columns(bar(10, "ab"), bar(13, "ab")) == (10, 13)
    assert changed_columns(bar(13, "ab"), bar(10, "ab")) == (10, 13)
    start, end = changed_columns(bar(10, "ab"), bar(10, "cd"))
    assert start <= 40
    assert 42 <= end <= 44
    assert BACKGROUND.startswith("#")


def test_notes_and_cents_are_those_of_equal_temperament() -> None:
    assert note_of(440.0) == note_of(440) != note_of(441.0)
    strings = {"E2": 82.4069, "A2": 110.0, "D3": 146.832, "G3": 195.998, "B3": 246.942, "E4": 329.628}
    for name, pitch in strings.items():
        note = note_of(pitch)
        assert f"{note.name}{note.octave}" == name
        assert note.cents == pytest.approx(0, abs=0.01)
    for number in range(21, 109):
        for cents in (-49.9, -12.0, 0.0, 3.5, 49.9):
            note = note_of(440 * 2 ** ((number - 69 + cents / 100) / 12))
            assert NAMES.index(note.name) + 12 * (note.octave + 1) == number
            assert note.cents == pytest.approx(cents, abs=1e-6)


def test_the_needle_moves_evenly_from_left_to_right() -> None:
    for width in (60, 100, 199):
        middle = needle_column(0.0, width)
        assert middle == width // 2
        assert middle - needle_column(-50.0, width) == needle_column(50.0, width) - middle == round(0.45 * width)
        assert needle_column(25.0, width) - middle == pytest.approx(0.225 * width, abs=0.51)
        assert needle_column(80.0, width) == needle_column(50.0, width) < width
