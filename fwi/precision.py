"""The device and the number type that a job's options come to on this machine."""

from __future__ import annotations

from typing import Literal

import torch

from fwi import config
from fwi.config import Train
from fwi.errors import DeviceError, JobError, UsageError
from fwi.shares import Member

Precision = Literal["fp16", "bf16", "fp32"]


def resolve_device(name: str, who: Member | None = None) -> torch.device:
    """``auto`` → the first CUDA device, else the CPU. A CUDA device becomes the current one.

    Of several processes (``who``) each has the device of its place on the machine. Raises
    DeviceError where there is no device, UsageError where there are fewer than asked for or one is
    asked for by number for all of them.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if who is not None and who.world > 1:
        name = _of_place(name, who, count)
    device = torch.device("cuda" if name == "auto" else name)
    if (device.index or 0) >= count:
        raise _not_there(count, f"--device {name}: {_cuda_here(count)}; take --device cpu, or auto")
    # With its index: what compares devices must not find "cuda" and "cuda:0" different.
    device = torch.device("cuda", device.index or 0)
    # Events, streams and the allocator's readings are the current device's.
    torch.cuda.set_device(device)
    return device


def _of_place(name: str, who: Member, count: int) -> str:
    if ":" in name:
        raise UsageError(
            f"--device {name}: one device for {who.world} processes; take --device cuda, which "
            "gives each its own, and choose among them with CUDA_VISIBLE_DEVICES"
        )
    if who.places > count:
        raise _not_there(
            count,
            f"{who.places} processes on this machine, each on a device of its own: "
            f"{_cuda_here(count)}; take fewer with --nproc, or --device cpu",
        )
    return f"cuda:{who.place}"


def _not_there(count: int, said: str) -> JobError:
    """Where there is no device at all, something is wrong with the machine; where there are fewer
    than asked for, with the options."""
    return UsageError(said) if count else DeviceError(said)


def _cuda_here(count: int) -> str:
    if torch.version.cuda is None:
        return f"the installed torch {torch.__version__} was built without CUDA"
    if not count:
        return "torch finds no CUDA device here (is the driver loaded, CUDA_VISIBLE_DEVICES set?)"
    return f"this machine has {count} CUDA device{'s' if count > 1 else ''}, counted from 0"


def resolve_precision(job: Train, device: torch.device) -> Precision:
    """The precision that a training's options come to."""
    if job.fp16 is not None:
        return "fp16" if job.fp16 else "fp32"
    return precision_of(job.dtype, job.model, device)


def precision_of(asked: config.Dtype, model: config.Model, device: torch.device) -> Precision:
    """``auto`` → bf16 where the GPU computes in it, fp16 on an older GPU (a T4) unless the network
    overflows in it, fp32 else and on a CPU."""
    if asked != "auto":
        return asked
    if device.type != "cuda":
        return "fp32"
    # A T4 runs bf16 too, emulated and slower than fp32.
    if torch.cuda.get_device_capability(device) >= (8, 0):
        return "bf16"
    return "fp32" if model in config.OVERFLOWING else "fp16"
