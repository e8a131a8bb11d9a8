# SPDX-License-Identifier: MIT
"""Sound devices: which there are, a stream between two of them, and how long sound takes through them."""
