# SPDX-License-Identifier: MIT
"""What kinds of gear a capture can be of."""

from __future__ import annotations

from typing import Literal

__all__ = ["GEAR_TYPES", "GearType"]

GearType = Literal["amp", "pedal", "pedal_amp", "amp_cab", "amp_pedal_cab", "preamp", "studio"]
GEAR_TYPES: tuple[GearType, ...] = ("amp", "pedal", "pedal_amp", "amp_cab", "amp_pedal_cab", "preamp", "studio")
"""The words are those of ``.nam`` files."""
