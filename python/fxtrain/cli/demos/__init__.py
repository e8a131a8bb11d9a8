# SPDX-License-Identifier: MIT
"""The demos of ``fxtrain demo``: each makes its own material, trains on it, and judges the result.

A new one is a module with ``run(args, console)`` and a line in ``DEMOS``.
"""

__all__ = ["DEMOS"]

DEMOS = {
    "amp": "a synthetic amplifier or pedal, learned from a recording of synthetic guitar",
    "wavenet": "a WaveNet of six voices, learned from recordings that are downloaded once (116 MB)",
    "image-to-sound": "sound for a picture and a video, learned from calls and drawings of animals made here",
    "ssl-vocoder": "speech from the hidden states of Whisper, learned from recordings (249 MB are downloaded once)",
    "restoration": "what lossy codecs took, put back in three ways, and compared (51 MB are downloaded once)",
}
"""The demos by name; ``x-y`` lives in ``fxtrain.cli.demos.x_y``."""
