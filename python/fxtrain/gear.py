# SPDX-License-Identifier: MIT
"""What kinds of gear a capture can be of, and how they sound."""

from __future__ import annotations

from typing import Literal

__all__ = ["GEAR_TYPES", "TONE_TYPES", "GearType", "ToneType"]

GearType = Literal["amp", "pedal", "pedal_amp", "amp_cab", "amp_pedal_cab", "preamp", "studio"]
GEAR_TYPES: tuple[GearType, ...] = ("amp", "pedal", "pedal_amp", "amp_cab", "amp_pedal_cab", "preamp", "studio")
"""The words are those of ``.nam`` files."""

ToneType = Literal["clean", "overdrive", "crunch", "hi_gain", "fuzz"]
TONE_TYPES: tuple[ToneType, ...] = ("clean", "overdrive", "crunch", "hi_gain", "fuzz")
"""How it sounds, in the words of ``.nam`` files."""
