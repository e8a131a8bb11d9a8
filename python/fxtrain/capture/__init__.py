# SPDX-License-Identifier: MIT
"""Recording a device: a round trip that is measured, and takes that are laid beside what was played."""
