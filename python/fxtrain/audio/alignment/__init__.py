# SPDX-License-Identifier: MIT
"""How late the target is against the input, found on any playing: no test tone, click or sweep is needed.

Heavy distortion leaves little of a waveform, but always a linear part; so every step asks what a filter explains.

1. *Roughly where.* For each block of some seconds, and each lag on a grid up to two seconds either way, how much of the
   target's energy does a short least-squares filter at that lag explain? Unlike a correlation's peak, this does not
   depend on the device's tone or phase. The lag is followed from the clearest block to the others:
   it may drift or jump.
2. *The linear response.* The least-squares filter over taps before and after that lag. Its largest tap gives the
   polarity. Solved from the latest tap to the earliest, it tells what each causal filter "from tap k on"
   explains, and so where the response begins.
3. *Does it stay?* Each window's target is matched with the filtered input, weighted by the inverse spectrum of what the
   filter leaves unexplained (the maximum likelihood delay: Knapp and Carter, "The generalized correlation method for
   estimation of time delay", 1976, section IV). The windows' lags give drift and jumps.
4. *Is there a simpler answer?* A tone matches itself at every period, and the overtones of a sweep match it earlier. So
   all windows together are asked for the straight line on which most of them match, without or with one jump (a Hough
   transform: Duda and Hart, "Use of the Hough transformation to detect lines and curves in pictures", 1972). Where
   drift or jumps come out of step 3, they must explain more than that line does, or it is taken; and where it explains
   more than what has come out.
"""

from fxtrain.audio.alignment.clock import drift_floor, match_clock, remove_drift
from fxtrain.audio.alignment.estimate import apply_lag, estimate_alignment
from fxtrain.audio.alignment.result import LAG_GUARD, Alignment, LagJump
from fxtrain.audio.alignment.scan import coarse_lag

__all__ = [
    "LAG_GUARD",
    "Alignment",
    "LagJump",
    "apply_lag",
    "coarse_lag",
    "drift_floor",
    "estimate_alignment",
    "match_clock",
    "remove_drift",
]
