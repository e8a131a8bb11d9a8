# SPDX-License-Identifier: MIT
"""Decibels: the one place where a number becomes dB, dB a number, and dB text.

Arrays of spectra and levels have floors of their own and are not its business.
"""

from __future__ import annotations

import math

__all__ = ["DECIBEL_FLOOR", "amplitude_to_db", "db_to_amplitude", "format_db", "power_to_db"]

DECIBEL_FLOOR = -200.0
"""The level of zero: far below float32 rounding, yet a number that JSON can hold."""


def power_to_db(ratio: float) -> float:
    """Ten times the decimal logarithm of a ratio of powers or energies, no lower than :data:`DECIBEL_FLOOR`.

    >>> power_to_db(0.01), power_to_db(0.0)
    (-20.0, -200.0)
    """
    return max(10.0 * math.log10(ratio), DECIBEL_FLOOR) if ratio > 0.0 else DECIBEL_FLOOR


def amplitude_to_db(ratio: float) -> float:
    """Twenty times the decimal logarithm of a ratio of amplitudes, no lower than :data:`DECIBEL_FLOOR`.

    >>> amplitude_to_db(0.1), amplitude_to_db(0.0)
    (-20.0, -200.0)
    """
    return max(20.0 * math.log10(ratio), DECIBEL_FLOOR) if ratio > 0.0 else DECIBEL_FLOOR


def db_to_amplitude(db: float) -> float:
    """The ratio of amplitudes.

    >>> db_to_amplitude(-20.0)
    0.1
    """
    return float(10.0 ** (db / 20.0))


def format_db(db: float | None, *, decimals: int = 1, signed: bool = False) -> str:
    """Decibels as text, with a true minus sign; ``signed`` adds a plus, and a dash stands for None.

    >>> format_db(-3.25), format_db(2.0, signed=True), format_db(-0.01)
    ('\N{MINUS SIGN}3.2 dB', '+2.0 dB', '0.0 dB')
    """
    if db is None:
        return "-"
    text = f"{round(db, decimals) + 0.0:{'+' if signed else ''}.{decimals}f}"
    return text.replace("-", "\N{MINUS SIGN}") + " dB"
