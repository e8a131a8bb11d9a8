# SPDX-License-Identifier: MIT
"""What ships in ``models/`` is what its cards say."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from fxtrain import engine
from fxtrain.cli import main
from fxtrain.plugin_files.preset import CabinetContent, read_preset
from fxtrain.synthetic import synthesise_guitar

MODELS = Path(__file__).resolve().parents[2] / "models"
CAPTURES = sorted(path.parent.name for path in MODELS.glob("*/model.json"))
SAMPLE_RATE = 48_000


def _script(path: Path) -> ModuleType:
    """A script as a module; its ``main`` is not run."""
    name = f"shipped_{path.parent.name}_{path.stem}"
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # dataclasses look there for the names in annotations
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def recipes() -> ModuleType:
    """``models/make.py``."""
    return _script(MODELS / "make.py")


@pytest.fixture(scope="module")
def cabinet_recipe() -> ModuleType:
    """``models/cabinet/make.py``."""
    return _script(MODELS / "cabinet" / "make.py")


def card(name: str) -> str:
    return (MODELS / name / "card.md").read_text(encoding="utf-8")


def test_clean_to_high_gain_with_and_without_a_loudspeaker_ships(recipes: ModuleType) -> None:
    assert sorted(recipes.CAPTURES) == CAPTURES
    credits = [engine.load(MODELS / name / "model.json").info.credits for name in CAPTURES]
    assert sum(each.loudspeaker == "with loudspeaker" for each in credits) == 2
    assert {"clean", "high gain"} <= {each.tone for each in credits}


@pytest.mark.parametrize("name", CAPTURES)
def test_a_capture_plays_its_own_vectors_and_says_what_it_is(name: str, recipes: ModuleType) -> None:
    info = engine.load(MODELS / name / "model.json").info
    recipe = recipes.CAPTURES[name]
    assert info.self_test is not None
    assert info.self_test.num_frames == 2048
    assert info.sample_rate == SAMPLE_RATE
    assert info.notes == ()
    stated = info.metadata
    assert (stated["name"], stated["author"], stated["based"]) == (recipe.name, "fxtrain", recipe.based)
    assert stated["gear_type"] == recipe.gear_type
    assert stated["license"] == "CC0-1.0"
    assert f"# {recipe.name}\n" in card(name)
    assert "CC0" in card(name)


@pytest.mark.parametrize("name", CAPTURES)
def test_its_levels_are_those_of_the_circuit(name: str, recipes: ModuleType) -> None:
    stated = engine.load(MODELS / name / "model.json").info.metadata
    capture = recipes.CAPTURES[name]
    circuit = capture.schematic()
    known = {}
    if circuit is not None:
        known["input_level_dbu"] = circuit.input_volts
        if not capture.has_cabinet:
            known["output_level_dbu"] = circuit.output_volts
    assert {key for key in stated if key.endswith("level_dbu")} == set(known)
    for key, volts in known.items():
        # A sine of that peak has volts / sqrt(2) RMS; 0 dBu is sqrt(0.6 V^2).
        assert stated[key] == pytest.approx(10 * np.log10(volts**2 / 2 / 0.6), abs=0.006)


@pytest.mark.parametrize("name", CAPTURES)
def test_it_is_as_loud_as_it_says(name: str) -> None:
    file = MODELS / name / "model.json"
    assert engine.load(file).info.metadata["loudness_db"] == pytest.approx(engine.measure_loudness(file), abs=0.002)


@pytest.mark.parametrize("name", CAPTURES)
def test_its_error_on_other_playing_is_what_the_card_states(name: str, recipes: ModuleType) -> None:
    stated = engine.load(MODELS / name / "model.json").info.metadata["esr"]
    text = card(name)
    assert f"{stated:.2e}" in text
    claimed = re.search(rf"on {recipes.FRESH_SECONDS:g} s of other playing[^|]*\| ([\d.e-]+) \|", text)
    assert claimed is not None
    measured = recipes.esr_of(MODELS / name / "model.json", recipes.CAPTURES[name], seed=4711, seconds=10.0)
    # Ten seconds are a few phrases, some harder than others: a factor of three either way.
    assert float(claimed[1]) / 3 < measured < float(claimed[1]) * 3
    fir = re.search(r"least-squares FIR\) \| ([\d.e-]+) \|", text)
    assert fir is not None
    assert measured < 0.1 * float(fir[1])


@pytest.mark.parametrize("name", CAPTURES)
def test_silence_stays_silent(name: str) -> None:
    output = engine.load(MODELS / name / "model.json").process(np.zeros(2 * SAMPLE_RATE, np.float32))
    settled = output[SAMPLE_RATE:]  # a network begins with a thump, which the plugin lets pass unheard
    assert np.abs(settled).max() < 10 ** (-55 / 20)  # its bias is no sound, and no click when it is switched
    assert np.ptp(settled) < 10 ** (-90 / 20)  # it does not hiss or hum by itself


@pytest.mark.parametrize("name", CAPTURES)
def test_it_stays_in_bounds_when_driven_too_hard(name: str) -> None:
    loud = 8.0 * synthesise_guitar(3.0, SAMPLE_RATE, 3)
    model = engine.load(MODELS / name / "model.json")
    model.process(loud.astype(np.float32))
    assert model.num_faults == 0
    # And it comes back; envelopes take their time, and eight times full scale is far from all training.
    envelopes = json.loads((MODELS / name / "model.json").read_text()).get("envelopes", [])
    seconds = max([1.0, *(1.5e-3 * each["release_ms"] for each in envelopes)])
    after = model.process(np.zeros(round((seconds + 1) * SAMPLE_RATE), np.float32))
    assert np.abs(after[-SAMPLE_RATE:]).max() < 10 ** (-55 / 20)


def test_the_captures_differ_in_what_they_do_to_a_note(recipes: ModuleType) -> None:
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    distortion = {}
    for name in CAPTURES:
        soft = (0.05 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)
        spectrum = np.abs(np.fft.rfft(engine.load(MODELS / name / "model.json").process(soft)[SAMPLE_RATE:]))
        harmonics = spectrum[220 * np.arange(2, 20)]  # bins are hertz
        distortion[name] = float(np.sqrt(np.sum(harmonics**2)) / spectrum[220])
    assert distortion["valve"] < 0.05  # clean when played softly
    assert distortion["valve"] < distortion["overdrive"] < distortion["fuzz"]


def test_the_cabinet_is_what_its_recipe_makes(cabinet_recipe: ModuleType) -> None:
    shipped, rate = soundfile.read(MODELS / "cabinet" / "closed-4x12.wav", dtype="float64")
    assert rate == SAMPLE_RATE
    np.testing.assert_allclose(shipped, cabinet_recipe.build(), atol=2**-23)


def test_the_cabinet_answers_as_a_guitar_loudspeaker(cabinet_recipe: ModuleType) -> None:
    response = cabinet_recipe.build()
    size = 1 << 16
    power = np.abs(np.fft.rfft(response, size)) ** 2
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    corners, lowest, highest = np.array(cabinet_recipe.ENVELOPE).T
    for centre in np.geomspace(50, 15_000, 200):
        band = (hertz > centre * 2 ** (-1 / 24)) & (hertz < centre * 2 ** (1 / 24))
        level = 10 * np.log10(np.mean(power[band])) - cabinet_recipe.reference_db(response)
        low, high = (np.interp(np.log(centre), np.log(corners), bound) for bound in (lowest, highest))
        assert low <= level <= high, f"{level:.1f} dB at {centre:.0f} Hz"


def test_the_cabinet_is_minimum_phase_and_adds_no_delay(cabinet_recipe: ModuleType) -> None:
    for section in cabinet_recipe.sections(SAMPLE_RATE):
        assert np.abs(np.roots(section[3:])).max(initial=0.0) < 1.0
        assert np.abs(np.roots(section[:3])).max(initial=0.0) <= 1.0 + 1e-9  # zeros at 0 Hz and half the rate lie on it
    response = cabinet_recipe.build()
    energy = np.cumsum(response**2) / np.sum(response**2)
    assert energy[SAMPLE_RATE // 1000] > 0.9  # the direct sound is within the first millisecond
    assert abs(response[0]) > 1e-6


def test_model_and_cabinet_go_into_a_preset(tmp_path: Path) -> None:
    model, cabinet = MODELS / "valve" / "model.json", MODELS / "cabinet" / "closed-4x12.wav"
    out = tmp_path / "first.vstpreset"
    assert main(["preset", str(model), str(out), "--ir", str(cabinet), "-q"]) == 0
    preset = read_preset(out)
    assert preset.slots["A"].name == "Lowlight Valve"
    assert preset.cabinet == CabinetContent.read(cabinet)
