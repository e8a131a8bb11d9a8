# SPDX-License-Identifier: MIT
"""``fxtrain preset``: what is in the file, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugin_files import write_gain_model, write_response
from small_amplifier import Run

from fxtrain.audio import write_audio
from fxtrain.errors import PresetFileError
from fxtrain.plugin_files.parameters import PARAMETERS
from fxtrain.plugin_files.preset import Preset, SlotContent, read_preset, write_preset

MAGIC = b"fxtrain-state\n"


def chunks(content: bytes) -> dict[bytes, bytes]:
    """The chunks of a VST3 preset, read as Steinberg's PresetFile does."""
    assert content[:8] == b"VST3\x01\x00\x00\x00"
    assert content[8:40] == b"ABCDEF019182FAEB467874724678746E"
    (offset,) = struct.unpack_from("<q", content, 40)
    magic, count = struct.unpack_from("<4si", content, offset)
    assert magic == b"List"
    assert len(content) == offset + 8 + 20 * count  # nothing behind it
    entries = [struct.unpack_from("<4sqq", content, offset + 8 + 20 * index) for index in range(count)]
    return {id: content[start : start + size] for id, start, size in entries}


def state(path: Path) -> Any:
    """The JSON object of a preset's state."""
    component = chunks(path.read_bytes())[b"Comp"]
    assert component.startswith(MAGIC)
    return json.loads(zlib.decompress(component[len(MAGIC) :]))


def test_a_preset_holds_model_response_and_settings(fxtrain: Run, tmp_path: Path) -> None:
    model = write_gain_model(tmp_path / "Übersteuert.json", 0.5, name="Half")
    response = write_response(tmp_path / "box.flac", 2)
    out = tmp_path / "mine.vstpreset"
    made = fxtrain("preset", model, out, "--ir", response, "--set", "input_gain=-3 dB", "--set", "tone_on=on")
    assert made.exit_code == 0, made.stderr
    found = state(out)
    assert (found["version"], found["kind"]) == (1, "preset")
    assert found["slots"] == {
        "A": {
            "name": "Übersteuert",
            "path": str(model),
            "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
            "model": model.read_text(encoding="utf-8"),
        }
    }
    assert base64.b64decode(found["cabinet"].pop("audio")) == response.read_bytes()
    assert found["cabinet"] == {
        "name": "box",
        "path": str(response),
        "sha256": hashlib.sha256(response.read_bytes()).hexdigest(),
    }
    told = {"input_gain": -3.0, "tone_on": 1, "cabinet_on": 1}
    sound = {
        id: parameter.default
        for id, parameter in PARAMETERS.items()
        if not parameter.belongs_to_room and not id.startswith("knob_")  # which are where the model has them
    }
    assert found["parameters"] == sound | told


def test_what_belongs_to_the_room_is_no_part_of_a_preset(fxtrain: Run, tmp_path: Path) -> None:
    model = write_gain_model(tmp_path / "a.json", 0.5)
    for setting in ("calibrate=on", "oversampling_live=4x", "bypass=on"):
        refused = fxtrain("preset", model, tmp_path / "a.vstpreset", "--set", setting)
        assert refused.exit_code == 2
        assert "belongs to the room" in refused.stderr


def test_the_slot_of_the_model_is_the_one_that_sounds(fxtrain: Run, tmp_path: Path) -> None:
    a, b = write_gain_model(tmp_path / "a.json", 0.5), write_gain_model(tmp_path / "b.json", 0.25)
    assert fxtrain("preset", a, tmp_path / "1.vstpreset", "--slot", "B").exit_code == 0
    alone = state(tmp_path / "1.vstpreset")
    assert list(alone["slots"]) == ["B"]
    assert alone["parameters"]["slot"] == 1
    assert fxtrain("preset", a, tmp_path / "2.vstpreset", "--slot", "B", "--other", b).exit_code == 0
    both = state(tmp_path / "2.vstpreset")
    assert (both["slots"]["A"]["name"], both["slots"]["B"]["name"]) == ("b", "a")
    assert fxtrain("preset", a, tmp_path / "3.vstpreset", "--other", b, "--set", "slot=A + B").exit_code == 0
    assert state(tmp_path / "3.vstpreset")["parameters"]["slot"] == 2


