# SPDX-License-Identifier: MIT
"""The plugin's window: what it looks like in each state, and what a mouse and a keyboard do in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_window import use
from jack_server import x_server
from own_process import call
from PIL import Image, ImageChops
from plugin_state import PARAMETERS, document_of

from fxtrain import engine
from fxtrain.plugin_files.library import read_library

ACCEPTED = Path(__file__).parents[3] / "docs" / "images" / "plugin"
ACCEPT = "FXTRAIN_ACCEPT_SCREENSHOTS"

# A pixel differs where one of its colours is further off than rounding, and the palette of the accepted pictures, put
# it. A knob is 0.09 % of the window; letters drawn by another version of JUCE differ along their edges.
PIXEL_TOLERANCE = 32
SHARE_TOLERANCE = 0.0004
CPU_LOAD = (660, 26, 716, 46)  # in logical pixels: as it happens to be

# Centres of controls, in logical pixels, at which the window opens.
INPUT_GAIN = (82, 168)
INPUT_GAIN_VALUE = (82, 209)
BASS = (713, 236)
GATE_SWITCH = (161, 282)
SLOT_B = (274, 328)
PREVIOUS_IN_B = (516, 390)
FOLDER_IN_B = (580, 390)
SETTINGS = (1112, 28)
CALIBRATE_IN_SETTINGS = (1157, 252)
COMMON_INTERFACES = (1096, 332)
MOTU_IN_INTERFACES = (1000, 470)

# Parts of the window: left, top, right, bottom.
SLOT_B_TEXT = (226, 412, 632, 584)
FOOT = (4, 602, 900, 632)
FIRST_PEDAL = (330, 190)
SECOND_PEDAL_BELOW = 270
LIBRARY_SEARCH = (90, 122, 480, 146)
LIBRARY_FIRST_ROW = (92, 200, 400, 238)
SETTINGS_TITLE = (800, 76, 900, 102)
INTERFACES_MENU = (900, 360, 1100, 480)


@pytest.fixture
def screenshots(plugin: Any, environment: dict[str, str]) -> Callable[..., str]:
    """Runs the program that draws the window; gives what it says."""
    program = plugin.folder.parents[2] / "tests" / "plugin" / "screenshots"
    if not program.is_file():
        pytest.skip(f"{program} is not built (`make test-plugin`)")

    def run(*arguments: object) -> str:
        command = [str(program), *map(str, arguments)]
        return subprocess.run(
            command, env=environment, check=True, timeout=120, stdout=subprocess.PIPE, text=True
        ).stdout

    return run


def difference(picture: Image.Image, accepted: Image.Image) -> float:
    """Share of the pixels that are not alike, the CPU load left out."""
    apart = np.array(ImageChops.difference(picture.convert("RGB"), accepted.convert("RGB"))).max(axis=-1)
    left, top, right, bottom = (round(each * picture.width / 1200) for each in CPU_LOAD)
    apart[top:bottom, left:right] = 0
    return float(np.mean(apart > PIXEL_TOLERANCE))


def test_the_window_looks_as_it_was_accepted(screenshots: Callable[..., str], tmp_path: Path) -> None:
    names = sorted(path.stem for path in ACCEPTED.glob("*.png"))
    assert names
    screenshots(tmp_path, *names)
    if ACCEPT in os.environ:
        for name in names:
            Image.open(tmp_path / f"{name}.png").convert("RGB").quantize(
                192, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
            ).save(ACCEPTED / f"{name}.png", optimize=True)
    for name in names:
        picture, accepted = Image.open(tmp_path / f"{name}.png"), Image.open(ACCEPTED / f"{name}.png")
        assert picture.size == accepted.size, name
        share = difference(picture, accepted)
        assert share <= SHARE_TOLERANCE, (
            f"{name}: {share:.2%} of the pixels of {tmp_path / name}.png are not as in {ACCEPTED / name}.png. Look at "
            f"both; where the new one is right, run this test with {ACCEPT}=1."
        )


def test_a_missing_knob_would_be_seen(screenshots: Callable[..., str], tmp_path: Path) -> None:
    screenshots(tmp_path, "first")
    picture = Image.open(tmp_path / "first.png").convert("RGB")
    x, y = BASS
    pixels = np.array(picture)
    pixels[y - 42 : y + 44, x - 32 : x + 32] = pixels[y, 672]  # the panel's colour
    assert difference(Image.fromarray(pixels), picture) > SHARE_TOLERANCE


def test_the_small_window_is_the_large_one_scaled(screenshots: Callable[..., str], tmp_path: Path) -> None:
    screenshots(tmp_path, "small", "plain-200")
    small, large = (Image.open(tmp_path / f"{name}.png").convert("L") for name in ("small", "plain-200"))
    assert small.size == (960, 512)
    assert large.size == (2400, 1280)
    # Where the boxes are, and how bright, whatever becomes of the letters' edges.
    grid = (60, 32)
    scaled = [np.asarray(each.resize(grid, Image.Resampling.BOX), float) for each in (small, large)]
    assert np.abs(scaled[0] - scaled[1]).mean() < 2.0


def test_every_control_has_a_name_and_says_what_it_is_for(screenshots: Callable[..., str]) -> None:
    controls = [line.split("\t") for line in screenshots("--controls").splitlines()]
    assert all(title for _, title, _ in controls)
    # Views and the window itself take the keyboard too, for Esc and shortcuts.
    unexplained = {title for _, title, help in controls if not help}
    assert unexplained <= {"fxtrain", "Settings", "Input level clipped", "Output level clipped"}
    ids = {id for id, _, _ in controls}
    hidden = {f"knob_b{index}" for index in (1, 2, 3, 4)}  # the model in B has none
    assert set(PARAMETERS) - hidden <= ids


@pytest.fixture
def display(environment: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    for program, package in (("xdotool", "xdotool"), ("import", "imagemagick")):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: {package})")
    with x_server(environment, tmp_path / "xvfb.log") as theirs:
        yield theirs


def test_mouse_and_keyboard_move_parameters(plugin: Any, display: dict[str, str]) -> None:
    parameters, _ = call(
        use,
        plugin.vst3,
        [
            # A quarter of the range, which is 200 pixels long: 12 of 48 dB. The first pixels tell a drag from a click.
            ("drag", *INPUT_GAIN, 0, -50, {"input_gain": (12, 1.5)}),
            ("key", "ctrl+z", {"input_gain": (0, 1e-4)}),
            ("key", "ctrl+shift+z", {"input_gain": (12, 1.5)}),
            ("double-click", *INPUT_GAIN, {"input_gain": (0, 1e-4)}),
            ("wheel", *BASS, 3, {"bass": (1.5, 1e-4)}),
            ("click", *GATE_SWITCH, {"gate_on": (1, 0)}),
            ("click", *SLOT_B, {"slot": (1, 0)}),
            ("enter", *INPUT_GAIN_VALUE, "-3 dB", {"input_gain": (-3, 1e-4)}),
        ],
        environment=display,
    )
    gains = [each["input_gain"] for each in parameters]
    assert gains[0] == pytest.approx(0, abs=1e-4)
    assert gains[3] == pytest.approx(gains[1], abs=1.2)  # a last step of the drag may have been on its way


def test_an_arrow_loads_a_file_and_a_bad_one_is_told(
    plugin: Any, display: dict[str, str], home: Path, make_model: Callable[..., Any]
) -> None:
    models = home / ".local" / "share" / "fxtrain" / "models"
    models.mkdir(parents=True)
    shutil.copy(make_model([("lstm", 8), ("dense", 1)]).path, models / "2 good.json")
    (models / "1 bad.json").write_text("{}")
    picture = home / "window.png"
    actions = [("click", *PREVIOUS_IN_B, SLOT_B_TEXT), ("click", *PREVIOUS_IN_B, FOOT), ("picture", picture, None)]
    _, state = call(use, plugin.vst3, actions, environment=display)
    # Back from nothing is the last one. The second click passed over the bad one, to the last of the shipped.
    assert document_of(state)["slots"]["B"]["name"] == "Lowlight Valve"
    # The line at the foot tells it, on a reddish ground.
    red, green, _ = np.asarray(Image.open(picture).convert("RGB"), float)[..., :3].transpose(2, 0, 1)
    assert np.count_nonzero((red - green > 12) & (red < 80)) > 10_000


def test_a_pedal_is_dragged_before_the_other(
    plugin: Any, display: dict[str, str], make_model: Callable[..., Any], make_preset: Callable[..., Path]
) -> None:
    models = {slot: make_model([("dense", 1)], name=f"{slot}.json").path for slot in ("A", "P", "Q")}
    preset = make_preset(**models, pedal_level=3.0, pedal2_level=-5.0)
    exchanged = {"A": "A", "P": "Q", "Q": "P"}
    actions = [("drag", *FIRST_PEDAL, 0, SECOND_PEDAL_BELOW, exchanged)]
    _, state = call(use, plugin.vst3, actions, preset, environment=display)
    document = document_of(state)
    assert {slot: held["name"] for slot, held in document["slots"].items()} == exchanged
    levels = {id: document["parameters"][id] for id in ("pedal_level", "pedal2_level")}
    assert levels == pytest.approx({"pedal_level": -5.0, "pedal2_level": 3.0}, abs=0.01)


def test_the_level_of_a_common_interface_is_chosen(plugin: Any, display: dict[str, str]) -> None:
    actions = [
        ("click", *SETTINGS, SETTINGS_TITLE),
        ("click", *CALIBRATE_IN_SETTINGS, {"calibrate": (1, 0)}),
        ("click", *COMMON_INTERFACES, INTERFACES_MENU),
        ("click", *MOTU_IN_INTERFACES, {"interface_level": (16, 0.01)}),
    ]
    call(use, plugin.vst3, actions, environment=display)


def test_the_library_is_searched_and_played_by_keys(
    plugin: Any,
    display: dict[str, str],
    home: Path,
    make_model: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models = home / ".local" / "share" / "fxtrain" / "models"
    models.mkdir(parents=True)
    for name in ("first", "second"):
        shutil.copy(make_model([("lstm", 8), ("dense", 1)]).path, models / f"{name} take.json")
    # The background may not have read the files yet when they are searched for; a search finds them as they come.
    actions = [
        ("click", *FOLDER_IN_B, LIBRARY_SEARCH),
        ("key", *"second", LIBRARY_FIRST_ROW),
        ("key", "Down", {"B": "second take"}),
        ("key", "Return", models.parent / "library-settings.json"),
    ]
    _, state = call(use, plugin.vst3, actions, environment=display)
    assert document_of(state)["slots"]["B"]["name"] == "second take"
    index = json.loads((models.parent / "library.json").read_text("utf-8"))
    assert sorted(Path(file["path"]).name for file in index["files"]) == ["first take.json", "second take.json"]
    settings = json.loads((models.parent / "library-settings.json").read_text("utf-8"))
    assert settings["recent"] == [str(models / "second take.json")]
    # The command line takes the plugin's index as it is, and opens no file.
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delattr(engine, "load")
    files = read_library()
    assert sorted(Path(file.path).name for file in files) == ["first take.json", "second take.json"]
    assert all(file.plays for file in files)
