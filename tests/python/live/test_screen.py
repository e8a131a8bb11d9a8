# SPDX-License-Identifier: MIT

from __future__ import annotations

from typing import Any

import pytest
from driven_screen import drive, holds, row_of, settle, texts
from fake_player import FakePlayer
from textual.pilot import Pilot

from fxtrain.live.large_text import large_text
from fxtrain.live.screen import LiveScreen
from fxtrain.live.screen_band import Band
from fxtrain.live.screen_keys import KEYS
from fxtrain.live.screen_meter import Ballistics

SENTENCE = "The model in valve.fxm is of version 9, this program knows 1 to 3: update fxtrain, or choose another model."


WANTED = {
    "left": [("step_model", -1)],
    "p": [("step_model", -1)],
    "right": [("step_model", 1)],
    "n": [("step_model", 1)],
    "b": [("toggle_bypass",)],
    "up": [("change_input_gain", 1)],
    "down": [("change_input_gain", -1)],
    "shift+up": [("change_output_gain", 1)],
    "right_square_bracket": [("change_output_gain", 1)],
    "shift+down": [("change_output_gain", -1)],
    "left_square_bracket": [("change_output_gain", -1)],
    "m": [("toggle_mute",)],
    "r": [("toggle_recording",)],
    "t": [("toggle_tuner",)],
    "c": [("toggle_cabinet",)],
    "g": [("toggle_gate",)],
    **{str(n): [("choose_model", n - 1)] for n in range(1, 10)},
    "question_mark": [],
}


def test_each_key_asks_the_player_for_what_the_help_says() -> None:
    player = FakePlayer(num_models=9)

    async def steps(screen: LiveScreen, pilot: Pilot[None]) -> None:
        for key, calls in WANTED.items():
            player.calls.clear()
            await pilot.press(key)
            assert player.calls == calls, key

    drive(player, steps)
    bound = {key for entry in KEYS for keys, _ in entry.bindings for key in keys.split(",")}
    assert bound == {*WANTED, "q", "ctrl+c"}


def test_a_digit_without_a_model_asks_for_nothing() -> None:
    player = FakePlayer(num_models=3)

    async def steps(screen: LiveScreen, pilot: Pilot[None]) -> None:
        await pilot.press("3", "4", "9")

    drive(player, steps)
    assert player.calls == [("choose_model", 2)]


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_q_and_ctrl_c_end_it(key: str) -> None:
    async def steps(screen: LiveScreen, pilot: Pilot[None]) -> None:
        assert screen.is_running
        assert screen.return_code is None
        await pilot.press(key)

    assert drive(FakePlayer(), steps).return_code == 0


def test_the_help_names_every_key_and_the_same_key_leaves_it() -> None:
    async def steps(screen: LiveScreen, pilot: Pilot[None]) -> None:
        await pilot.press("question_mark")
        await settle(screen, pilot)
        rows = texts(screen)
        for key in KEYS:
            assert any(key.shown in row and key.meaning in row for row in rows), key
        await pilot.press("question_mark")
        await settle(screen, pilot)
        assert not any(KEYS[0].meaning in row for row in texts(screen))

    drive(FakePlayer(), steps, size=(60, 20))


def test_name_place_and_detail_are_at_the_top() -> None:
    player = FakePlayer()

    async def steps(screen: LiveScreen, pilot: Pilot[None]) -> None:
        name = large_text("Lowlight Valve", columns=98, rows=5, room_for="Hg")
        assert len(name) == 5
        assert [row[1:] for row in texts(screen)[:5]] == [row.rstrip() for row in name]
        assert texts(screen)[5].split("   ") == [" 2 / 3", "LSTM 32 · 48 kHz"]
        player.change(model="Lowlight Valve through the open back cabinet of 1967", model_index=2)
        await settle(screen, pilot)
        assert player.shown.model in texts(screen)[5 - 2] + texts(screen)[5 - 1]
        player.change(model="真空管アンプ")
        await settle(screen, pilot)
        assert texts(screen)[0].strip() == "真空管アンプ"

    drive(player, steps)


@pytest.mark.parametrize("size", [(60, 20), (100, 30)])
def test_a_problem_is_shown_whole(size: tuple[int, int]) -> None:
    sentences = [SENTENCE, SENTENCE + " " + SENTENCE, "word" * 60]

    async def steps(screen: LiveScreen, pilot: Pilot[None]) -> None:
        for sentence in sentences:
            player.change(problem=sentence)
            await settle(screen, pilot)
            notes = screen.query_one("#notes", Band)
            shown = [notes.render_line(y).text.removeprefix(" ! ").strip() for y in range(notes.size.height)]
            assert "".join(shown).replace(" ", "") == sentence.replace(" ", "")

    player = FakePlayer()
    drive(player, steps, size=size)


def test_states_are_large_words() -> None:
    player = FakePlayer()

    async def steps(screen: LiveScreen, pilot: Pilot[None]) -> None:
        words = {
            "PLAYING": {},
            "BYPASS": {"bypassed": True},
            "MUTED": {"muted": True},
            "REC 1:13": {"recording": True, "recorded_seconds": 73.9},
            "TUNER": {"tuning": True},
            "LOADING": {"loading": True},
            "DISCONNECTED": {"connected": False},
        }
        for word, changes in words.items():
            player.shown = FakePlayer(**changes).shown
            await settle(screen, pilot)
            large = large_text(word, columns=95, rows=4, room_for="H", inset=1)
            rows = [row_of(screen, "badges", y) for y in range(4)]
            assert all(row.strip().startswith(line.strip()) for row, line in zip(rows, large, strict=True)), word
        player.change(connected=True, recording=True, recorded_seconds=5.0, muted=True, bypassed=True, loading=True)
        await settle(screen, pilot)
        shown = " ".join(texts(screen))
        assert all(word in shown for word in ("REC 0:05", "MUTED", "BYPASS", "LOADING"))

    drive(player, steps)


