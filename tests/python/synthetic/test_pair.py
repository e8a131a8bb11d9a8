# SPDX-License-Identifier: MIT
"""Pairs on disk: what they hold and when they are made anew."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import soundfile

from fxtrain.synthetic import AudioInterface, PairRecipe, find_pair, get_schematic, write_pair


@pytest.fixture
def recipe():
    return PairRecipe(get_schematic("overdrive"), seconds=2.0, sample_rate=16000, oversampling=2, seed=4)


def test_pair_is_two_24_bit_files_of_equal_length(tmp_path, recipe):
    pair = write_pair(tmp_path / "new" / "folder", recipe)
    for path in (pair.dry, pair.wet):
        info = soundfile.info(path)
        assert (info.subtype, info.samplerate, info.channels, info.frames) == ("PCM_24", 16000, 1, 32000)
    assert not pair.reused
    assert pair.convergence.max_residual <= 1e-9


def test_wet_file_is_the_circuits_output_behind_the_interface(tmp_path, recipe):
    quiet = dataclasses.replace(recipe, interface=AudioInterface(latency_frames=50))
    pair = write_pair(tmp_path, quiet)
    dry, _ = soundfile.read(pair.dry, dtype="float32")
    wet, _ = soundfile.read(pair.wet, dtype="float32")
    again, _ = quiet.play(dry)
    np.testing.assert_array_equal(wet, again)
    # before the circuit can have heard anything there is only the interface's noise
    assert np.abs(wet[:50]).max() < 1e-4


def test_same_recipe_is_not_made_twice(tmp_path, recipe):
    first = write_pair(tmp_path, recipe)
    times = [path.stat().st_mtime_ns for path in (first.dry, first.wet)]
    second = write_pair(tmp_path, recipe)
    assert second.reused
    assert second.convergence == first.convergence
    assert [path.stat().st_mtime_ns for path in (second.dry, second.wet)] == times


def test_another_recipe_is_made_anew(tmp_path, recipe):
    write_pair(tmp_path, recipe)
    for other in (
        dataclasses.replace(recipe, seed=5),
        dataclasses.replace(recipe, circuit=get_schematic("overdrive", drive=0.1)),
        dataclasses.replace(recipe, interface=AudioInterface(latency_frames=3)),
    ):
        assert find_pair(tmp_path, other) is None
        assert not write_pair(tmp_path, other).reused


@pytest.mark.parametrize("damage", ["wet.wav", "dry.wav", "pair.json"])
def test_damaged_pair_is_made_anew(tmp_path, recipe, damage):
    write_pair(tmp_path, recipe)
    path = tmp_path / damage
    path.write_bytes(path.read_bytes()[:-100])
    assert find_pair(tmp_path, recipe) is None
    assert not write_pair(tmp_path, recipe).reused
    assert find_pair(tmp_path, recipe) is not None


def test_stopping_halfway_leaves_no_pair_that_looks_whole(tmp_path, recipe):
    class StopError(Exception):
        pass

    def stop(share):
        raise StopError

    write_pair(tmp_path, dataclasses.replace(recipe, seed=9))
    with pytest.raises(StopError):
        write_pair(tmp_path, recipe, progress=stop)
    assert find_pair(tmp_path, recipe) is None


def test_note_tells_all_component_values(tmp_path, recipe):
    write_pair(tmp_path, recipe)
    note = json.loads((tmp_path / "pair.json").read_text())
    assert any("C2" in line and "5.6e-08" in line for line in note["settings"]["components"])
    assert note["settings"]["interface"]["latency_frames"] == "137"
