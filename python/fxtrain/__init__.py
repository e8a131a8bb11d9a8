# SPDX-License-Identifier: MIT
"""Learn a guitar amplifier or pedal from a recording, and play it in real time."""

__version__ = "0.1.0"
