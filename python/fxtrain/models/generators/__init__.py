# SPDX-License-Identifier: MIT
"""Generators: models that make sound, or parts of a chain that does."""