def test_why_it_began_muted_is_told_while_it_is_muted() -> None:
    player = FakePlayer(muted=True, mute_reason="the speakers would howl: press m")

    async def steps(screen: LiveScreen, pilot: Pilot[None]) -> None:
        assert " ! Muted: the speakers would howl: press m." in texts(screen)
        player.change(muted=False)
        await settle(screen, pilot)
        assert "howl" not in " ".join(texts(screen))

    drive(player, steps)


def test_the_numbers_are_told_with_their_units_and_where_the_latency_comes_from() -> None:
    player = FakePlayer()

    async def steps(screen: LiveScreen, pilot: Pilot[None]) -> None:
        labels, values, more, settings = (row_of(screen, "facts", y) for y in range(4))
        assert labels.split("  ")[0].strip() == "LOAD"
        assert values.split() == ["12", "%", "0", "8.4", "ms", "+3", "dB", "\N{MINUS SIGN}6", "dB"]
        assert more.split("  ")[0].strip() == "max 18 %"
        assert "measured" in more
        assert settings.strip() == "cabinet Open back 212 on  ·  gate \N{MINUS SIGN}58 dB"
        player.change(latency_measured=False, gate_on=False, cabinet="", num_xruns=2, load_peak=0.95)
        await settle(screen, pilot)
        labels, values, more, settings = (row_of(screen, "facts", y) for y in range(4))
        assert "LOAD !" in labels
        assert "XRUNS !" in labels
        assert "measured" not in more
        assert "driver says" in more
        assert settings.strip() == "no cabinet  ·  gate off  ·  48 kHz, 64 frames"
        await pilot.resize_terminal(100, 30)
        await settle(screen, pilot)
        assert holds(screen, large_text("8.4", columns=20, rows=3, room_for="0"))

    drive(player, steps, size=(60, 20))


def test_the_clip_lamp_is_lit_and_the_count_is_shown() -> None:
    player = FakePlayer()

    async def steps(screen: LiveScreen, pilot: Pilot[None]) -> None:
        assert "no clips" in row_of(screen, "scale")
        player.change(input_clips=7)
        await settle(screen, pilot)
        assert "CLIP" in row_of(screen, "input")
        assert "CLIP" not in row_of(screen, "output")
        assert row_of(screen, "input", 1).split()[-1] == "7"
        assert "7/0" in row_of(screen, "scale")

    drive(player, steps, size=(60, 20))


def test_a_device_that_has_gone_is_told_and_the_screen_stays() -> None:
    player = FakePlayer(connected=False, problem="USB Audio has gone: plug it in again, and start anew.")

    async def steps(screen: LiveScreen, pilot: Pilot[None]) -> None:
        await pilot.pause(0.2)
        assert screen.is_running
        assert any("USB Audio has gone: plug it in again, and start anew." in row for row in texts(screen))
        assert holds(screen, large_text("DISCONNECTED", columns=95, rows=4, room_for="H", inset=1))
        await pilot.press("q")

    assert drive(player, steps).return_code == 0


def test_the_tuner_shows_the_note_the_cents_and_which_way_to_turn() -> None:
    player = FakePlayer(tuning=True)

    async def steps(screen: LiveScreen, pilot: Pilot[None]) -> None:
        wanted = [(82.4069 * 2 ** (-12 / 1200), "E", "2", "\N{MINUS SIGN}12 cents", "TUNE UP")]
        wanted += [
            (440.0, "A", "4", "0 cents", "IN TUNE"),
            (185.0 * 2 ** (20 / 1200), "F♯", "3", "+20 cents", "TUNE DOWN"),
        ]
        for pitch, note, octave, cents, verdict in wanted:
            player.change(pitch_hz=pitch, clarity=0.95)
            await settle(screen, pilot)
            rows = " ".join(texts(screen))
            assert f"{cents}   ·   {pitch:.1f} Hz" in rows
            assert holds(screen, large_text(note, columns=50, rows=13, room_for="A")), note
            assert holds(screen, large_text(octave, columns=25, rows=6))
            assert holds(screen, large_text(verdict, columns=96, rows=3))

    drive(player, steps)


def test_nothing_is_sent_while_nothing_changes_and_only_columns_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    player = FakePlayer()
    sent: list[tuple[str | None, Any]] = []
    refresh = Band.refresh

    def noted(self: Band, *regions: Any, **options: Any) -> Any:
        if not options.get("layout"):
            sent.append((self.id, regions))
        return refresh(self, *regions, **options)

    async def steps(screen: LiveScreen, pilot: Pilot[None]) -> None:
        player.change(input_peak_db=-200.0, input_rms_db=-200.0, output_peak_db=-200.0, output_rms_db=-200.0)
        for meter in ("input", "output"):
            vars(screen.query_one(f"#{meter}", Band))["_ballistics"] = Ballistics()
        await settle(screen, pilot)
        monkeypatch.setattr(Band, "refresh", noted)
        await pilot.pause(0.2)
        assert sent == []
        player.change(num_xruns=1)
        for _ in range(100):
            await pilot.pause(0.05)
            if sent:
                break
        assert {name for name, _ in sent} == {"facts"}
        assert all(region.width < 40 and region.height == 1 for _, regions in sent for region in regions)

    drive(player, steps)