def test_a_pedal_stands_before_the_amp_and_makes_the_state_version_2(fxtrain: Run, tmp_path: Path) -> None:
    amp, pedal = write_gain_model(tmp_path / "amp.json", 0.5), write_gain_model(tmp_path / "pedal.json", 0.25)
    out = tmp_path / "stack.vstpreset"
    made = fxtrain("preset", amp, out, "--pedal", pedal, "--set", "pedal_level=-3", "--set", "knob_p1=20")
    assert made.exit_code == 0, made.stderr
    assert "pedal: pedal" in made.stdout
    found = state(out)
    assert found["version"] == 2
    assert found["slots"]["P"]["model"] == pedal.read_text(encoding="utf-8")
    assert found["slots"]["A"]["name"] == "amp"
    assert (found["parameters"]["pedal_on"], found["parameters"]["pedal_level"]) == (1, -3.0)
    again = read_preset(out)
    assert again.slots["P"].name == "pedal"
    assert again.parameters["knob_p1"] == 20.0
    told = fxtrain("info", out)
    assert told.exit_code == 0
    assert "pedal" in told.stdout
    assert str(pedal) in "".join(told.stdout.split())


def test_two_pedals_stand_in_the_order_of_the_signal_and_make_the_state_version_3(fxtrain: Run, tmp_path: Path) -> None:
    amp, boost, drive = (write_gain_model(tmp_path / f"{name}.json", 0.5) for name in ("amp", "boost", "drive"))
    out = tmp_path / "board.vstpreset"
    pedals = ["--pedal", boost, "--pedal", drive]
    made = fxtrain("preset", amp, out, *pedals, "--set", "pedal2_level=-3", "--set", "pedal2_slot=A")
    assert made.exit_code == 0, made.stderr
    assert "second pedal: drive" in made.stdout
    found = state(out)
    assert found["version"] == 3
    assert {slot: each["name"] for slot, each in found["slots"].items()} == {"A": "amp", "P": "boost", "Q": "drive"}
    assert (found["parameters"]["pedal2_level"], found["parameters"]["pedal2_slot"]) == (-3.0, 0)
    told = fxtrain("info", out)
    assert "second pedal" in told.stdout
    refused = fxtrain("preset", amp, tmp_path / "3.vstpreset", *pedals, "--pedal", boost)
    assert refused.exit_code == 2
    assert "room for 2 pedals" in refused.stderr


def test_a_second_response_stands_beside_the_first(fxtrain: Run, tmp_path: Path) -> None:
    amp = write_gain_model(tmp_path / "amp.json", 0.5)
    near, far = write_response(tmp_path / "near.wav"), write_response(tmp_path / "far.wav", 2)
    out = tmp_path / "two.vstpreset"
    made = fxtrain("preset", amp, out, "--ir", near, "--second-ir", far, "--set", "cabinet_blend=30")
    assert made.exit_code == 0, made.stderr
    assert "cabinet: near + far" in made.stdout
    found = state(out)
    assert (found["version"], found["cabinet2"]["name"]) == (2, "far")
    second = read_preset(out).second_cabinet
    assert second is not None
    assert (second.name, second.num_channels) == ("far", 2)
    assert "second response" in fxtrain("info", out).stdout
    refused = fxtrain("preset", amp, tmp_path / "b.vstpreset", "--second-ir", far)
    assert refused.exit_code == 2
    assert "--ir" in refused.stderr


def test_a_setting_of_the_user_counts_more_than_ours(fxtrain: Run, tmp_path: Path) -> None:
    model, response = write_gain_model(tmp_path / "a.json", 0.5), write_response(tmp_path / "box.wav")
    settings = ("--set", "cabinet_on=off", "--set", "mix=10", "--set", "mix=20")
    assert fxtrain("preset", model, tmp_path / "1.vstpreset", "--ir", response, *settings).exit_code == 0
    found = state(tmp_path / "1.vstpreset")["parameters"]
    assert (found["cabinet_on"], found["mix"]) == (0, 20.0)


def test_the_model_of_a_run_goes_by_its_own_name(fxtrain: Run, tmp_path: Path) -> None:
    write_gain_model(tmp_path / "amp" / "model.json", 0.5, name="My amp")
    write_gain_model(tmp_path / "pedal" / "model.json", 0.5)
    names = []
    for number, (source, options) in enumerate([("amp", ()), ("pedal", ()), ("amp", ("--name", "Mine"))]):
        out = tmp_path / f"{number}.vstpreset"
        assert fxtrain("preset", tmp_path / source, out, *options).exit_code == 0
        names.append(state(out)["slots"]["A"]["name"])
    assert names == ["My amp", "pedal", "Mine"]


