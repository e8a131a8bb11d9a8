# SPDX-License-Identifier: MIT
"""Effects: models that play live audio, trained on dry/wet pairs."""
