# SPDX-License-Identifier: MIT
"""Studies: many runs that differ in some settings, on one machine or on a Ray cluster, in one table."""

from fxtrain.studies.cell import CellResult, run_cell
from fxtrain.studies.study import Point, Study, read_study
from fxtrain.studies.sweep import Row, Sweep

__all__ = ["CellResult", "Point", "Row", "Study", "Sweep", "read_study", "run_cell"]