def test_an_existing_preset_is_kept_unless_forced(fxtrain: Run, tmp_path: Path) -> None:
    model, out = write_gain_model(tmp_path / "a.json", 0.5), tmp_path / "mine.vstpreset"
    out.write_bytes(b"dear to me")
    refused = fxtrain("preset", model, out)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert out.read_bytes() == b"dear to me"
    assert fxtrain("preset", model, out, "--force").exit_code == 0
    assert list(state(out)["slots"]) == ["A"]


def _broken_model(path: Path) -> None:
    write_gain_model(path, 0.5)
    path.write_text(path.read_text(encoding="utf-8").replace("[[0.5]]", "[[0.5, 1.0]]"), encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--set", "input_gain=100"), "from -24 to 24 dB"),
        (("--set", "no_such=1"), "no parameter"),
        (("--set", "input_gain"), "ID=VALUE"),
        (("--other", "broken.json"), "weights"),
        (("--other", "missing.json"), "missing.json"),
        (("--ir", "missing.wav"), "cannot be read"),
        (("--ir", "broken.json"), "no sound file"),
        (("--ir", "silent.wav"), "silent"),
        (("--ir", "nan.wav"), "NaN"),
        (("--ir", "three.wav"), "3 channels"),
        (("--ir", "telephone.wav"), "ULAW"),
        (("--ir", "lossy.ogg"), "OGG"),
        (("--ir", "song.wav"), "is it a recording"),
    ],
)
def test_what_the_plugin_would_not_take_is_refused_in_a_sentence(
    fxtrain: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_gain_model(Path("good.json"), 0.5)
    _broken_model(Path("broken.json"))
    write_response(Path("silent.wav"), value=0.0)
    write_response(Path("nan.wav"), value=np.nan)
    write_response(Path("three.wav"), num_channels=3)
    write_response(Path("telephone.wav"), subtype="ULAW")
    write_response(Path("lossy.ogg"))
    write_audio(Path("song.wav"), np.ones(31 * 1000, np.float32), 1000)
    Path("kept.vstpreset").write_bytes(b"dear to me")
    for arguments in (("new.vstpreset",), ("kept.vstpreset", "--force")):
        refused = fxtrain("preset", "good.json", *arguments, *options)
        assert refused.exit_code == 2
        assert refused.stderr.count("\n") == 1
        assert said in refused.stderr
    assert Path("kept.vstpreset").read_bytes() == b"dear to me"
    assert not list(tmp_path.glob("*new*"))


def test_a_broken_model_is_refused(fxtrain: Run, tmp_path: Path) -> None:
    _broken_model(tmp_path / "broken.json")
    refused = fxtrain("preset", tmp_path / "broken.json", tmp_path / "new.vstpreset")
    assert refused.exit_code == 2
    assert "broken.json" in refused.stderr
    assert not (tmp_path / "new.vstpreset").exists()


def test_another_ending_is_refused(fxtrain: Run, tmp_path: Path) -> None:
    refused = fxtrain("preset", write_gain_model(tmp_path / "a.json", 0.5), tmp_path / "new.json")
    assert refused.exit_code == 2
    assert ".vstpreset" in refused.stderr


def test_info_tells_what_a_preset_holds(fxtrain: Run, tmp_path: Path) -> None:
    model, response = write_gain_model(tmp_path / "half.json", 0.5), write_response(tmp_path / "box.wav")
    out = tmp_path / "mine.vstpreset"
    assert fxtrain("preset", model, out, "--slot", "B", "--ir", response, "--set", "bass=3").exit_code == 0
    told = fxtrain("info", out, "--json").json
    assert list(told["slots"]) == ["B"]
    assert told["slots"]["B"]["playable"] is True
    assert told["slots"]["B"]["name"] == "half"
    assert told["cabinet"]["seconds"] == 0.01
    assert told["parameters"] == {"slot": "B", "bass": "3 dB", "cabinet_on": "on"}
    read = fxtrain("info", out)
    assert read.exit_code == 0
    assert "slot A" in read.stdout
    assert "empty" in read.stdout


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    model = write_gain_model(tmp_path / "half.json", 0.5)
    write_preset(tmp_path / "mine.vstpreset", Preset({"bass": 3.0}, {"A": SlotContent.read(model)}))
    return tmp_path / "mine.vstpreset"


def repack(component: bytes, *, class_id: bytes = b"ABCDEF019182FAEB467874724678746E") -> bytes:
    """The container around other bytes, with a controller's chunk as hosts add it."""
    content = b"VST3" + struct.pack("<i32sq", 1, class_id, 48 + len(component) + 4) + component + b"ctrl"
    content += b"List" + struct.pack("<i", 2) + struct.pack("<4sqq", b"Comp", 48, len(component))
    return content + struct.pack("<4sqq", b"Cont", 48 + len(component), 4)


def test_a_preset_of_a_host_with_its_own_bytes_behind_is_read(preset: Path, tmp_path: Path) -> None:
    component = chunks(preset.read_bytes())[b"Comp"]
    host = tmp_path / "host.vstpreset"
    host.write_bytes(repack(component + b"\x01\x00Bypass\x00JUCEPrivateData"))
    assert read_preset(host) == read_preset(preset)


def test_damage_is_reported_wherever_a_preset_is_cut(preset: Path, tmp_path: Path) -> None:
    whole = preset.read_bytes()
    cut = tmp_path / "cut.vstpreset"
    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        with pytest.raises(PresetFileError):
            read_preset(cut)


def test_a_damaged_byte_is_noticed_or_does_not_matter(preset: Path, tmp_path: Path) -> None:
    whole = preset.read_bytes()
    expected = read_preset(preset)
    damaged = tmp_path / "damaged.vstpreset"
    harmless = []
    for place in range(len(whole)):
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            assert read_preset(damaged) == expected, f"byte {place}"
            harmless.append(place)
        except PresetFileError:
            pass
    count = len(whole) - 24
    assert set(harmless) <= {4, 5, 6, 7, *range(count, count + 4)}  # the container's version, the number of chunks


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"version": 4}, "version 4"),
        ({"version": "one"}, "version"),
        ([], "damaged"),
        ({"version": 1, "slots": {"A": {"name": 1, "path": "", "sha256": "", "model": ""}}}, "expected text"),
        ({"version": 1, "slots": [1]}, "damaged"),
        ({"version": 1, "parameters": {"bass": "loud"}}, "damaged"),
        ({"version": 1, "cabinet": {"name": "", "path": "", "audio": "AAAA"}}, "no sound file"),
    ],
)
def test_a_state_of_another_shape_is_refused(tmp_path: Path, document: object, said: str) -> None:
    file = tmp_path / "odd.vstpreset"
    file.write_bytes(repack(MAGIC + zlib.compress(json.dumps(document).encode())))
    with pytest.raises(PresetFileError, match=said):
        read_preset(file)


