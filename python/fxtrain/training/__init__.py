# SPDX-License-Identifier: MIT
"""Training: the loop, schedules, checkpoints, devices, and a whole run from files to report."""
