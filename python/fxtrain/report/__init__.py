# SPDX-License-Identifier: MIT
"""What a run is worth: metrics, baselines, figures and the report page."""

from fxtrain.report.html import RunReport, write_report

__all__ = ["RunReport", "write_report"]