def test_a_preset_of_another_plugin_is_named_so(tmp_path: Path, fxtrain: Run) -> None:
    file = tmp_path / "other.vstpreset"
    file.write_bytes(repack(b"anything", class_id=b"0" * 32))
    told = fxtrain("info", file)
    assert told.exit_code == 2
    assert "another plugin" in told.stderr


def test_a_state_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fxtrain.plugin_files.preset._LARGEST_STATE", 1 << 20)
    file = tmp_path / "bomb.vstpreset"
    file.write_bytes(repack(MAGIC + zlib.compress(b" " * (8 << 20))))
    with pytest.raises(PresetFileError, match="too large"):
        read_preset(file)


def test_unknown_keys_and_empty_slots_are_passed_over(tmp_path: Path) -> None:
    document = {
        "version": 1,
        "slots": {"A": None, "C": 1},
        "parameters": {"bass": 2, "later": 1},
        "editor": {"width": 1},
    }
    file = tmp_path / "odd.vstpreset"
    file.write_bytes(repack(MAGIC + zlib.compress(json.dumps(document).encode())))
    assert read_preset(file) == Preset({"bass": 2.0})


@pytest.mark.parametrize("name", ["box.wav", "box.aiff", "box.flac"])
def test_the_response_keeps_its_coding(fxtrain: Run, tmp_path: Path, name: str) -> None:
    model, response = write_gain_model(tmp_path / "a.json", 0.5), tmp_path / name
    write_audio(response, np.array([0.5, 0.25], np.float32), 44100, "PCM_24")
    assert fxtrain("preset", model, tmp_path / "a.vstpreset", "--ir", response).exit_code == 0
    read = read_preset(tmp_path / "a.vstpreset").cabinet
    assert read is not None
    assert read.audio == response.read_bytes()
    assert (read.sample_rate, read.num_channels, read.seconds) == (44100, 1, 2 / 44100)


def test_a_state_that_the_plugin_would_find_too_large_is_not_written(
    fxtrain: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fxtrain.plugin_files.preset._LARGEST_STATE", 500)
    refused = fxtrain("preset", write_gain_model(tmp_path / "a.json", 0.5), tmp_path / "a.vstpreset")
    assert refused.exit_code == 2
    assert not (tmp_path / "a.vstpreset").exists()
