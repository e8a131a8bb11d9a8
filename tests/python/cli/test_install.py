# SPDX-License-Identifier: MIT
"""``fxtrain install``: what goes where, and what stays as it was."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from plugin_files import write_gain_model, write_response, write_two_sizes
from small_amplifier import Run

from fxtrain.folders import user_folders
from fxtrain.plugin_files.preset import read_preset


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder on Linux."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    return tmp_path / "home"


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_folders_are_those_of_the_system(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def found() -> list[str]:
        folders = user_folders()
        return [path.as_posix() for path in (folders.models, folders.cabinets, folders.presets)]

    data, presets = f"{home}/.local/share/fxtrain", f"{home}/.vst3/presets/fxtrain/fxtrain"
    assert found() == [f"{data}/models", f"{data}/cabinets", presets]
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert found() == [f"{tmp_path}/data/fxtrain/models", f"{tmp_path}/data/fxtrain/cabinets", presets]
    for invalid in ("", "relative/path"):
        monkeypatch.setenv("XDG_DATA_HOME", invalid)
        assert found()[0] == f"{data}/models"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert found()[2] == f"{home}/Library/Audio/Presets/fxtrain/fxtrain"
    monkeypatch.setattr(sys, "platform", "win32")
    assert found()[2] == f"{home}/Documents/VST3 Presets/fxtrain/fxtrain"


def test_models_and_responses_are_copied_to_the_byte(fxtrain: Run, home: Path, tmp_path: Path) -> None:
    crunch, clean = write_gain_model(tmp_path / "crunch.json", 0.5), write_gain_model(tmp_path / "clean.json", 0.25)
    box = write_response(tmp_path / "box.WAV")
    made = fxtrain("install", crunch, clean, "--ir", box)
    assert made.exit_code == 0, made.stderr
    data = home / ".local/share/fxtrain"
    assert files(home) == [f".local/share/fxtrain/{name}" for name in ("cabinets/box.wav", *_models("clean", "crunch"))]
    assert (data / "models/crunch.json").read_bytes() == crunch.read_bytes()
    assert (data / "cabinets/box.wav").read_bytes() == box.read_bytes()
    for path in ("models/crunch.json", "models/clean.json", "cabinets/box.wav"):
        assert str(data / path) in made.stdout


def test_nam_files_keep_their_suffix(fxtrain: Run, home: Path, tmp_path: Path) -> None:
    amp = write_two_sizes(tmp_path / "amp.NAM", 0.25, 0.5)
    made = fxtrain("install", amp, "--preset")
    assert made.exit_code == 0, made.stderr
    installed = home / ".local/share/fxtrain/models/amp.nam"
    assert installed.read_bytes() == amp.read_bytes()
    assert str(installed) in made.stdout
    preset = read_preset(home / ".vst3/presets/fxtrain/fxtrain/amp.vstpreset")
    assert (preset.slots["A"].model, preset.slots["A"].path) == (amp.read_text(), str(installed))


def test_it_says_where_a_name_in_brackets_went(fxtrain: Run, home: Path, tmp_path: Path) -> None:
    model = write_gain_model(tmp_path / "amp [bold].json", 0.5)
    assert "models/amp [bold].json" in fxtrain("install", model).stdout
    assert "A: amp [bold]" in fxtrain("preset", model, tmp_path / "amp [red].vstpreset").stdout


def _models(*names: str) -> list[str]:
    return [f"models/{name}.json" for name in names]


def test_the_model_of_a_run_goes_by_its_own_name(fxtrain: Run, home: Path, tmp_path: Path) -> None:
    write_gain_model(tmp_path / "one" / "model.json", 0.5, name='Plexi: "loud" / bright?')
    write_gain_model(tmp_path / "two" / "model.json", 0.25)
    assert fxtrain("install", tmp_path / "one", tmp_path / "two" / "model.json").exit_code == 0
    assert fxtrain("install", tmp_path / "one", "--name", "../Mine").exit_code == 0
    models = home / ".local/share/fxtrain/models"
    assert files(home) == sorted(
        f".local/share/fxtrain/models/{name}.json" for name in ("Plexi- -loud- - bright-", "two", "-Mine")
    )
    assert (models / "-Mine.json").read_bytes() == (tmp_path / "one" / "model.json").read_bytes()


def test_a_preset_for_hosts_holds_what_was_installed(fxtrain: Run, home: Path, tmp_path: Path) -> None:
    crunch, box = write_gain_model(tmp_path / "crunch.json", 0.5), write_response(tmp_path / "box.wav")
    assert fxtrain("install", crunch, "--ir", box, "--preset").exit_code == 0
    preset = read_preset(home / ".vst3/presets/fxtrain/fxtrain/crunch.vstpreset")
    assert preset.slots["A"].model == crunch.read_text()
    assert preset.slots["A"].path == str(home / ".local/share/fxtrain/models/crunch.json")
    assert preset.cabinet is not None
    assert preset.cabinet.path == str(home / ".local/share/fxtrain/cabinets/box.wav")
    assert preset.parameters["cabinet_on"] == 1


def test_the_same_file_again_changes_nothing(fxtrain: Run, home: Path, tmp_path: Path) -> None:
    crunch = write_gain_model(tmp_path / "crunch.json", 0.5)
    assert fxtrain("install", crunch, "--preset", "--json").json["installed"][0]["written"] is True
    before = {name: (home / name).stat().st_mtime_ns for name in files(home)}
    again = fxtrain("install", crunch, "--preset", "--json")
    assert again.exit_code == 0
    assert [entry["written"] for entry in again.json["installed"]] == [False, False]
    assert {name: (home / name).stat().st_mtime_ns for name in files(home)} == before


def test_another_file_of_that_name_stays_unless_forced(fxtrain: Run, home: Path, tmp_path: Path) -> None:
    theirs = write_gain_model(home / ".local/share/fxtrain/models/crunch.json", 0.75)
    kept = theirs.read_bytes()
    crunch, clean = write_gain_model(tmp_path / "crunch.json", 0.5), write_gain_model(tmp_path / "clean.json", 0.25)
    refused = fxtrain("install", clean, crunch)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert files(home) == [".local/share/fxtrain/models/crunch.json"]  # clean.json, which came first, neither
    assert theirs.read_bytes() == kept
    assert fxtrain("install", clean, crunch, "--force").exit_code == 0
    assert theirs.read_bytes() == crunch.read_bytes()


def test_two_files_never_become_one(fxtrain: Run, home: Path, tmp_path: Path) -> None:
    one = write_gain_model(tmp_path / "1" / "crunch.json", 0.5)
    two = write_gain_model(tmp_path / "2" / "Crunch.json", 0.25)  # the same name on macOS and Windows
    refused = fxtrain("install", one, two, "--force")
    assert refused.exit_code == 2
    assert "--name" in refused.stderr
    assert not home.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing to install"),
        (("good.json", "broken.json"), "broken.json"),
        (("good.json", "--ir", "silent.wav"), "silent"),
        (("good.json", "other.json", "--name", "x"), "--name"),
        (("--ir", "box.wav", "--preset"), "--preset"),
    ],
)
def test_nothing_is_installed_where_something_is_wrong(
    fxtrain: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_gain_model(Path("good.json"), 0.5)
    write_gain_model(Path("other.json"), 0.25)
    Path("broken.json").write_text("{}")
    write_response(Path("silent.wav"), value=0.0)
    write_response(Path("box.wav"))
    refused = fxtrain("install", *arguments)
    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1
    assert said in refused.stderr
    assert not home.exists()
