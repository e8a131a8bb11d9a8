# SPDX-License-Identifier: MIT
"""Ardour without its window: projects are made by a Lua script, given audio in their XML, and exported."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile

RATE = 48_000
SUPERCLOCK = 282_240_000  # ticks per second: Ardour's unit of time

_ENGINE = f"""
local backend = AudioEngine:set_backend("None (Dummy)", "fxtrain", "")
backend:set_device_name("Silence")
backend:set_driver("Normal Speed")
backend:set_sample_rate({RATE})
backend:set_buffer_size(256)
AudioEngine:start(false)
ARDOUR.LuaAPI.list_plugins()  -- makes the list ready
"""


class Ardour:
    """One project with one stereo track, in a home folder of its own."""

    def __init__(self, environment: Mapping[str, str], vst3: Path) -> None:
        version = next((each for each in ("7", "8") if shutil.which(f"ardour{each}-lua")), None)
        if version is None:
            pytest.skip("Ardour 7 or 8 is not installed (Debian: ardour)")
        self._program = f"ardour{version}"
        self._environment = dict(environment)
        self._home = Path(environment["HOME"])
        self.project = self._home / "project"
        plugins = self._home / ".vst3"
        plugins.mkdir(exist_ok=True)
        (plugins / vst3.name).symlink_to(vst3)
        library = next(Path("/usr/lib").glob(f"**/{self._program}/ardour-vst3-scanner")).parent
        scan = [library / "ardour-vst3-scanner", "-f", "-q", plugins / vst3.name]
        self._run(scan, 60, {"LD_LIBRARY_PATH": str(library)})

    def _run(self, command: list, seconds: float, more: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            [str(each) for each in command],
            env=self._environment | dict(more or {}),
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def _lua(self, script: str, *, anew: bool = False) -> None:
        """Runs a script about a session `s` with the audio engine on, and saves it; `anew`: where there is none yet."""
        path = self._home / "script.lua"
        path.write_text(_ENGINE + script + '\ns:save_state("")\nprint("saved")\nclose_session()\nquit()\n')

        def run() -> None:
            if anew:
                shutil.rmtree(self.project, ignore_errors=True)
            self._run([f"{self._program}-lua", path], 60)

        self._until_it_works(run)

    def _until_it_works(self, step: Callable[[], object]) -> None:
        """Ardour 7.3 hangs or aborts about one time in twelve, on a busy machine and without any plugin."""
        failures = []
        for _ in range(4):
            try:
                step()
                return
            except (subprocess.TimeoutExpired, AssertionError) as error:
                failures.append(str(error))
        raise AssertionError("\n".join(failures))

    def make(self, class_id: str) -> None:
        """Makes and saves the project with the plugin on its track."""
        self._lua(
            f"""
            s = create_session("{self.project}", "project", {RATE})
            s:new_audio_track(2, 2, nil, 1, "Guitar", ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
            sleep(1)
            local p = ARDOUR.LuaAPI.new_plugin(s, "{class_id}", ARDOUR.PluginType.VST3, "")
            assert(not p:isnil(), "Ardour does not know the plugin")
            s:route_by_name("Guitar"):add_processor_by_index(p, 0, nil, true)
        """,
            anew=True,
        )

    def reopen(self, script: str) -> None:
        """Opens the project again, runs a script about the session `s` and the plugin `p`, and saves."""
        self._lua(f"""
            s = load_session("{self.project}", "project")
            local p = s:route_by_name("Guitar"):nth_plugin(0)
            assert(not p:isnil(), "the plugin is not there")
            {script}
        """)

    def put_state(self, preset: Path) -> None:
        """Makes what a .vstpreset file holds the plugin's state in the project, which keeps states in the same form.

        To load the file in Ardour itself is no way: 7.3 then waits for a lock that it holds, with every plugin of JUCE.
        """
        tree = ElementTree.parse(self.project / "project.ardour")
        (chunk,) = tree.iter("chunk")
        chunk.text = base64.b64encode(preset.read_bytes()).decode("ascii")
        tree.write(self.project / "project.ardour", encoding="UTF-8", xml_declaration=True)

    def add_audio(self, channels: np.ndarray) -> None:
        """Puts a region on the track at the start, and the session's range around it. Shape (2, frames)."""
        folder = self.project / "interchange" / "project" / "audiofiles"
        folder.mkdir(parents=True, exist_ok=True)
        tree = ElementTree.parse(self.project / "project.ardour")
        root = tree.getroot()
        ticks = channels.shape[1] * SUPERCLOCK // RATE
        names = {"90001": "dry%L.wav", "90002": "dry%R.wav"}
        sources, locations = root.find("Sources"), root.find("Locations")
        assert sources is not None
        assert locations is not None
        for (id, name), samples in zip(names.items(), channels, strict=True):
            soundfile.write(folder / name, samples, RATE, subtype="FLOAT")
            ElementTree.SubElement(
                sources, "Source", {"id": id, "name": name, "type": "audio", "flags": "", "channel": "0", "gain": "1"}
            )
        region = {
            "id": "90003",
            "name": "dry",
            "type": "audio",
            "channels": "2",
            "start": "a0",
            "length": f"a{ticks}@a0",
            "sync-position": "a0",
            "ancestral-start": "a0",
            "ancestral-length": f"a{ticks}@a0",  # a bare number here makes the session corrupt
            "first-edit": "nothing",
        }
        region |= {key: "1" for key in ("opaque", "stretch", "shift", "scale-amplitude")}
        off = "muted locked automatic whole-file import external sync-marked hidden position-locked layering-index"
        off += " envelope-active default-fade-in default-fade-out fade-in-active fade-out-active"
        region |= {key: "0" for key in off.split()}
        for index, id in enumerate(names):
            region |= {f"source-{index}": id, f"master-source-{index}": id}
        (playlist,) = [each for each in root.iter("Playlist") if each.get("name") == "Guitar"]
        ElementTree.SubElement(playlist, "Region", region)
        ElementTree.SubElement(
            locations,
            "Location",
            {"id": "90004", "name": "session", "start": "a0", "end": f"a{ticks}", "flags": "IsSessionRange"},
        )
        tree.write(self.project / "project.ardour", encoding="UTF-8", xml_declaration=True)

    def export(self) -> np.ndarray:
        """The mix, shape (2, frames): exported until two files agree to the bit, since it may also write noise."""
        seen: list[np.ndarray] = []
        failures = []
        for _ in range(6):
            out = self._home / "export.wav"
            out.unlink(missing_ok=True)
            try:
                self._run([f"{self._program}-export", "-b", "float", "-o", out, self.project, "project"], 60)
                samples, rate = soundfile.read(out, dtype="float32", always_2d=True)
            except (subprocess.TimeoutExpired, AssertionError, soundfile.SoundFileError) as error:
                failures.append(str(error))
                continue
            assert rate == RATE
            if any(np.array_equal(samples, each) for each in seen):
                return np.ascontiguousarray(samples.T)
            seen.append(samples)
        raise AssertionError(f"of {len(seen)} exports no two were equal\n" + "\n".join(failures))
