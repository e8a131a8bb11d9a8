# SPDX-License-Identifier: MIT
"""Models that make sound."""
