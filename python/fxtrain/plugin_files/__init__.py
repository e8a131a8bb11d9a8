# SPDX-License-Identifier: MIT
"""Presets and parameters of the plugin, without torch."""
