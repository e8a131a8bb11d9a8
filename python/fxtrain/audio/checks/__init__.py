# SPDX-License-Identifier: MIT
"""Is this a pair to learn from? Every check gives a verdict; only ``stop`` ends training, and any may be ignored.

The checks know nothing of models. What each finds, expects and advises is one sentence for a guitarist; the figures
behind it are in :attr:`Verdict.values`. :func:`check_pair` makes them all.
"""

from fxtrain.audio.checks.pair import check_pair
from fxtrain.audio.checks.sides import looks_like_input_of
from fxtrain.audio.checks.verdict import CHECKS, DataReport, Level, Verdict

__all__ = ["CHECKS", "DataReport", "Level", "Verdict", "check_pair", "looks_like_input_of"]
