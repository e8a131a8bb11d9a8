# SPDX-License-Identifier: MIT
"""The bench as a study: the same devices and presets for ``fxtrain sweep``, which also runs on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from devices import Device

from fxtrain.config import write_toml

__all__ = ["write_study"]


def write_study(path: Path, devices: Sequence[Device], presets: Sequence[str], minutes: float, seed: int) -> None:
    """Writes the study and a settings file for each device, into the same folder.

    Args:
        path: of the study; the devices go into a folder of the same name.
        devices: whose recordings are there.
        presets: of ``fit``.
        minutes: to train each.
        seed: of all.
    """
    folder = path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for device in devices:
        file = folder / f"{device.name.replace('/', '-')}.toml"
        tables: dict[str, Any] = {
            f"pair_{number}": {
                **asdict(pair),
                "input": str(pair.input.resolve()),
                "target": str(pair.target.resolve()),
            }
            for number, pair in enumerate(device.pairs, start=1)
        }
        if device.skip_frames:
            tables["reading"] = {"skip_frames": device.skip_frames}
        write_toml(file, tables)
        files.append(f"{folder.name}/{file.name}")
    write_toml(
        path,
        {
            "study": {
                "title": "Captures",
                "question": f"How close do the presets come to devices of all kinds in {minutes:g} minutes?",
            },
            "fit": {"max_minutes": minutes, "seed": seed},
            "grid": {"fit.config": files, "fit.preset": list(presets)},
        },
    )
