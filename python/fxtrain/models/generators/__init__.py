# SPDX-License-Identifier: MIT
"""Generators: models that make sound offline."""
