# SPDX-License-Identifier: MIT
"""Choice of the device to compute on."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

import torch
import torch.utils.deterministic
from torch import nn

from fxtrain.errors import ConfigError
from fxtrain.training.protocol import Batch

__all__ = ["compile_forward", "init_device", "to_device", "wait_for"]

_B = TypeVar("_B", bound=Batch)
_COPIES_WHILE_COMPUTING = ("cuda",)


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
    if device.type == "cuda":
        _repeat_bits()
    return device


def _repeat_bits() -> None:
    """Lets a GPU add in the same order each time, so that a resumed run ends on the bits of one that was not.

    What has no such order in torch goes on without.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation", category=UserWarning)


def to_device(batch: _B, device: torch.device) -> _B:
    """A batch on another device; a GPU that can copy while it computes is not waited for.

    Args:
        batch: on the CPU.
        device: where it is computed.
    """
    if device.type not in _COPIES_WHILE_COMPUTING or not is_dataclass(batch):
        return batch.to(device)
    values = {each.name: getattr(batch, each.name) for each in fields(batch)}
    moved = {
        name: value.pin_memory().to(device, non_blocking=True)
        for name, value in values.items()
        if isinstance(value, torch.Tensor)
    }
    return replace(batch, **moved)


def wait_for(device: torch.device) -> None:
    """Returns when all that was asked of a device is done, so that a clock may be read; a CPU is never behind."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def compile_forward(model: nn.Module) -> None:
    """Lets torch compile what ``model(...)`` runs, at its first call; weights and checkpoints stay as they are.

    Of a model that is not called itself, such as a generator with its discriminators, the networks are compiled that
    it consists of. What cannot be compiled, and all of it where there is no compiler, runs as before.
    """
    import torch._dynamo

    torch._dynamo.config.suppress_errors = True
    for network in _called(model):
        network.compile()


def _called(module: nn.Module) -> Iterator[nn.Module]:
    """The outermost modules that have a forward pass."""
    if type(module).forward is not nn.Module.forward:
        yield module
        return
    for child in module.children():
        yield from _called(child)
