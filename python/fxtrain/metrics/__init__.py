# SPDX-License-Identifier: MIT
"""Figures that say how good a result is: one definition for training, reports and studies."""
