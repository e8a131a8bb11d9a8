# SPDX-License-Identifier: MIT
"""Choice of the device to compute on."""

from __future__ import annotations

import torch

from fxtrain.errors import ConfigError

__all__ = ["init_device"]


def _available() -> dict[str, bool]:
    return {
        "cuda": torch.cuda.is_available(),  # also AMD GPUs, through ROCm
        "xpu": torch.xpu.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }


def init_device(name: str = "auto", *, local_rank: int = 0) -> torch.device:
    """The device to compute on.

    Args:
        name: ``auto`` takes the first that is there of NVIDIA or AMD GPU, Intel GPU, Apple GPU, CPU; or ``cuda``,
            ``cuda:1``, ``rocm`` (torch calls it cuda), ``xpu``, ``mps``, ``cpu``.
        local_rank: number of this process among those on this machine that train together: each takes a GPU of its own.

    Raises:
        ConfigError: the name is unknown, or this machine has no such device.
    """
    available = _available()
    if name == "auto":
        name = next(kind for kind, present in available.items() if present)
    try:
        device = torch.device(name.replace("rocm", "cuda"))
    except RuntimeError:
        raise ConfigError(f"unknown device {name!r}; use auto, cuda, rocm, xpu, mps or cpu") from None
    if not available.get(device.type, False):
        present = ", ".join(kind for kind, there in available.items() if there)
        raise ConfigError(f"device {name!r} is not there for this torch ({torch.__version__}); there is {present}")
    if device.type == "cuda" and device.index is not None and device.index >= torch.cuda.device_count():
        raise ConfigError(f"device {name!r} is not there: this machine has {torch.cuda.device_count()}")
    if device.type == "cuda" and device.index is None and local_rank:
        if local_rank >= torch.cuda.device_count():
            raise ConfigError(
                f"there are more processes on this machine than GPUs ({torch.cuda.device_count()}); start as many with "
                "--nproc-per-node, or give --device cpu"
            )
        device = torch.device("cuda", local_rank)
    return device
