# SPDX-License-Identifier: MIT
"""``fxtrain models --installed``: the library that the plugin shows, and the index that both share."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from plugin_files import write_gain_model, write_response
from small_amplifier import Run

from fxtrain.folders import user_folders


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an empty home that the plugin reads models from."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    return user_folders().models


def listed(fxtrain: Run) -> dict[str, dict[str, Any]]:
    """By name."""
    made = fxtrain("models", "--installed", "--json")
    assert made.exit_code == 0, made.stderr
    return {file["name"]: file for file in made.json["installed"]}


def test_nothing_is_installed_at_first(fxtrain: Run, models: Path) -> None:
    assert listed(fxtrain) == {}
    assert "fxtrain install" in fxtrain("models", "--installed").stdout


def test_all_kinds_are_listed_with_what_they_say(fxtrain: Run, models: Path, tmp_path: Path) -> None:
    metadata = {"name": "Lead", "modeled_by": "Ada", "gear_make": "Marlow", "gear_model": "50", "gear_type": "amp"}
    lead = write_gain_model(tmp_path / "lead.json", 0.5, **metadata, tone_type="hi_gain")
    box = write_response(tmp_path / "box.wav")
    assert fxtrain("install", lead, "--ir", box, "--preset").exit_code == 0
    (models / "broken.nam").write_text("{", encoding="utf-8")
    (models / "notes.txt").write_text("not listed", encoding="utf-8")
    files = listed(fxtrain)
    assert sorted(files) == ["Lead", "box", "broken", "lead"]
    capture = files["Lead"]
    assert (capture["kind"], capture["maker"], capture["device"]) == ("capture", "Ada", "Marlow 50")
    assert capture["tags"] == ["amp", "high gain", "no loudspeaker"]
    assert capture["plays"]
    assert capture["problem"] == ""
    assert files["box"]["kind"] == "cabinet"
    assert files["box"]["tags"] == ["mono"]
    assert files["box"]["device"] == "10 ms"
    assert files["lead"]["kind"] == "preset"
    assert files["lead"]["device"] == "Lead"
    assert files["lead"]["tags"] == ["high gain", "with loudspeaker"]
    assert not files["broken"]["plays"]
    assert "broken.nam" in files["broken"]["problem"]
    assert "does not play" in fxtrain("models", "--installed").stdout


def test_only_what_is_new_or_has_changed_is_opened(fxtrain: Run, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fxtrain import engine

    opened: list[str] = []
    load = engine.load

    def counting(path: Path, **options: Any) -> engine.Model:
        opened.append(Path(path).name)
        return load(path, **options)

    monkeypatch.setattr(engine, "load", counting)
    first = write_gain_model(models / "first.json", 0.5)
    write_gain_model(models / "deep" / "second.json", 0.5)
    assert sorted(listed(fxtrain)) == ["first", "second"]
    assert sorted(opened) == ["first.json", "second.json"]
    opened.clear()
    assert len(listed(fxtrain)) == 2
    assert opened == []
    write_gain_model(first, 0.25, author="Somebody Else")
    (models / "deep" / "second.json").unlink()
    assert listed(fxtrain)["first"]["maker"] == "Somebody Else"
    assert opened == ["first.json"]
    opened.clear()
    os.utime(first, (1_700_000_000, 1_700_000_000))
    assert listed(fxtrain)["first"]["modified"] == 1_700_000_000_000
    assert opened == ["first.json"]


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"format": 1}', '{"format": 1, "version": "0", "files": [{}]}'])
def test_a_broken_index_is_made_anew(fxtrain: Run, models: Path, broken: str) -> None:
    write_gain_model(models / "mine.json", 0.5)
    index = models.with_name("library.json")
    index.write_text(broken, encoding="utf-8")
    assert list(listed(fxtrain)) == ["mine"]
    assert [file["name"] for file in json.loads(index.read_text("utf-8"))["files"]] == ["mine"]


def test_folders_and_favourites_of_the_plugin_count(fxtrain: Run, models: Path, tmp_path: Path) -> None:
    elsewhere = write_gain_model(tmp_path / "elsewhere" / "combo" / "model.json", 0.5)
    write_gain_model(models / "mine.json", 0.5)
    settings = {"folders": [str(tmp_path / "elsewhere"), "relative", 3], "favourites": [str(elsewhere)], "recent": {}}
    models.with_name("library-settings.json").write_text(json.dumps(settings), encoding="utf-8")
    files = listed(fxtrain)
    assert sorted(files) == ["combo", "mine"]  # model.json goes by its folder
    assert files["combo"]["favourite"]
    assert not files["mine"]["favourite"]
