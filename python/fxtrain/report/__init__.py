# SPDX-License-Identifier: MIT
"""What a run is worth: metrics, baselines, figures and the report page."""
