# SPDX-License-Identifier: MIT
"""Frequency weighting against the standard's table."""

from __future__ import annotations

import pytest

from fxtrain.audio.weighting import a_weighting_db


def test_a_weighting_follows_the_standard():
    # IEC 61672-1, table 3, at exact base-10 third-octave frequencies.
    table = {10**1.5: -39.4, 10**2.0: -19.1, 10**2.7: -3.2, 1000.0: 0.0, 10**3.4: 1.3, 10**4.0: -2.5, 10**4.3: -9.3}
    assert a_weighting_db(list(table)) == pytest.approx(list(table.values()), abs=0.06)
