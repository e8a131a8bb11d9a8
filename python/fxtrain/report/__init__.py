# SPDX-License-Identifier: MIT
"""The report of a run: a page made of sections. It knows no task, and shows what it is given."""
