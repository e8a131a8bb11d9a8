# SPDX-License-Identifier: MIT
"""Audio interfaces that are not there, and the command line on them."""

from interfaces import fxtrain, interface, no_devices, server

__all__ = ["fxtrain", "interface", "no_devices", "server"]
